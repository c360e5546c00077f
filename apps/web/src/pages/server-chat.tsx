import { conversationKey, conversationPrefix } from '@claw-cloud/owner-client/api';
import { Navigate, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { PanelLeft } from 'lucide-react';
import { useEffect, useState } from 'react';
import { ChatView } from '../chat/chat-view.tsx';
import { ConnectionBanner } from '../chat/connection-banner.tsx';
import { ConversationList, titleOf, useSessions } from '../chat/conversation-list.tsx';
import { Button } from '../design/button.tsx';
import { classes } from '../design/classes.ts';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { useConnection } from '../instance/connection.tsx';
import { useThisInstance } from './server.tsx';

const newConversationId = () => globalThis.crypto.randomUUID().slice(0, 13);
const titleChars = 60;

/** The chat with a server: its conversations at the left, one of them open. */
export function ServerChatPage() {
  const instance = useThisInstance();
  const { conversationId } = useParams({ strict: false }) as { conversationId?: string };
  const { new: wantsNew } = useSearch({ strict: false }) as { new?: boolean };
  const navigate = useNavigate();
  const { connection, error } = useConnection();
  const sessions = useSessions(instance.id);
  const [listOpen, setListOpen] = useState(false);
  // A conversation that was begun here and that the server has not heard of yet.
  const [draft, setDraft] = useState(newConversationId);
  const newest = sessions.data?.[0]?.key.slice(conversationPrefix.length);

  useEffect(() => {
    if (wantsNew) setDraft(newConversationId());
  }, [wantsNew]);

  if (instance.state !== 'ready')
    return <Navigate to="/servers/$instanceId/timeline" params={{ instanceId: instance.id }} replace />;
  // Whoever comes back finds the last conversation, not an empty page.
  if (conversationId === undefined && !wantsNew && newest !== undefined) {
    return (
      <Navigate
        to="/servers/$instanceId/chat/$conversationId"
        params={{ instanceId: instance.id, conversationId: newest }}
        replace
      />
    );
  }

  const current = conversationId ?? draft;
  const session = sessions.data?.find(({ key }) => key === conversationKey(current));
  const begin = (text: string) => {
    if (conversationId === undefined) {
      void navigate({
        to: '/servers/$instanceId/chat/$conversationId',
        params: { instanceId: instance.id, conversationId: current },
        replace: true,
      });
    }
    // A title is a convenience: without one the list shows what was said last.
    const label = text.split('\n')[0]?.slice(0, titleChars) ?? '';
    connection?.gateway.renameSession(conversationKey(current), label).catch(() => undefined);
  };

  return (
    <div className="flex min-h-0 flex-1">
      <div
        className={classes(
          'w-64 shrink-0 flex-col border-line border-r bg-bg md:flex',
          listOpen ? 'absolute inset-y-0 left-0 z-20 flex shadow-3 md:static md:shadow-none' : 'hidden',
        )}
      >
        <ConversationList
          instanceId={instance.id}
          current={current}
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
      <div className="flex h-[calc(100dvh-8.75rem)] min-h-96 min-w-0 flex-1 flex-col">
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
        ) : (
          <ChatView
            key={current}
            instanceId={instance.id}
            conversationId={current}
            fresh={conversationId === undefined}
            onFirstMessage={begin}
          />
        )}
      </div>
    </div>
  );
}
