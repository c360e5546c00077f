import type { Instance } from '@claw-cloud/contracts';
import { Link } from '@tanstack/react-router';
import { ChevronRight, CloudCog, Plus, Rocket } from 'lucide-react';
import { useCredentials, useInstances } from '../app/data.ts';
import { useIsSandbox } from '../app/session.tsx';
import { Page } from '../app/shell.tsx';
import { ButtonLink } from '../design/button.tsx';
import { PageHeader } from '../design/card.tsx';
import { EmptyState } from '../design/empty-state.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { money } from '../design/price-tag.tsx';
import { SkeletonRows } from '../design/skeleton.tsx';
import { Badge, StatusDot } from '../design/status.tsx';
import { StraysNotice } from '../instance/strays.tsx';
import { ago, soon, statusOf } from '../instance/words.ts';

/** Every server of the owner; with none, the next step towards the first. */
export function ServersPage() {
  const instances = useInstances();
  const credentials = useCredentials();
  const all = instances.data ?? [];
  const living = all.filter((instance) => instance.state !== 'destroyed');
  const gone = all.filter((instance) => instance.state === 'destroyed');
  return (
    <Page>
      <PageHeader
        title="Servers"
        hint={living.length > 0 ? 'Each is a machine in your own cloud account.' : undefined}
        action={
          living.length > 0 && (
            <ButtonLink to="/deploy" data-testid="deploy-new">
              <Plus size={16} aria-hidden /> Deploy
            </ButtonLink>
          )
        }
      />
      {instances.error && <ErrorNotice trouble={troubleOf(instances.error)} className="mb-6" />}
      <StraysNotice className="mb-6" />
      {instances.isPending || credentials.isPending ? (
        !instances.error && <SkeletonRows label="Loading your servers" />
      ) : living.length > 0 ? (
        <ul className="flex flex-col gap-2.5">
          {living.map((instance) => (
            <ServerRow key={instance.id} instance={instance} />
          ))}
        </ul>
      ) : (
        !instances.error && (
          <FirstStep hasCredential={(credentials.data ?? []).some(({ state }) => state === 'ready')} />
        )
      )}
      {gone.length > 0 && (
        <section className="mt-12">
          <h2 className="mb-3 font-medium text-muted text-sm">Destroyed</h2>
          <ul className="flex flex-col gap-2">
            {gone.slice(0, 20).map((instance) => (
              <ServerRow key={instance.id} instance={instance} />
            ))}
          </ul>
        </section>
      )}
    </Page>
  );
}

function FirstStep({ hasCredential }: { hasCredential: boolean }) {
  if (hasCredential) {
    return (
      <EmptyState
        icon={<Rocket size={21} aria-hidden />}
        title="Deploy your first server"
        action={
          <ButtonLink to="/deploy" data-testid="deploy-new">
            Choose region and size
          </ButtonLink>
        }
      >
        Your cloud account is connected. Pick where it should run and how large it should be; it takes about
        three minutes.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<CloudCog size={21} aria-hidden />}
      title="Connect your cloud account"
      action={
        <ButtonLink to="/credentials/new" data-testid="add-credential">
          Add a credential
        </ButtonLink>
      }
    >
      Servers run in an account of yours, and your cloud bills you directly. Start with a credential: it is
      sealed in this browser before it leaves.
    </EmptyState>
  );
}

function ServerRow({ instance }: { instance: Instance }) {
  const { word, tone, live } = statusOf(instance);
  const sandbox = useIsSandbox(instance.provider);
  const gone = instance.state === 'destroyed';
  return (
    <li>
      <Link
        to="/servers/$instanceId"
        params={{ instanceId: instance.id }}
        data-testid="server-row"
        className={`group flex items-center gap-4 rounded-lg border border-line px-5 transition-colors hover:border-line-strong ${gone ? 'py-2.5' : 'bg-surface py-4 shadow-1'}`}
      >
        <StatusDot tone={tone} live={live} />
        <div className="min-w-0 flex-1">
          <p className="flex items-center gap-2">
            <span className={`truncate ${gone ? 'text-muted' : 'font-medium'}`}>{instance.name}</span>
            {sandbox && <Badge>sandbox</Badge>}
          </p>
          {!gone && (
            <p className="mt-0.5 truncate text-muted text-sm">
              {instance.region} · {instance.size}
              {instance.monthlyPrice !== null &&
                instance.currency !== null &&
                ` · ${money(instance.monthlyPrice, instance.currency)} a month`}
            </p>
          )}
        </div>
        <div className="text-right text-sm">
          <p className={tone === 'critical' ? 'text-critical-ink' : live ? 'text-accent-ink' : 'text-muted'}>
            {word}
          </p>
          <p className="mt-0.5 text-faint text-xs">
            {instance.retryAt !== null
              ? soon(instance.retryAt)
              : ago(instance.destroyedAt ?? instance.createdAt)}
          </p>
        </div>
        <ChevronRight
          size={16}
          aria-hidden
          className="text-faint transition-transform group-hover:translate-x-0.5"
        />
      </Link>
    </li>
  );
}
