import type { ErrorCode, Operation } from '@claw-cloud/contracts';
import type { FakeCloud, FaultRequest } from '@claw-cloud/fake-clouds';
import { engineProcesses } from '@claw-cloud/provisioner/testing';
import { expect } from 'vitest';
import { type Lab, until } from './lab.ts';

export interface FaultCase {
  readonly name: string;
  readonly fault: FaultRequest;
  /** The codes a deploy may fail with; `ready` where it has to get through, or may. */
  readonly ends: readonly (ErrorCode | 'ready')[];
  /** Strikes once the server stands, so that the destroy meets it. */
  readonly inDestroy?: true;
}

export interface Meeting {
  readonly lab: Lab;
  readonly cloud: FakeCloud;
  /** Nothing else goes on in it meanwhile. */
  readonly account: string;
  readonly credentialId: string;
  /** Kinds of trouble, and cases by name, that this cloud doesn't know: there everything must get through. */
  readonly lacks: readonly string[];
}

const anywhere = { path: '/**' };
const server = { makes: 'server' } as const;
const firewall = { makes: 'firewall' } as const;
const once = (fault: FaultRequest): FaultRequest => ({ ...fault, times: 1 });

/** Every kind of trouble the pretend clouds can make, and what may become of a deploy or a destroy that meets it. */
export const faultCases: readonly FaultCase[] = [
  // Slow ones first: they wait beside the others.
  { name: 'a cloud that never finishes', fault: once({ kind: 'action_stuck' }), ends: ['cloud_unavailable'] },
  { name: 'a server that never boots', fault: once({ kind: 'never_boots' }), ends: ['boot_timeout'] },
  {
    name: 'no answer at all',
    fault: once({ kind: 'hang', match: anywhere, delayMs: 120_000 }),
    ends: ['ready', 'cloud_unavailable'],
  },
  {
    name: 'a 429 with a reset',
    fault: { kind: 'rate_limit', match: anywhere, times: 2, delayMs: 1_500 },
    ends: ['ready'],
  },
  {
    name: 'a 429 at the create',
    fault: once({ kind: 'rate_limit', match: server, delayMs: 1_500 }),
    ends: ['ready', 'cloud_rate_limited'],
  },
  {
    name: 'a slow cloud',
    fault: { kind: 'slow_api', match: anywhere, times: 5, delayMs: 2_000 },
    ends: ['ready'],
  },
  {
    name: 'a cut before the effect',
    fault: once({ kind: 'disconnect_before_effect', match: server }),
    ends: ['ready', 'cloud_unavailable'],
  },
  {
    name: 'a conflict',
    fault: once({ kind: 'conflict', match: server }),
    ends: ['ready', 'resource_locked'],
  },
  {
    name: 'a 500 before the effect',
    fault: once({ kind: 'error_before_effect', match: server }),
    ends: ['ready', 'cloud_unavailable'],
  },
  {
    name: 'a 500 after the effect',
    fault: once({ kind: 'error_after_effect', match: server }),
    ends: ['ready'],
  },
  {
    name: 'a 500 after the firewall was made',
    fault: once({ kind: 'error_after_effect', match: firewall }),
    ends: ['ready'],
  },
  {
    name: 'a cut after the effect',
    fault: once({ kind: 'disconnect_after_effect', match: server }),
    ends: ['ready'],
  },
  {
    name: 'a locked resource',
    fault: once({ kind: 'locked', match: server }),
    ends: ['ready', 'resource_locked'],
  },
  {
    name: 'maintenance',
    fault: { kind: 'maintenance', match: server },
    ends: ['cloud_maintenance'],
  },
  { name: 'a quota', fault: { kind: 'quota' }, ends: ['quota_reached'] },
  { name: 'a quota of addresses', fault: { kind: 'primary_ip_quota' }, ends: ['quota_reached'] },
  { name: 'a size that is sold out', fault: { kind: 'sold_out' }, ends: ['size_sold_out'] },
  {
    name: 'a size that only the create knows to be sold out',
    fault: { kind: 'sold_out', hidden: true },
    ends: ['size_sold_out'],
  },
  {
    name: 'a server whose start fails',
    fault: once({ kind: 'action_fails' }),
    // Some clouds take away what they could not start: then the next try makes it.
    ends: ['ready', 'cloud_unexpected'],
  },
  {
    name: 'a credential that was revoked',
    fault: { kind: 'unauthorized', match: anywhere },
    ends: ['credential_rejected'],
  },
  {
    name: 'a credential that lost its power',
    fault: { kind: 'forbidden', match: server },
    ends: ['credential_powerless'],
  },
  {
    name: 'a locked account',
    fault: { kind: 'account_locked', match: anywhere },
    ends: ['cloud_account_locked'],
  },
  {
    name: 'an account without billing',
    fault: { kind: 'billing_missing' },
    ends: ['billing_missing'],
  },
  {
    name: 'addresses that are not on the list',
    fault: { kind: 'address_not_allowed', match: anywhere },
    ends: ['address_not_allowed'],
  },
  {
    name: 'a destroy at a cloud that says to wait',
    fault: { kind: 'rate_limit', match: anywhere, times: 2, delayMs: 1_500 },
    ends: ['ready'],
    inDestroy: true,
  },
  {
    name: 'a destroy at a cloud with errors of its own',
    fault: { kind: 'error_before_effect', match: anywhere, times: 3 },
    ends: ['ready'],
    inDestroy: true,
  },
  {
    name: 'a destroy of what is locked',
    fault: { kind: 'locked', match: { method: 'DELETE', path: '/**' }, times: 2 },
    ends: ['ready'],
    inDestroy: true,
  },
];

