import { conversationPrefix, type GatewaySession } from '@claw-cloud/owner-client/api';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { SquarePen } from 'lucide-react';
import { useEffect } from 'react';
import { Button } from '../design/button.tsx';
import { classes } from '../design/classes.ts';
import { Skeleton } from '../design/skeleton.tsx';
import { StatusDot } from '../design/status.tsx';
import { useConnection } from '../instance/connection.tsx';

/** An id for a conversation that the server has not heard of yet; 52 random bits, unique among one owner's. */
export const newConversationId = (): string =>
  globalThis.crypto.randomUUID().replaceAll('-', '').slice(0, 13);

const sessionsKey = (instanceId: string) => ['sessions', instanceId] as const;

/** The conversations on the server, newest first; asked for again when the server says that they changed. */
export function useSessions(instanceId: string) {
  const { connection, gatewayState } = useConnection();
  const queries = useQueryClient();
  const connected = gatewayState.status === 'connected';
  const gateway = connection?.gateway;
  useEffect(() => {
    if (!gateway || !connected) return;
    // Without the subscription the list is only as fresh as its last look.
    gateway.subscribeSessions().catch(() => undefined);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = gateway.onEvent(({ event, payload }) => {
      const state = (payload as { state?: unknown } | undefined)?.state;
      const ended = event === 'chat' && (state === 'final' || state === 'error' || state === 'aborted');
      if (event !== 'sessions.changed' && !ended) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        void queries.invalidateQueries({ queryKey: sessionsKey(instanceId) });
      }, 250);
    });
    return () => {
      clearTimeout(timer);
      off();
    };
  }, [gateway, connected, instanceId, queries]);
  return useQuery({
    queryKey: sessionsKey(instanceId),
    queryFn: () => (gateway ? gateway.listSessions() : []),
    enabled: connected && gateway !== undefined,
  });
}

/** What a conversation is called: its label, else what it began with. */
export const titleOf = (session: GatewaySession): string =>
  session.label || session.derivedTitle || session.lastMessagePreview || 'New conversation';

interface ConversationListProps {
  instanceId: string;
  current: string;
  sessions: readonly GatewaySession[] | undefined;
  onPick?: () => void;
}

/** The conversations, and the way to a new one. */
export function ConversationList({ instanceId, current, sessions, onPick }: ConversationListProps) {
  const navigate = useNavigate();
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="p-3">
        <Button
          variant="secondary"
          size="sm"
          className="w-full"
          data-testid="conversation-new"
          onClick={() => {
            onPick?.();
            void navigate({
              to: '/servers/$instanceId/chat/$conversationId',
              params: { instanceId, conversationId: newConversationId() },
            });
          }}
        >
          <SquarePen size={14} aria-hidden /> New conversation
        </Button>
      </div>
      <nav aria-label="Conversations" className="min-h-0 flex-1 overflow-y-auto px-2 pb-3">
        {sessions === undefined ? (
          <div className="flex flex-col gap-2 px-1">
            <Skeleton className="h-8" />
            <Skeleton className="h-8" />
          </div>
        ) : sessions.length === 0 ? (
          <p className="px-3 py-2 text-faint text-sm" data-testid="conversations-none">
            Your conversations will be listed here. They live on your server.
          </p>
        ) : (
          <ul className="flex flex-col gap-0.5">
            {sessions.map((session) => {
              const id = session.key.slice(conversationPrefix.length);
              const active = id === current;
              return (
                <li key={session.key}>
                  <Link
                    to="/servers/$instanceId/chat/$conversationId"
                    params={{ instanceId, conversationId: id }}
                    data-testid="conversation-item"
                    aria-current={active ? 'page' : undefined}
                    {...(onPick ? { onClick: onPick } : {})}
                    className={classes(
                      'flex items-center gap-2 rounded-md px-3 py-1.5 text-sm transition-colors',
                      active ? 'bg-pressed font-medium' : 'text-muted hover:bg-hover hover:text-ink',
                    )}
                  >
                    <span className="min-w-0 flex-1 truncate">{titleOf(session)}</span>
                    {session.hasActiveRun && <StatusDot tone="accent" live />}
                  </Link>
                </li>
              );
            })}
          </ul>
        )}
      </nav>
    </div>
  );
}
