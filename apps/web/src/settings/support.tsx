import { Callout } from '../design/callout.tsx';
import { useAnswer } from './ask.ts';
import { AuditCards } from './audit-cards.tsx';
import { GrantForm } from './grant-form.tsx';
import { ActiveGrant, PastGrants } from './grants.tsx';
import { Answers, AreaPage } from './layout.tsx';

/** Who may enter the server, until when, and what they did there. */
export function SupportArea() {
  const list = useAnswer('support.list', {}, { everyMs: 20_000 });
  const health = useAnswer('instance.health', {});
  const isProcess = health.data?.machine?.kind === 'process';
  return (
    <AreaPage
      title="Support access"
      hint="Nobody can enter your server unless you let them in here, by name and for a time. It ends by itself, and what they do is recorded."
    >
      <Answers query={list} label="Asking who may enter" rows={1}>
        {({ grants }) => {
          const active = grants.filter(({ endedAt }) => endedAt === null);
          return active.map((grant) => <ActiveGrant key={grant.id} grant={grant} />);
        }}
      </Answers>
      {isProcess ? (
        <Callout title="There is nothing to enter here" testId="machine-needed">
          This server is a process of the sandbox. Support access is for machines: deploy to a cloud, or to
          the sandbox’s booted machines.
        </Callout>
      ) : (
        <GrantForm />
      )}
      {list.data && <PastGrants grants={list.data.grants.filter(({ endedAt }) => endedAt !== null)} />}
      <AuditCards />
    </AreaPage>
  );
}
