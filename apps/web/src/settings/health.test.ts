import type { InstanceHealth } from '@claw-cloud/contracts';
import { expect, test } from 'vitest';
import { gatewayNow, lastRestart } from './health.ts';

const check = {
  lastOkSecondsAgo: 3,
  missesInARow: 0,
  restarts: 0,
  lastRestartReason: null,
  memoryMb: null,
};
const health = (changes: Partial<InstanceHealth> = {}): InstanceHealth => ({
  agentVersion: '0.4.0',
  openclawVersion: '2026.9.5',
  gateway: 'ready',
  uptimeSeconds: 10,
  gatewayCheck: check,
  ...changes,
});

test('what was said last counts only as long as the server can be reached', () => {
  expect(gatewayNow(health(), true).word).toBe('Running well');
  expect(gatewayNow(health(), false).word).toBe('Not connected');
  expect(gatewayNow(undefined, true)).toMatchObject({ tone: 'neutral', live: true });
});

test('an assistant that misses its checks does not run well', () => {
  expect(gatewayNow(health({ gateway: 'starting' }), true)).toMatchObject({ tone: 'accent', live: true });
  expect(gatewayNow(health({ gateway: 'down' }), true).tone).toBe('critical');
  const missing = health({ gatewayCheck: { ...check, missesInARow: 2 } });
  expect(gatewayNow(missing, true).tone).toBe('caution');
});

test('restarts are counted, with the reason of the last', () => {
  expect(lastRestart(check)).toBe('none since the agent started');
  expect(lastRestart({ ...check, restarts: 1, lastRestartReason: 'memory' })).toBe(
    'once; the last because it had grown too large',
  );
  expect(lastRestart({ ...check, restarts: 3 })).toBe('3 times');
});
