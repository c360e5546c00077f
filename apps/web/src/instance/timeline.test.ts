import type { Instance, InstanceEvent } from '@claw-cloud/contracts';
import { describe, expect, it } from 'vitest';
import { timelineOf } from './timeline.ts';

const instance = (state: Instance['state']): Instance => ({
  id: 'ins_000000000000000000000001',
  credentialId: 'crd_000000000000000000000001',
  provider: 'sandbox',
  name: 'Claw',
  region: 'fsn1',
  size: 'cx23',
  monthlyPrice: 4.75,
  currency: 'EUR',
  state,
  failure: null,
  agentPublicKey: null,
  agentVersion: null,
  openclawVersion: null,
  online: false,
  operationId: null,
  createdAt: '2026-11-21T10:00:00.000Z',
  readyAt: null,
  destroyedAt: null,
  ejectedAt: null,
  health: null,
  healthAt: null,
  consoleUrl: null,
  drift: null,
  retryAt: null,
});
const start = Date.parse('2026-11-21T10:00:00.000Z');

/** Events one second apart. */
const events = (...list: [kind: InstanceEvent['kind'], data: Record<string, unknown>][]): InstanceEvent[] =>
  list.map(([kind, data], at) => ({
    seq: at + 1,
    instanceId: 'ins_000000000000000000000001',
    operationId: null,
    at: new Date(start + at * 1000).toISOString(),
    kind,
    data,
  }));
const state = (name: string): ['state', { state: string }] => ['state', { state: name }];
const deployed = [
  state('queued'),
  state('preflight'),
  state('creating'),
  ['resource', { op: 'create', kind: 'server', name: 'claw', status: 'started' }],
  ['resource', { op: 'create', kind: 'server', name: 'claw', status: 'finished' }],
  state('booting'),
  ['resource', { op: 'create', kind: 'primary_ip', name: '198.18.0.1', status: 'finished' }],
  state('installing'),
  ['progress', { phase: 'starting', step: 'started', message: 'OpenClaw starts' }],
  ['progress', { phase: 'starting', step: 'finished', message: 'OpenClaw starts', elapsedMs: 9000 }],
  state('registering'),
  state('ready'),
] satisfies [InstanceEvent['kind'], Record<string, unknown>][];
const states = (phases: readonly { state: string }[]) => phases.map((phase) => phase.state).join(' ');

