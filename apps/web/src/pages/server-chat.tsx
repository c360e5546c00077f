import {
  type Conversation,
  conversationKey,
  conversationPrefix,
  type Gateway,
  GatewayError,
} from '@claw-cloud/owner-client/api';
import { useParams } from '@tanstack/react-router';
import { PanelLeft } from 'lucide-react';
import { useCallback, useState } from 'react';
import { Redirect } from '../app/redirect.tsx';
import { ChatView, Remembering } from '../chat/chat-view.tsx';
import { ConnectionBanner } from '../chat/connection-banner.tsx';
import { ConversationList, newConversationId, titleOf, useSessions } from '../chat/conversation-list.tsx';
import { Button } from '../design/button.tsx';
import { classes } from '../design/classes.ts';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { useConnection } from '../instance/connection.tsx';
import { useThisInstance } from './server.tsx';

const titleChars = 60;

/** Gives a conversation its title; one that another has already gets a number. */
async function nameSession(gateway: Gateway, key: string, label: string): Promise<void> {
  for (let count = 1; count <= 5; count += 1) {
    try {
      await gateway.renameSession(key, count === 1 ? label : `${label} (${count})`);
      return;
    } catch (error) {
      if (!(error instanceof GatewayError)) return;
    }
  }
}

/** The chat with a server: its conversations at the left, one of them open. */
export function ServerChatPage() {
  const instance = useThisInstance();
  const { conversationId } = useParams({ strict: false }) as { conversationId?: string };
  const { connection, error } = useConnection();
  const sessions = useSessions(instance.id);
  const [listOpen, setListOpen] = useState(false);
  const gateway = connection?.gateway;
  const session = sessions.data?.find(({ key }) => key === conversationKey(conversationId ?? ''));
  const untitled = sessions.data !== undefined && !session?.label;

  const onAnswered = useCallback(
    (conversation: Conversation) => {
      const first = conversation.turns.find((turn) => turn.kind === 'user');
      const label = first?.text
        .split('\n')[0]
        ?.replace(/[*_`#]/g, '')
        .trim()
        .slice(0, titleChars);
      // A title is a convenience: without one the list shows what was said last.
      if (label && gateway) void nameSession(gateway, conversation.sessionKey, label);
    },
    [gateway],
  );

  if (instance.state !== 'ready' || instance.ejectedAt !== null) {
    return <Redirect to="/servers/$instanceId/timeline" params={{ instanceId: instance.id }} />;
  }
  return (
    <div className="relative flex min-h-0 flex-1">
      <div
        className={classes(
          'w-64 shrink-0 flex-col border-line border-r bg-bg md:flex',
          listOpen ? 'absolute inset-y-0 left-0 z-20 flex shadow-3 md:static md:shadow-none' : 'hidden',
        )}
      >
        <ConversationList
          instanceId={instance.id}
          current={conversationId ?? ''}
          sessions={sessions.data}
          onPick={() => setListOpen(false)}
        />
      </div>
      {listOpen && (
        <button
          type="button"
          aria-label="Close the list of conversations"
          onClick={() => setListOpen(false)}
          className="absolute inset-0 z-10 bg-shade md:hidden"
        />
      )}
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <div className="flex items-center gap-1 border-line border-b px-2 py-1 md:hidden">
          <Button
            variant="ghost"
            size="icon"
            aria-label="Conversations"
            aria-expanded={listOpen}
            onClick={() => setListOpen(true)}
          >
            <PanelLeft size={16} aria-hidden />
          </Button>
          <p className="min-w-0 flex-1 truncate text-muted text-sm">
            {session ? titleOf(session) : 'New conversation'}
          </p>
        </div>
        <ConnectionBanner />
        {error !== undefined ? (
          <div className="p-6">
            <ErrorNotice trouble={troubleOf(error)} />
          </div>
        ) : conversationId === undefined ? (
          // Until it is known whether there is a last conversation, nothing can be typed into a new one.
          <div className="mx-auto w-full max-w-3xl px-4 pt-8 sm:px-6">
            <Remembering />
            {sessions.data !== undefined && <ToNewest instanceId={instance.id} sessions={sessions.data} />}
          </div>
        ) : (
          <ChatView
            key={conversationId}
            instanceId={instance.id}
            conversationId={conversationId}
            fresh={sessions.data !== undefined && !session}
            onAnswered={untitled ? onAnswered : undefined}
          />
        )}
      </div>
    </div>
  );
}

/** Whoever comes back finds the last conversation, not an empty page. */
function ToNewest({ instanceId, sessions }: { instanceId: string; sessions: readonly { key: string }[] }) {
  const newest = sessions[0]?.key.slice(conversationPrefix.length) ?? newConversationId();
  return (
    <Redirect
      to="/servers/$instanceId/chat/$conversationId"
      params={{ instanceId, conversationId: newest }}
    />
  );
}
