import type { Instance } from '@claw-cloud/contracts';
import { isProblem } from '@claw-cloud/owner-client/api';
import { Link, Outlet, useLocation, useParams } from '@tanstack/react-router';
import { createContext, use } from 'react';
import { useInstance } from '../app/data.ts';
import { Redirect } from '../app/redirect.tsx';
import { useIsSandbox } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { useTitle } from '../app/title.ts';
import { classes } from '../design/classes.ts';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { Badge, CountBadge, StatusDot } from '../design/status.tsx';
import { ConnectionProvider } from '../instance/connection.tsx';
import { EncryptionBadge } from '../instance/encryption-badge.tsx';
import { useEndOfWork } from '../instance/end-of-work.ts';
import { NoticesProvider, useNotices } from '../instance/notices.tsx';
import { statusOf } from '../instance/words.ts';
import { NotFoundPage } from './not-found.tsx';

const InstanceContext = createContext<Instance | null>(null);

/** The server whose pages these are. */
export function useThisInstance(): Instance {
  const instance = use(InstanceContext);
  if (!instance) throw new Error('useThisInstance needs a server page above it.');
  return instance;
}

/** The frame of a server's pages: what it is, how it is, and its tabs. */
export function ServerLayout() {
  const { instanceId = '' } = useParams({ strict: false }) as { instanceId?: string };
  const { data: instance, error } = useInstance(instanceId);
  const { pathname } = useLocation();
  useEndOfWork(instance);
  const sandbox = useIsSandbox(instance?.provider ?? '');
  useTitle(instance?.name);
  if (isProblem(error, 'not_found') || isProblem(error, 'invalid_request')) return <NotFoundPage />;
  if (!instance) {
    return (
      <Page>
        {error ? (
          <ErrorNotice trouble={troubleOf(error)} />
        ) : (
          <SkeletonRows rows={4} label="Loading the server" />
        )}
      </Page>
    );
  }
  const { word, tone, live } = statusOf(instance);
  // An ejected server has no agent any more that could answer.
  const ready = instance.state === 'ready' && instance.ejectedAt === null;
  // The chat fills the window and scrolls inside; every other page scrolls as a whole.
  const isChat = pathname.startsWith(`/servers/${instance.id}/chat`);
  return (
    <InstanceContext value={instance}>
      <ConnectionProvider instanceId={instance.id} ready={ready}>
        <NoticesProvider instanceId={instance.id}>
          <div className={isChat ? 'flex h-[calc(100dvh-3.5rem)] min-h-112 flex-col' : undefined}>
            <div className="shrink-0 border-line border-b">
              <div className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 pt-3.5 sm:px-6">
                <h1 className="flex min-w-0 items-center gap-2.5 font-semibold text-lg">
                  <span className="truncate">{instance.name}</span>
                  {sandbox && <Badge>sandbox</Badge>}
                </h1>
                <span className="inline-flex items-center gap-2 text-muted text-sm">
                  <StatusDot tone={tone} live={live} />
                  {word}
                </span>
                <span className="hidden text-faint text-sm sm:inline">
                  {instance.region} · {instance.size}
                </span>
                {ready && (
                  <span className="ml-auto">
                    <EncryptionBadge />
                  </span>
                )}
              </div>
              <Tabs instance={instance} />
            </div>
            <Outlet />
          </div>
        </NoticesProvider>
      </ConnectionProvider>
    </InstanceContext>
  );
}

function Tabs({ instance }: { instance: Instance }) {
  const { pathname } = useLocation();
  const { unread } = useNotices();
  const news = Object.values(unread).reduce((sum, count) => sum + count, 0);
  const base = `/servers/${instance.id}`;
  const tabs = [
    ...(instance.state === 'ready' && instance.ejectedAt === null ? ([['chat', 'Chat']] as const) : []),
    ['timeline', 'Timeline'] as const,
    ...(instance.state === 'destroyed' ? [] : ([['settings', 'Settings']] as const)),
  ];
  return (
    <nav aria-label="Server" className="mt-1.5 flex gap-1 px-2 sm:px-4">
      {tabs.map(([path, label]) => {
        const active = pathname.startsWith(`${base}/${path}`);
        return (
          <Link
            key={path}
            to={`/servers/$instanceId/${path}`}
            params={{ instanceId: instance.id }}
            data-testid={`tab-${path}`}
            aria-current={active ? 'page' : undefined}
            className={classes(
              'relative rounded-md px-2.5 py-2 text-sm transition-colors',
              active ? 'font-medium text-ink' : 'text-muted hover:text-ink',
            )}
          >
            {label}
            {path === 'settings' && news > 0 && <CountBadge count={news} testId="settings-news" />}
            {active && (
              <span aria-hidden className="absolute inset-x-2.5 -bottom-px h-0.5 rounded-full bg-accent" />
            )}
          </Link>
        );
      })}
    </nav>
  );
}

/** A server's own address: its chat where there can be one, else what is happening to it. */
export function ServerIndex() {
  const { id, state, ejectedAt } = useThisInstance();
  const to =
    state === 'ready' && ejectedAt === null ? '/servers/$instanceId/chat' : '/servers/$instanceId/timeline';
  return <Redirect to={to} params={{ instanceId: id }} />;
}