describe('the timeline of a server', () => {
  it('knows what is done, what is under way and how long it took', () => {
    const { deploy, destroy } = timelineOf(events(...deployed.slice(0, 9)), instance('installing'));
    expect(states(deploy)).toBe('done done done done active pending pending');
    expect(destroy).toBeNull();
    const creating = deploy[2];
    expect((creating?.endedAt ?? 0) - (creating?.startedAt ?? 0)).toBe(3000);
    expect(deploy[4]?.notes).toMatchObject([{ text: 'OpenClaw starts', status: 'started', tookMs: null }]);
  });

  it('merges the start and the end of a step, and puts resources where they were made', () => {
    const { deploy, readyAt } = timelineOf(events(...deployed), instance('ready'));
    expect(states(deploy)).toBe('done done done done done done done');
    expect(deploy[2]?.notes.map((note) => [note.text, note.status, note.tookMs])).toEqual([
      ['Created server claw', 'finished', 1000],
      ['Created primary ip 198.18.0.1', 'finished', null],
    ]);
    expect(deploy[4]?.notes).toMatchObject([{ text: 'OpenClaw starts', status: 'finished', tookMs: 9000 }]);
    expect(readyAt).toBe(start + 11_000);
  });

  it('names the steps of a first boot, whatever they say of themselves', () => {
    const step = (phase: string, message: string) =>
      ['progress', { phase, step: 'started', message }] satisfies (typeof deployed)[number];
    const boot = [step('fetching', ''), step('hardening', 'Firewall, upgrades, time'), step('newer', '')];
    const { deploy } = timelineOf(events(...deployed.slice(0, 8), ...boot), instance('installing'));
    expect(deploy[4]?.notes.map(({ text }) => text)).toEqual([
      'Fetching the agent',
      'Hardening: Firewall, upgrades, time',
    ]);
  });

  it('shows where it failed and why', () => {
    const failure = {
      code: 'quota_reached',
      retryable: false,
      resourceMayExist: false,
      message: 'Your account holds as many servers as it may.',
      fix: 'Ask your cloud for more.',
    };
    const seen = events(...deployed.slice(0, 3), ['failure', failure], state('failed'));
    const timeline = timelineOf(seen, instance('failed'));
    expect(states(timeline.deploy)).toBe('done done failed pending pending pending pending');
    expect(timeline.failure).toMatchObject({ code: 'quota_reached' });
    const unsaid = timelineOf([], { ...instance('failed'), failure: { ...failure, code: 'quota_reached' } });
    expect(states(unsaid.deploy)).toMatch(/^failed/);
    expect(unsaid.failure).toMatchObject({ code: 'quota_reached' });
  });

  it('begins again with a second attempt', () => {
    const seen = events(...deployed.slice(0, 6), state('preflight'), state('creating'));
    expect(states(timelineOf(seen, instance('creating')).deploy)).toBe(
      'done done active pending pending pending pending',
    );
  });

  it('tells the end apart from the beginning', () => {
    const seen = events(
      ...deployed,
      state('destroying'),
      ['resource', { op: 'delete', kind: 'server', name: 'claw', status: 'finished' }],
      state('destroyed'),
    );
    const { deploy, destroy } = timelineOf(seen, instance('destroyed'));
    expect(states(deploy)).toBe('done done done done done done done');
    expect(states(destroy ?? [])).toBe('done done');
    expect(destroy?.[0]?.notes).toMatchObject([{ text: 'Deleted server claw' }]);
  });

  it('tells what was done to a server that is there apart from both', () => {
    const stop = 'opn_00000000000000000000stop';
    const resize = 'opn_000000000000000000resize';
    const of = (operationId: string, list: InstanceEvent[]) =>
      list.map((event) => ({ ...event, operationId }));
    const failure = {
      code: 'size_sold_out',
      retryable: true,
      resourceMayExist: false,
      message: 'Sold out.',
      fix: 'Choose another.',
    };
    const seen = [
      ...events(...deployed),
      ...of(
        stop,
        events(
          state('stopping'),
          ['progress', { phase: 'stopping', step: 'plug', message: 'Switched off.' }],
          state('stopped'),
        ),
      ),
      ...of(
        resize,
        events(
          state('resizing'),
          ['resource', { op: 'update', kind: 'server', name: 'claw', status: 'finished' }],
          state('ready'),
          ['failure', failure],
        ),
      ),
    ];
    const { deploy, destroy, changes } = timelineOf(seen, instance('ready'));
    expect(states(deploy)).toBe('done done done done done done done');
    expect(destroy).toBeNull();
    expect(changes.map((change) => [change.title, change.state, change.failure?.code])).toEqual([
      ['Stopped', 'done', undefined],
      ['Giving it another size', 'failed', 'size_sold_out'],
    ]);
    expect(changes[0]?.notes).toMatchObject([{ text: 'Switched off.' }]);
    expect(changes[1]?.notes).toMatchObject([{ text: 'Changed server claw' }]);
    expect((changes[0]?.endedAt ?? 0) - (changes[0]?.startedAt ?? 0)).toBe(2000);
  });

  it('ends a restart when the machine says that it is back', () => {
    const seen = events(...deployed, state('rebooting'), state('ready'));
    expect(timelineOf(seen, instance('ready')).changes).toMatchObject([
      { title: 'Restarted', state: 'done' },
    ]);
    const going = events(...deployed, state('rebooting'));
    expect(timelineOf(going, instance('rebooting')).changes).toMatchObject([{ state: 'active' }]);
  });

  it('takes a stopped server for made before its events have come', () => {
    expect(states(timelineOf([], instance('stopped')).deploy)).toBe('done done done done done done done');
  });

  it('goes by the server’s row where its events have not come yet', () => {
    expect(states(timelineOf([], instance('booting')).deploy)).toBe(
      'done done done active pending pending pending',
    );
    expect(states(timelineOf([], instance('destroying')).destroy ?? [])).toBe('active pending');
  });
});
