import { type PowerWish, ProductError } from '@claw-cloud/contracts';
import type { PowerAction, PowerState, Provider } from '@claw-cloud/providers';
import { describe, expect, test, vi } from 'vitest';
import type { ServerWork } from './on-server.ts';
import type { OperationParts } from './parts.ts';
import { switchPower } from './power.ts';

const down = new ProductError('cloud_unavailable', 'It does not answer.', 'Wait.');

/** A cloud with one server; `obeys` says what an order does to it. */
async function switched(
  wish: PowerWish,
  power: PowerState | 'gone',
  obeys: (action: PowerAction, set: (state: PowerState) => void) => void,
) {
  let now = power;
  const orders: PowerAction[] = [];
  const cloud = {
    serverState: async () =>
      now === 'gone' ? null : { id: '1', power: now, status: now, size: '', region: '' },
    power: async (_credential: unknown, _id: string, _region: string, action: PowerAction) => {
      orders.push(action);
      obeys(action, (state) => {
        now = state;
      });
    },
  } as unknown as Provider;
  const said: unknown[] = [];
  const parts = {
    settings: { shutdownGraceMs: 3_000 },
    signal: new AbortController().signal,
    now: () => new Date(Date.now()),
    notes: { appendEvent: async (_kind: string, data: unknown) => void said.push(data) },
  } as unknown as OperationParts;
  const task = { lease: { instance: { region: 'here', state: 'stopping' } } } as unknown as Parameters<
    typeof switchPower
  >[1];
  const server = { cloud, credential: {}, serverId: '1' } as unknown as ServerWork;
  const work = switchPower(parts, task, server, wish).then(
    () => null,
    (error: unknown) => error as ProductError,
  );
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    // The pauses are real ones of a second; the clock that limits them is turned by hand.
    const turning = setInterval(() => vi.setSystemTime(Date.now() + 30_000), 500);
    const error = await work;
    clearInterval(turning);
    return { error, orders, said, now };
  } finally {
    vi.useRealTimers();
  }
}

describe('switching a server', () => {
  test('asks the operating system to stop, and leaves the plug in when it does', async () => {
    const { error, orders } = await switched('stop', 'running', (_action, set) => set('stopped'));
    expect([error, orders]).toEqual([null, ['shutdown']]);
  });

  test('pulls the plug of one that does not shut down, and says so', async () => {
    const { error, orders, said } = await switched('stop', 'running', (action, set) => {
      if (action === 'off') set('stopped');
    });
    expect([error, orders]).toEqual([null, ['shutdown', 'off']]);
    expect(said).toMatchObject([{ step: 'plug' }]);
  });

  test('orders nothing where the server is as wished', async () => {
    expect(await switched('stop', 'stopped', () => undefined)).toMatchObject({ error: null, orders: [] });
    expect(await switched('start', 'running', () => undefined)).toMatchObject({ error: null, orders: [] });
  });

  test('believes the server, not the error of an order that took effect', async () => {
    const { error, orders } = await switched('start', 'stopped', (_action, set) => {
      set('running');
      throw down;
    });
    expect([error, orders]).toEqual([null, ['on']]);
  });

  test('passes on an error of an order without effect, and every error of a reboot', async () => {
    const refuse = () => {
      throw down;
    };
    expect(await switched('start', 'stopped', refuse)).toMatchObject({ error: down, orders: ['on'] });
    expect(await switched('reboot', 'running', refuse)).toMatchObject({ error: down, orders: ['reboot'] });
  });

  test('knows a server that is gone, and one that does not get there', async () => {
    expect((await switched('start', 'gone', () => undefined)).error).toMatchObject({
      code: 'server_missing',
    });
    expect((await switched('start', 'stopped', () => undefined)).error).toMatchObject({
      code: 'cloud_unexpected',
    });
  });
});
