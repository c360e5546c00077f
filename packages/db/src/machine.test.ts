import type { InstanceHealth, ReportPhase } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  askedDeploy,
  bootingInstance,
  inOneHour,
  key43,
  readyInstance,
  registrationOf,
  startTestDatabase,
  type TestDatabase,
} from './testing/index.ts';
import type { Database, Lease } from './types.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await startTestDatabase();
  db = test.db;
});
afterAll(() => test?.stop());

const report = (instanceId: string, changes: Partial<ReportPhase> = {}): ReportPhase => ({
  instanceId,
  phase: 'installing',
  status: 'started',
  message: 'Installing',
  ...changes,
});
const health: InstanceHealth = {
  agentVersion: '1.1.0',
  openclawVersion: '2.1.0',
  gateway: 'ready',
  uptimeSeconds: 5,
};

describe('phases', () => {
  it('move the instance on and are shown as progress', async () => {
    const { ownerId, instance, tokenHash } = await bootingInstance(db);
    const owner = db.owner(ownerId);
    const { length } = await owner.listEvents(instance.id, 0, 100);
    for (const [phase, state] of [
      ['booting', 'booting'],
      ['fetching', 'installing'],
      ['hardening', 'installing'],
      ['installing', 'installing'],
      ['configuring', 'installing'],
      ['starting', 'installing'],
      ['warming', 'installing'],
      ['registering', 'registering'],
    ] as const) {
      await db.machine.reportPhase(
        tokenHash,
        report(instance.id, { phase, message: `now ${phase}`, elapsedMs: 12 }),
      );
      expect((await owner.getInstance(instance.id)).state).toBe(state);
    }
    const events = (await owner.listEvents(instance.id, length, 100)).map(({ kind, data }) => ({
      kind,
      ...data,
    }));
    expect(events.filter(({ kind }) => kind === 'state')).toEqual([
      { kind: 'state', state: 'installing' },
      { kind: 'state', state: 'registering' },
    ]);
    expect(events.filter(({ kind }) => kind === 'progress')).toHaveLength(8);
    expect(events).toContainEqual({
      kind: 'progress',
      phase: 'warming',
      step: 'started',
      message: 'now warming',
      elapsedMs: 12,
    });
  });

  it('may come before the deploy operation has ended, and are not undone by it', async () => {
    const { ownerId, instance, operation } = await askedDeploy(db);
    const { epoch } = (await db.provisioner.acquireLease(operation.id, 'test', 60_000)) as Lease;
    const tokenHash = key43();
    await db.provisioner.setState(operation.id, epoch, 'creating');
    await db.provisioner.storeRegistration(operation.id, epoch, tokenHash, inOneHour());
    await db.machine.reportPhase(tokenHash, report(instance.id));
    await db.provisioner.setState(operation.id, epoch, 'booting');
    const result = { state: 'succeeded', failure: null, receipt: null, instanceState: 'booting' } as const;
    await db.provisioner.finishOperation(operation.id, epoch, result);
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({ state: 'installing' });
  });

  it('that fail fail the instance, with the end of the log', async () => {
    const { ownerId, instance, tokenHash } = await bootingInstance(db);
    const failed = report(instance.id, {
      status: 'failed',
      message: 'no space left',
      logTail: 'disk is full',
    });
    await db.machine.reportPhase(tokenHash, failed);
    const failure = {
      code: 'bootstrap_failed',
      phase: 'installing',
      resourceMayExist: true,
      logTail: 'disk is full',
      message: expect.stringContaining('no space left'),
    };
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({ state: 'failed', failure });
    const events = await db.owner(ownerId).listEvents(instance.id, 0, 100);
    expect(events.at(-1)).toMatchObject({ kind: 'failure', data: failure });
  });

  it('bring a machine back that was given up too early', async () => {
    const { ownerId, instance, tokenHash } = await bootingInstance(db);
    await db.machine.reportPhase(tokenHash, report(instance.id, { status: 'failed' }));
    await db.machine.reportPhase(tokenHash, report(instance.id));
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({
      state: 'installing',
      failure: null,
    });
  });
});

