import { createLocalSession, type LocalSession } from '@claw-cloud/owner-client/api';
import { Link } from '@tanstack/react-router';
import { Eye, EyeOff } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from '../design/button.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, Input } from '../design/field.tsx';
import type { AuthPort } from './port.ts';

const minimumPassword = 10;

/** Accounts of the control plane itself: e-mail and password, no mail needed. */
export function createLocalAuth(): AuthPort {
  const session = createLocalSession({ baseUrl: '' });
  return {
    session,
    restore: session.restore,
    followLink: session.followLink,
    SignIn: () => <SignIn session={session} />,
    SignUp: () => <SignUp session={session} />,
  };
}

function SignIn({ session }: { session: LocalSession }) {
  return (
    <AccountForm
      kind="sign-in"
      title="Sign in"
      hint="to your servers and their chats."
      submit="Sign in"
      act={session.signIn}
      footer={
        <>
          New here?{' '}
          <Link
            to="/sign-up"
            data-testid="to-sign-up"
            className="font-medium text-accent-ink hover:underline"
          >
            Create an account
          </Link>
        </>
      }
    />
  );
}

function SignUp({ session }: { session: LocalSession }) {
  return (
    <AccountForm
      kind="sign-up"
      title="Create your account"
      hint="It lives on this installation. No e-mail is sent."
      submit="Create account"
      act={session.signUp}
      footer={
        <>
          Have an account?{' '}
          <Link
            to="/sign-in"
            data-testid="to-sign-in"
            className="font-medium text-accent-ink hover:underline"
          >
            Sign in
          </Link>
        </>
      }
    />
  );
}

interface AccountFormProps {
  kind: 'sign-in' | 'sign-up';
  title: string;
  hint: string;
  submit: string;
  act: (input: { email: string; password: string }) => Promise<void>;
  footer: ReactNode;
}

function AccountForm({ kind, title, hint, submit, act, footer }: AccountFormProps) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [checked, setChecked] = useState(false);
  const isNew = kind === 'sign-up';
  const badEmail =
    checked && !/^\S+@\S+\.\S+$/.test(email) ? 'Enter your e-mail address, like ada@example.com.' : undefined;
  const badPassword =
    checked && password.length < (isNew ? minimumPassword : 1)
      ? isNew
        ? `Use at least ${minimumPassword} characters.`
        : 'Enter your password.'
      : undefined;

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    setError(undefined);
    if (!/^\S+@\S+\.\S+$/.test(email) || password.length < (isNew ? minimumPassword : 1)) return;
    setBusy(true);
    act({ email: email.trim(), password }).catch((thrown: unknown) => {
      setError(thrown);
      setBusy(false);
    });
  };

  return (
    <>
      <h1 className="font-semibold text-xl">{title}</h1>
      <p className="mt-1 text-muted">{hint}</p>
      <form onSubmit={onSubmit} noValidate className="mt-7 flex flex-col gap-4">
        {error !== undefined && <ErrorNotice trouble={troubleOf(error)} />}
        <Field label="E-mail" error={badEmail}>
          <Input
            type="email"
            name="email"
            autoComplete="username"
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.target.value)}
            data-testid={`${kind}-email`}
          />
        </Field>
        <Field
          label="Password"
          error={badPassword}
          hint={isNew ? `At least ${minimumPassword} characters. A few unrelated words are fine.` : undefined}
        >
          <span className="relative block">
            <PasswordInput
              shown={shown}
              value={password}
              isNew={isNew}
              onChange={setPassword}
              testId={`${kind}-password`}
            />
            <button
              type="button"
              onClick={() => setShown(!shown)}
              aria-label={shown ? 'Hide the password' : 'Show the password'}
              className="absolute top-1/2 right-1.5 grid size-7 -translate-y-1/2 place-items-center rounded-sm text-faint hover:text-ink"
            >
              {shown ? <EyeOff size={15} aria-hidden /> : <Eye size={15} aria-hidden />}
            </button>
          </span>
        </Field>
        <Button type="submit" busy={busy} className="mt-2 w-full" data-testid={`${kind}-submit`}>
          {submit}
        </Button>
      </form>
      <p className="mt-6 text-muted text-sm">{footer}</p>
    </>
  );
}

interface PasswordInputProps {
  shown: boolean;
  value: string;
  isNew: boolean;
  onChange: (value: string) => void;
  testId: string;
}

function PasswordInput({ shown, value, isNew, onChange, testId }: PasswordInputProps) {
  return (
    <Input
      type={shown ? 'text' : 'password'}
      name="password"
      autoComplete={isNew ? 'new-password' : 'current-password'}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className="pr-10"
      data-testid={testId}
    />
  );
}
