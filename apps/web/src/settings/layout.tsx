import { ChannelError } from '@claw-cloud/owner-client/api';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';
import { Redirect } from '../app/redirect.tsx';
import { ConnectionBanner } from '../chat/connection-banner.tsx';
import { Callout } from '../design/callout.tsx';
import { classes } from '../design/classes.ts';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { CountBadge } from '../design/status.tsx';
import { useConnection } from '../instance/connection.tsx';
import { useNotices } from '../instance/notices.tsx';
import { useThisInstance } from '../pages/server.tsx';
import { type Area, areaGroups, areas, withoutServer } from './areas.ts';

/** The frame of a server's settings: their areas at the left, one of them open. */
export function SettingsLayout() {
  const instance = useThisInstance();
  const { pathname } = useLocation();
  const { seen, unread } = useNotices();
  const current = areas.find(({ path }) => pathname.endsWith(`/settings/${path}`))?.path;
  // A server that is not there yet, or not ours to ask any more, has only what the control plane knows of it.
  const asked = instance.state === 'ready' && instance.ejectedAt === null;
  const waiting = current === undefined ? 0 : (unread[current] ?? 0);
  useEffect(() => {
    if (current !== undefined && waiting > 0) seen(current);
  }, [current, waiting, seen]);

  if (!asked && current !== undefined && !withoutServer.has(current)) {
    return <Redirect to="/servers/$instanceId/settings/overview" params={{ instanceId: instance.id }} />;
  }
  return (
    <>
      {asked && <ConnectionBanner />}
      <div className="mx-auto w-full max-w-5xl px-4 py-6 sm:px-6 sm:py-9 lg:grid lg:grid-cols-[11rem_minmax(0,1fr)] lg:gap-x-12">
        <AreaNav current={current} asked={asked} />
        <div className="min-w-0 max-w-2xl">
          <Outlet />
        </div>
      </div>
    </>
  );
}

function AreaNav({ current, asked }: { current: Area | undefined; asked: boolean }) {
  const instance = useThisInstance();
  const { unread } = useNotices();
  const groups = areaGroups
    .map(({ title, areas: some }) => ({
      title,
      areas: some.filter(({ path }) => asked || withoutServer.has(path)),
    }))
    .filter((group) => group.areas.length > 0);
  useEffect(() => {
    // On a phone the row of areas scrolls: the open one must be in sight.
    if (current !== undefined)
      document.getElementById(`area-${current}`)?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [current]);
  return (
    <nav
      aria-label="Settings"
      className="-mx-4 mb-6 flex gap-1 overflow-x-auto border-line border-b px-4 pb-3 sm:-mx-6 sm:px-6 lg:sticky lg:top-20 lg:mx-0 lg:mb-0 lg:flex-col lg:gap-5 lg:self-start lg:overflow-visible lg:border-0 lg:px-0 lg:pb-0"
    >
      {groups.map((group) => (
        <div key={group.title} className="flex shrink-0 gap-1 lg:flex-col lg:gap-0.5">
          <p className="hidden px-2.5 pb-1 text-faint text-xs lg:block">{group.title}</p>
          {group.areas.map(({ path, title }) => {
            const active = path === current;
            return (
              <Link
                key={path}
                id={`area-${path}`}
                to={`/servers/$instanceId/settings/${path}`}
                params={{ instanceId: instance.id }}
                data-testid={`area-${path}`}
                aria-current={active ? 'page' : undefined}
                className={classes(
                  'flex shrink-0 items-center whitespace-nowrap rounded-md px-2.5 py-1.5 text-sm transition-colors hover:bg-hover',
                  active ? 'bg-hover font-medium text-ink' : 'text-muted hover:text-ink',
                )}
              >
                {title}
                {(unread[path] ?? 0) > 0 && (
                  <span className="lg:ml-auto">
                    <CountBadge count={unread[path] ?? 0} testId={`news-${path}`} />
                  </span>
                )}
              </Link>
            );
          })}
        </div>
      ))}
    </nav>
  );
}

/** The address of the settings themselves: their first area. */
export function SettingsIndex() {
  const { id } = useThisInstance();
  return <Redirect to="/servers/$instanceId/settings/overview" params={{ instanceId: id }} />;
}

/** An area's head and what is in it. */
export function AreaPage({
  title,
  hint,
  children,
}: {
  title: string;
  hint?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="flex flex-col gap-6">
      <header>
        <h2 className="font-semibold text-xl">{title}</h2>
        {hint && <p className="mt-1 max-w-[62ch] text-muted">{hint}</p>}
      </header>
      {children}
    </div>
  );
}

/** Whether the server can't do this because it is a process of the sandbox. */
export const needsMachine = (error: unknown): error is ChannelError =>
  error instanceof ChannelError && error.code === 'machine_needed';

function MachineNeeded({ error }: { error: ChannelError }) {
  return (
    <Callout title={error.message} testId="machine-needed">
      {error.fix}
    </Callout>
  );
}

interface AnswersProps<T> {
  query: { data: T | undefined; error: unknown };
  label: string;
  rows?: number;
  children: (data: T) => ReactNode;
}

/** What the server answered; what it looks like while it has not, and why it may never. */
export function Answers<T>({ query, label, rows = 2, children }: AnswersProps<T>) {
  const { channelState, error } = useConnection();
  if (query.data !== undefined) return children(query.data);
  if (needsMachine(query.error)) return <MachineNeeded error={query.error} />;
  if (query.error !== null && query.error !== undefined)
    return <ErrorNotice trouble={troubleOf(query.error)} />;
  if (error !== undefined) return <ErrorNotice trouble={troubleOf(error)} />;
  if (channelState.status === 'failed' || channelState.status === 'waiting') {
    return (
      <p
        role="status"
        data-testid="unasked"
        className="rounded-lg border border-line border-dashed px-5 py-8 text-center text-muted"
      >
        Your server can’t be asked at the moment. This appears as soon as it can.
      </p>
    );
  }
  return <SkeletonRows rows={rows} label={label} />;
}
