import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { refuseWhileDown } from '../../updates/records.ts';
import { rootVerb } from '../verb.ts';

export const gatewayUnit = 'openclaw-gateway.service';

const Status = z.object({
  active: z.enum(['active', 'activating', 'deactivating', 'inactive', 'failed', 'other']),
  mainPid: z.number().int().nonnegative(),
  restarts: z.number().int().nonnegative(),
  /** Of the unit's processes, where the kernel accounts for it. */
  memoryMb: z.number().nonnegative().nullable(),
  exitCode: z.number().int().nullable(),
});

const change = (verb: 'start' | 'stop') =>
  rootVerb({
    params: z.object({}),
    result: z.object({}),
    limitMs: 120_000,
    group: 'gateway',
    async work(_, { must, paths }) {
      refuseWhileDown(paths);
      await must(['systemctl', verb, '--no-block', gatewayUnit]);
      return {};
    },
  });

export const gatewayStart = change('start');
export const gatewayStop = change('stop');

const pause = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal });

/** Restarts it. One that hangs would take the unit's whole time to stop: it is killed after `graceSeconds`. */
export const gatewayRestart = rootVerb({
  params: z.object({ graceSeconds: z.number().int().min(1).max(300).optional() }),
  result: z.object({}),
  limitMs: 330_000,
  group: 'gateway',
  async work({ graceSeconds }, { must, signal, paths }) {
    refuseWhileDown(paths);
    await must(['systemctl', 'restart', '--no-block', gatewayUnit]);
    if (graceSeconds === undefined) return {};
    const until = performance.now() + graceSeconds * 1000;
    do {
      await pause(250, signal);
      const state = await must(['systemctl', 'show', gatewayUnit, '--property=ActiveState', '--value']);
      if (state.trim() !== 'deactivating') return {};
    } while (performance.now() < until);
    await must(['systemctl', 'kill', '--signal=SIGKILL', gatewayUnit]);
    return {};
  },
});

/** The end of what the gateway printed in this boot. */
export const gatewayLog = rootVerb({
  params: z.object({ lines: z.number().int().min(1).max(1000) }),
  result: z.object({ text: z.string().max(1024 * 1024) }),
  limitMs: 15_000,
  async work({ lines }, { must }) {
    const argv = [
      'journalctl',
      '-b',
      '--no-pager',
      '--output=cat',
      `--lines=${lines}`,
      `--unit=${gatewayUnit}`,
    ];
    return { text: await must(argv, { maxBytes: 256 * 1024 }) };
  },
});

/** What the service manager says of OpenClaw's gateway. */
export const gatewayStatus = rootVerb({
  params: z.object({}),
  result: Status,
  limitMs: 10_000,
  async work(_, { must }) {
    const wanted = 'ActiveState,MainPID,NRestarts,MemoryCurrent,ExecMainStatus';
    const text = await must(['systemctl', 'show', gatewayUnit, `--property=${wanted}`]);
    const values = new Map(
      text.split('\n').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
    );
    const number = (name: string): number | null => {
      const value = Number(values.get(name));
      return Number.isSafeInteger(value) && value >= 0 ? value : null;
    };
    const memory = number('MemoryCurrent');
    const active = Status.shape.active.catch('other').parse(values.get('ActiveState'));
    return {
      active,
      mainPid: number('MainPID') ?? 0,
      restarts: number('NRestarts') ?? 0,
      memoryMb: memory === null ? null : Math.round(memory / 2 ** 20),
      exitCode: number('ExecMainStatus'),
    };
  },
});