describe('a registration token', () => {
  it('is used up by the first of twenty registrations at once', async () => {
    const { ownerId, instance, tokenHash } = await bootingInstance(db);
    const inputs = Array.from({ length: 20 }, () => registrationOf(instance.id));
    const answers = await Promise.allSettled(inputs.map((input) => db.machine.register(tokenHash, input)));
    const winner = answers.findIndex(({ status }) => status === 'fulfilled');
    for (const [at, answer] of answers.entries())
      if (at !== winner)
        expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'registration_replayed' } });
    const found = await db.owner(ownerId).getInstance(instance.id);
    expect(found).toMatchObject({ state: 'registering', agentPublicKey: inputs[winner]?.agentPublicKey });
    expect(await db.machine.identityKey(instance.id)).toBe(inputs[winner]?.identityPublicKey);
  });

  it('is worth nothing afterwards, for phases neither, and the attempt is in the audit log', async () => {
    const { ownerId, instance, tokenHash } = await readyInstance(db);
    await expect(db.machine.reportPhase(tokenHash, report(instance.id))).rejects.toMatchObject({
      code: 'registration_replayed',
    });
    await expect(db.machine.register(tokenHash, registrationOf(instance.id))).rejects.toMatchObject({
      code: 'registration_replayed',
    });
    expect(await db.owner(ownerId).listAudit(1)).toMatchObject([
      {
        action: 'instance.register',
        outcome: 'denied',
        actor: instance.id,
        detail: { code: 'registration_replayed' },
      },
    ]);
  });

  it('of another instance, of nobody, or too old is refused, each with its own code', async () => {
    const mine = await bootingInstance(db);
    const theirs = await bootingInstance(db);
    const register = (hash: string) => db.machine.register(hash, registrationOf(mine.instance.id));
    await expect(register(theirs.tokenHash)).rejects.toMatchObject({ code: 'registration_wrong_instance' });
    await expect(register(key43())).rejects.toMatchObject({ code: 'registration_token_invalid' });

    const { instance, operation } = await askedDeploy(db);
    const { epoch } = (await db.provisioner.acquireLease(operation.id, 'test', 60_000)) as Lease;
    const old = key43();
    await db.provisioner.storeRegistration(
      operation.id,
      epoch,
      old,
      new Date(Date.now() - 1000).toISOString(),
    );
    await expect(db.machine.register(old, registrationOf(instance.id))).rejects.toMatchObject({
      code: 'registration_token_expired',
    });
    // None of it has left a trace in the instances.
    expect(await db.machine.identityKey(mine.instance.id)).toBeNull();
    await register(mine.tokenHash);
  });

  it('of an earlier attempt is good until one of them is used', async () => {
    const { instance, operation } = await askedDeploy(db);
    const { epoch } = (await db.provisioner.acquireLease(operation.id, 'test', 60_000)) as Lease;
    const tokens = [key43(), key43()] as const;
    for (const token of tokens)
      await db.provisioner.storeRegistration(operation.id, epoch, token, inOneHour());
    await db.machine.register(tokens[0], registrationOf(instance.id));
    await expect(db.machine.register(tokens[1], registrationOf(instance.id))).rejects.toMatchObject({
      code: 'registration_replayed',
    });
  });
});

describe('a tunnel', () => {
  it('belongs to the latest node that attached it', async () => {
    const { ownerId, instance } = await readyInstance(db);
    const first = await db.machine.attachTunnel(instance.id, 'node-1');
    const second = await db.machine.attachTunnel(instance.id, 'node-2');
    expect(second).toBe(first + 1);
    await db.machine.detachTunnel(instance.id, first);
    expect(await db.machine.tunnel(instance.id)).toEqual({ node: 'node-2', epoch: second });
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({ online: true });
    await db.machine.detachTunnel(instance.id, second);
    expect(await db.machine.tunnel(instance.id)).toBeNull();
    const events = await db.owner(ownerId).listEvents(instance.id, 0, 100);
    expect(events.filter(({ kind }) => kind === 'tunnel').map(({ data }) => data.online)).toEqual([
      true,
      false,
    ]);
  });

  it('is gone with its node', async () => {
    const one = await readyInstance(db);
    const two = await readyInstance(db);
    await db.machine.attachTunnel(one.instance.id, 'node-dying');
    await db.machine.attachTunnel(two.instance.id, 'node-living');
    expect(await db.machine.detachNode('node-dying')).toBe(1);
    expect(await db.machine.tunnel(one.instance.id)).toBeNull();
    expect(await db.machine.tunnel(two.instance.id)).not.toBeNull();
  });

  it('needs a registered key', async () => {
    const { instance } = await bootingInstance(db);
    await expect(db.machine.attachTunnel(instance.id, 'node')).rejects.toMatchObject({
      code: 'tunnel_key_unknown',
    });
  });
});

describe('ready', () => {
  it('is said once, and again without effect but the versions', async () => {
    const { ownerId, instance } = await readyInstance(db);
    const before = await db.owner(ownerId).getInstance(instance.id);
    expect(before).toMatchObject({ state: 'ready', readyAt: expect.any(String) });
    await db.machine.markReady(instance.id, health);
    const after = await db.owner(ownerId).getInstance(instance.id);
    expect(after).toEqual({ ...before, agentVersion: '1.1.0', openclawVersion: '2.1.0' });
    const states = (await db.owner(ownerId).listEvents(instance.id, 0, 100)).filter(
      ({ data }) => data.state === 'ready',
    );
    expect(states).toHaveLength(1);
  });

  it('is not believed of what never registered', async () => {
    const { ownerId, instance } = await bootingInstance(db);
    await db.machine.markReady(instance.id, health);
    expect(await db.owner(ownerId).getInstance(instance.id)).toMatchObject({ state: 'booting' });
  });
});

it('counts traffic without losing any', async () => {
  const { instance } = await readyInstance(db);
  const piece = { messages: 1, bytesUp: 10, bytesDown: 3_000_000_000 };
  await Promise.all(Array.from({ length: 10 }, () => db.machine.countTraffic(instance.id, piece)));
  const { default: postgres } = await import('postgres');
  const sql = postgres(test.postgresUrl('claw'), { max: 1 });
  const [row] = await sql`select messages, bytes_up, bytes_down from instances where id = ${instance.id}`;
  await sql.end();
  expect(row).toEqual({ messages: '10', bytes_up: '100', bytes_down: '30000000000' });
});