/** With these the account can't even be looked at: whether something is in it stays open. */
const closedDoors: readonly string[] = ['credential_rejected', 'cloud_account_locked', 'address_not_allowed'];

/** Goes through a trouble, to the end: an account without anything of the instance, and a receipt that says so. */
export async function meet(
  { lab, cloud, account, credentialId, lacks }: Meeting,
  { name, fault, ends, inDestroy }: FaultCase,
): Promise<void> {
  const strike = () => cloud.faults.add({ ...fault, match: { ...fault.match, account } });
  let struck = inDestroy ? undefined : strike();
  try {
    const deployed = await lab.deploy(cloud, credentialId);
    const { instanceId, tag } = deployed;
    const operation = await lab.ended(deployed.operationId);
    // A stuck one, too, is ended with its operation.
    await until('no process of its engine is left', () =>
      engineProcesses(deployed.operationId).length === 0 ? true : null,
    );
    const said = () => `${JSON.stringify(operation.failure)}\n${lab.said()}`;
    let end: ErrorCode | 'ready' = operation.failure?.code ?? 'ready';
    if (end !== 'ready') await expectClean(cloud, tag, operation, said());
    else if (fault.kind === 'never_boots') end = await bootsNever(lab, instanceId);
    else await lab.callHome(cloud, deployed);
    if (inDestroy) struck = strike();

    const destroyed = await lab.destroy(instanceId);
    const hits = cloud.faults.list().find(({ id }) => id === struck?.id)?.hits ?? 0;
    if (struck) cloud.faults.remove(struck.id);
    // Only what lasts may keep a destroy from its end.
    const last =
      destroyed.state === 'failed' && fault.times === undefined ? await lab.destroy(instanceId) : destroyed;
    expect(last, lab.said()).toMatchObject({ state: 'succeeded', failure: null, receipt: { left: [] } });
    expect(await ofTag(cloud, tag)).toEqual([]);
    expect(cloud.history(tag).peak, 'never a second server').toBeLessThanOrEqual(1);

    if (lacks.includes(fault.kind) || lacks.includes(name)) return expect(end, said()).toBe('ready');
    // What the catalogue says already is never tried.
    if (end === 'ready') expect(hits, `${fault.kind} never struck`).toBeGreaterThan(0);
    expect(ends, said()).toContain(end);
  } finally {
    if (struck) cloud.faults.remove(struck.id);
  }
}

/** Behind a closed door nothing can be cleaned up; everywhere else it has been, and the failure says what to do. */
async function expectClean(
  cloud: FakeCloud,
  tag: string,
  { failure }: Pick<Operation, 'failure'>,
  said: string,
): Promise<void> {
  expect(failure?.fix, said).toBeTruthy();
  expect(failure?.phase, said).toMatch(/^(preflight|creating)$/);
  if (failure?.resourceMayExist) expect(closedDoors, said).toContain(failure.code);
  else expect(await ofTag(cloud, tag), said).toEqual([]);
}

async function bootsNever(lab: Lab, instanceId: string): Promise<ErrorCode | 'ready'> {
  const gaveUp = await until(
    'the boot is given up',
    async () => {
      const instance = await lab.instance(instanceId);
      return instance.failure === null ? null : instance.failure;
    },
    180_000,
  );
  return gaveUp.code;
}

/** What the pretend cloud itself says is there. */
export const ofTag = async (cloud: FakeCloud, tag: string) =>
  (await cloud.resources()).filter((resource) => resource.tag === tag);
