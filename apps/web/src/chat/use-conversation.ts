import {
  type Conversation,
  type ConversationSession,
  conversationKey,
  emptyConversation,
  openConversation,
} from '@claw-cloud/owner-client/api';
import { useEffect, useState } from 'react';
import { useConnection } from '../instance/connection.tsx';

interface Open {
  readonly session: ConversationSession;
  readonly conversation: Conversation;
}

/** A conversation by its id, live; null until there is a connection to read it through. */
export function useConversation(id: string): Open | null {
  const { connection } = useConnection();
  const [open, setOpen] = useState<Open | null>(null);
  useEffect(() => {
    if (!connection) return;
    const session = openConversation(connection.gateway, conversationKey(id));
    setOpen({ session, conversation: session.state() });
    const off = session.onChange((conversation) => setOpen({ session, conversation }));
    return () => {
      off();
      session.close();
      setOpen(null);
    };
  }, [connection, id]);
  return open && open.session.key === conversationKey(id) ? open : null;
}

export const noConversation = emptyConversation('');
