import { useSearch } from '@tanstack/react-router';
import { KeyRound, MessageSquareLock, ServerCog } from 'lucide-react';
import { Redirect } from '../app/redirect.tsx';
import { useSession } from '../app/session.tsx';
import { Splash, ThemeToggle } from '../app/shell.tsx';
import { Button } from '../design/button.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Logo } from '../design/logo.tsx';

const promises = [
  {
    icon: ServerCog,
    title: 'Your cloud account',
    text: 'OpenClaw runs on a server you own and pay your cloud for. Nothing on it listens on the internet.',
  },
  {
    icon: KeyRound,
    title: 'Your keys, sealed here',
    text: 'Cloud credentials are encrypted in this browser. Only the worker that builds your server can open them.',
  },
  {
    icon: MessageSquareLock,
    title: 'Your conversation',
    text: 'Chat is end-to-end encrypted between this browser and your server. We relay what we can’t read.',
  },
];

/** Where somebody signs in or makes an account, by the adapter of this installation. */
export function AccountPage({ kind }: { kind: 'sign-in' | 'sign-up' }) {
  const { state, restart } = useSession();
  const { next } = useSearch({ strict: false }) as { next?: string };
  if (state.status === 'starting') return <Splash />;
  if (state.status === 'signed-in')
    return <Redirect href={next?.startsWith('/') && !next.startsWith('//') ? next : '/'} />;
  const Form =
    state.status === 'signed-out' ? (kind === 'sign-in' ? state.auth.SignIn : state.auth.SignUp) : null;
  return (
    <div className="grid min-h-dvh lg:grid-cols-[minmax(0,1fr)_minmax(0,1.05fr)]">
      <div className="flex flex-col px-6 py-6 sm:px-10">
        <header className="flex items-center justify-between">
          <Logo />
          <ThemeToggle />
        </header>
        <main className="mx-auto flex w-full max-w-sm flex-1 flex-col justify-center py-12">
          {state.status === 'broken' ? (
            <ErrorNotice
              trouble={troubleOf(state.error)}
              action={
                <Button variant="secondary" size="sm" onClick={restart}>
                  Try again
                </Button>
              }
            />
          ) : (
            <>
              {state.error !== undefined && (
                <ErrorNotice trouble={troubleOf(state.error)} tone="caution" className="mb-6" />
              )}
              {Form && <Form />}
            </>
          )}
        </main>
      </div>
      <aside className="relative hidden overflow-hidden border-line border-l bg-sunken lg:flex lg:flex-col lg:justify-center">
        <Waves />
        <div className="relative mx-auto max-w-md px-10">
          <p className="font-semibold text-2xl tracking-[-0.025em]">Your own OpenClaw, in your own cloud.</p>
          <ul className="mt-9 flex flex-col gap-7">
            {promises.map(({ icon: Icon, title, text }) => (
              <li key={title} className="flex gap-4">
                <span className="grid size-9 shrink-0 place-items-center rounded-lg border border-line bg-surface text-accent shadow-1">
                  <Icon size={17} aria-hidden />
                </span>
                <div>
                  <h2 className="font-medium tracking-normal">{title}</h2>
                  <p className="mt-0.5 text-muted">{text}</p>
                </div>
              </li>
            ))}
          </ul>
        </div>
      </aside>
    </div>
  );
}

/** Depth lines behind the promises; decoration only. */
function Waves() {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 800 900"
      preserveAspectRatio="xMidYMid slice"
      className="absolute inset-0 size-full text-line-strong opacity-60"
      fill="none"
      stroke="currentColor"
    >
      {Array.from({ length: 15 }, (_, row) => {
        const y = 30 + row * 62;
        const lift = 16 + (row % 4) * 6;
        const at = `M-40 ${y} C 120 ${y - lift}, 260 ${y + lift}, 400 ${y} S 680 ${y - lift}, 840 ${y}`;
        return <path key={at} d={at} strokeOpacity={0.25 + (row / 15) * 0.45} />;
      })}
    </svg>
  );
}
