import { startFakeCloud as startDigitalOcean } from '@claw-cloud/fake-clouds/digitalocean';
import { startFakeCloud as startHetzner } from '@claw-cloud/fake-clouds/hetzner';
import { startFakeCloud as startVultr } from '@claw-cloud/fake-clouds/vultr';
import { expect, test } from 'vitest';
import { manyAtOnce } from './many.ts';

test('many at once, over clouds with troubles and a provisioner that is killed: ready, or failed and clean', {
  timeout: 900_000,
}, async () => {
  const said: string[] = [];
  const result = await manyAtOnce({
    clouds: [startHetzner, startDigitalOcean, startVultr],
    deploys: 12,
    killEveryMs: 25_000,
    atOnce: 3,
    bootTimeoutMs: 45_000,
    limitMs: 800_000,
    seed: 7,
    // Twelve are few for chance: more of everything than clouds really give.
    trouble: [
      { kind: 'error_after_effect', probability: 0.2 },
      { kind: 'error_after_effect', match: { makes: 'firewall' }, probability: 0.2 },
      { kind: 'rate_limit', match: { path: '/**' }, probability: 0.05, delayMs: 1_000 },
      { kind: 'never_boots', probability: 0.15 },
    ],
    log: (line) => said.push(line),
  });
  const context = JSON.stringify({ ...result, memory: undefined, said: said.slice(-10) }, null, 1);
  expect(result.undecided, context).toEqual([]);
  expect(result.wrong, context).toEqual([]);
  expect(result.twice, context).toEqual([]);
  expect(result.strays, context).toBe(0);
  expect(result.serversAlive, context).toBe(result.ready);
  expect(result.kills, context).toBeGreaterThan(0);
  expect(result.ready, context).toBeGreaterThan(4);
});
