import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { LogOut, Monitor, Moon, Sun, UserRound } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from '../design/button.tsx';
import { classes } from '../design/classes.ts';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Logo, Mark } from '../design/logo.tsx';
import { Popover } from '../design/popover.tsx';
import { Spinner } from '../design/spinner.tsx';
import { useToast } from '../design/toast.tsx';
import { Redirect } from './redirect.tsx';
import { isSignedOut, useSession } from './session.tsx';
import { applyTheme, readTheme, type Theme } from './theme.ts';

const nextTheme: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const themeIcons = { system: Monitor, light: Sun, dark: Moon };

/** Goes through system, light and dark. */
export function ThemeToggle() {
  const [theme, setTheme] = useState(readTheme);
  const Icon = themeIcons[theme];
  return (
    <Button
      variant="ghost"
      size="icon"
      aria-label={`Theme: ${theme}. Change to ${nextTheme[theme]}.`}
      title={`Theme: ${theme}`}
      onClick={() => {
        applyTheme(nextTheme[theme]);
        setTheme(nextTheme[theme]);
      }}
    >
      <Icon size={16} aria-hidden />
    </Button>
  );
}

/** What stands around every page of somebody who is signed in; everybody else is sent to sign in. */
export function Shell() {
  const { state, ended } = useSession();
  const queries = useQueryClient();
  const { pathname } = useLocation();
  useEffect(
    () =>
      queries.getQueryCache().subscribe(({ query }) => {
        if (isSignedOut(query.state.error)) ended();
      }),
    [queries, ended],
  );
  if (state.status === 'starting') return <Splash />;
  if (state.status === 'broken') return <Broken error={state.error} />;
  if (state.status === 'signed-out') {
    return <Redirect to="/sign-in" search={pathname === '/' ? {} : { next: pathname }} />;
  }
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#main"
        className="absolute top-2 left-2 z-50 -translate-y-16 rounded-md bg-ink px-3 py-2 text-bg text-sm focus-visible:translate-y-0"
      >
        Skip to the content
      </a>
      <header className="sticky top-0 z-20 flex h-14 shrink-0 items-center gap-2 border-line border-b bg-bg/85 px-4 backdrop-blur-md sm:px-6">
        <Link
          to="/"
          aria-label="Claw Cloud, your servers"
          className="mr-2 flex items-center rounded-md sm:mr-5"
        >
          <span className="hidden sm:flex">
            <Logo />
          </span>
          <span className="flex sm:hidden">
            <Mark size={24} />
          </span>
        </Link>
        <nav aria-label="Main" className="flex items-center gap-0.5">
          <NavLink
            to="/"
            label="Servers"
            active={pathname === '/' || pathname.startsWith('/servers') || pathname === '/deploy'}
          />
          <NavLink to="/credentials" label="Credentials" active={pathname.startsWith('/credentials')} />
          <NavLink to="/activity" label="Activity" active={pathname === '/activity'} />
        </nav>
        <div className="ml-auto flex items-center gap-1">
          <ThemeToggle />
          <AccountMenu email={state.owner.email} />
        </div>
      </header>
      <main id="main" className="flex flex-1 flex-col">
        <Outlet />
      </main>
    </div>
  );
}

function NavLink({ to, label, active }: { to: string; label: string; active: boolean }) {
  return (
    <Link
      to={to}
      aria-current={active ? 'page' : undefined}
      className={classes(
        'rounded-md px-2.5 py-1.5 text-sm transition-colors hover:bg-hover',
        active ? 'font-medium text-ink' : 'text-muted hover:text-ink',
      )}
    >
      {label}
    </Link>
  );
}

function AccountMenu({ email }: { email: string | null }) {
  const { signOut } = useSession();
  const toast = useToast();
  return (
    <Popover
      label="Account"
      trigger={<UserRound size={16} aria-hidden />}
      triggerClass="grid size-8 place-items-center rounded-full border border-line bg-surface text-muted shadow-1 hover:text-ink"
      className="w-60 p-1.5"
    >
      <p className="truncate px-2.5 pt-1.5 pb-2 text-muted text-xs" title={email ?? undefined}>
        Signed in as
        <span className="block truncate font-medium text-ink text-sm">{email ?? 'you'}</span>
      </p>
      <Button
        variant="ghost"
        size="sm"
        className="w-full justify-start px-2.5"
        data-testid="sign-out"
        onClick={() => {
          signOut().catch((error: unknown) => toast(troubleOf(error).message, 'critical'));
        }}
      >
        <LogOut size={15} aria-hidden /> Sign out
      </Button>
    </Popover>
  );
}

/** The first moment, before it is known who is here. */
export function Splash() {
  return (
    <div role="status" data-testid="splash" className="grid min-h-dvh place-items-center text-faint">
      <span className="inline-flex items-center gap-3">
        <Spinner size={18} />
        <span className="sr-only">Loading</span>
      </span>
    </div>
  );
}

function Broken({ error }: { error: unknown }) {
  const { restart } = useSession();
  return (
    <div className="mx-auto grid min-h-dvh max-w-lg content-center gap-6 px-6">
      <Logo />
      <ErrorNotice
        trouble={troubleOf(error)}
        action={
          <Button variant="secondary" size="sm" onClick={restart}>
            Try again
          </Button>
        }
      />
    </div>
  );
}

/** A page's width. */
export function Page({ children, narrow = false }: { children: React.ReactNode; narrow?: boolean }) {
  return (
    <div className={classes('mx-auto w-full px-4 py-8 sm:px-6 sm:py-10', narrow ? 'max-w-2xl' : 'max-w-5xl')}>
      {children}
    </div>
  );
}
