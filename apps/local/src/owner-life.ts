import type { Catalogue, Credential, InstanceEvent, Operation, Receipt, Size } from '@claw-cloud/contracts';
import { type createApiClient, watchEvents } from '@claw-cloud/owner-client';
import type { Report } from './report.ts';

type Api = ReturnType<typeof createApiClient>;

/** The credential once the provisioner has checked it; raises the cloud's reason when it was refused. */
export async function credentialChecked(
  api: Api,
  credentialId: string,
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
): Promise<Credential> {
  for (let waited = 0; waited < limitMs; waited += 100) {
    const credential = await api.getCredential(credentialId, signal);
    if (credential.state === 'ready') return credential;
    if (credential.state === 'rejected') {
      const { message, fix } = credential.failure ?? { message: 'no reason given', fix: '' };
      throw new Error(`The cloud refused the credential: ${message} ${fix}`.trim());
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `The credential was not checked within ${limitMs / 1000} s. See the provisioner’s log for the reason.`,
  );
}

export interface ChosenOffer {
  readonly size: Size;
  readonly region: string;
  readonly monthly: number;
  readonly hourly: number;
}

/** The cheapest offer of at least the recommended memory; a wish for a region or a size narrows it. */
export function cheapestOffer(
  { sizes }: Catalogue,
  wish: { architecture?: Size['architecture']; region?: string; size?: string },
): ChosenOffer {
  const [first] = sizes
    .filter((size) => (wish.size === undefined ? !size.small : size.id === wish.size))
    .filter((size) => wish.architecture === undefined || size.architecture === wish.architecture)
    .flatMap((size) =>
      size.offers
        .filter((offer) => offer.available && (wish.region === undefined || offer.region === wish.region))
        .map(({ region, monthly, hourly }) => ({ size, region, monthly, hourly })),
    )
    .sort((a, b) => a.monthly - b.monthly);
  if (!first) throw new Error('The cloud offers no such size there now.');
  return first;
}

const stepOfState: Record<string, string> = {
  queued: 'queued',
  preflight: 'preflight',
  creating: 'Pulumi up',
  booting: 'boot',
  registering: 'register',
};

/** What the machine reports while its state is `installing`. */
const stepOfMachinePhase: Record<string, string> = {
  fetching: 'fetch',
  hardening: 'harden',
  installing: 'install',
  starting: 'OpenClaw start',
  warming: 'warm-up',
};

/** Shows each phase of the deploy as it ends; raises the failure's own words when it fails. */
export async function followDeploy(
  api: Api,
  instanceId: string,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  let current = 'queued';
  let detail: string | undefined;
  for await (const event of watchEvents(api, instanceId, { signal })) {
    if (event.kind === 'progress' || event.kind === 'resource') {
      const line = describe(event);
      if (line !== detail) report.note(line);
      detail = line;
      const done = event.data.step === 'finished' ? stepOfMachinePhase[String(event.data.phase)] : undefined;
      if (done) report.step(done, line);
    }
    if (event.kind === 'failure') throw new Error(`${event.data.message} ${event.data.fix}`);
    if (event.kind !== 'state') continue;
    const next = String(event.data.state);
    if (next === current) continue;
    const step = stepOfState[current];
    if (step) report.step(step, detail);
    detail = undefined;
    current = next;
    if (next === 'ready') return;
  }
  throw new Error('The deploy was interrupted.');
}

function describe({ kind, data }: InstanceEvent): string {
  const words =
    kind === 'resource' ? [data.op, data.kind, data.name, data.status] : [data.message ?? data.step];
  return words.filter((word) => typeof word === 'string' && word !== '').join(' ');
}

/** Destroys an instance and waits for the end; raises the failure's own words. */
export async function destroyed(api: Api, instanceId: string, signal: AbortSignal): Promise<Operation> {
  const { id } = await api.destroyInstance(instanceId);
  for (;;) {
    signal.throwIfAborted();
    const operation = await api.getOperation(id, signal);
    if (operation.state === 'failed')
      throw new Error(`${operation.failure?.message} ${operation.failure?.fix}`);
    if (operation.state === 'succeeded') return operation;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** A receipt for a person's eyes. */
export function receiptLines(receipt: Receipt): string[] {
  const rows = (entries: Receipt['made']) =>
    entries.length === 0
      ? ['      nothing']
      : entries.map(({ kind, id, name }) => `      ${kind.padEnd(12)} ${id.padEnd(12)} ${name}`);
  const { cost } = receipt;
  return [
    '',
    '  Receipt',
    '    made',
    ...rows(receipt.made),
    '    deleted',
    ...rows(receipt.deleted),
    '    left',
    ...rows(receipt.left),
    ...(cost === null
      ? []
      : ['    cost', `      about ${cost.amount} ${cost.currency} for ${cost.hours} h: ${cost.basis}`]),
    '',
  ];
}
