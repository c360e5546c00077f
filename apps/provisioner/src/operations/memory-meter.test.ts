import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { meterMemory } from './memory-meter.ts';

describe.runIf(process.platform === 'linux')('the memory of a child', () => {
  test('counts everything below it, by what it is', async () => {
    const inner = `setTimeout(() => undefined, 60000)`;
    const outer = `
      const { spawn } = require('node:child_process');
      const plugin = spawn(process.execPath, ['-e', ${JSON.stringify(inner)}, '/x/pulumi-' + 'resource-cloudy'], { stdio: 'ignore' });
      process.on('SIGTERM', () => { plugin.kill('SIGKILL'); process.exit(0); });
      process.stdout.write('up');
    `;
    const child = spawn(process.execPath, ['-e', outer], { stdio: ['ignore', 'pipe', 'ignore'] });
    const meter = meterMemory(child.pid);
    try {
      if (child.stdout) await once(child.stdout, 'data');
      // Named as soon as it starts, it grows only then.
      await expect
        .poll(() => meter.read()?.byProcess['plugin-cloudy'], { timeout: 20_000 })
        .toBeGreaterThan(20);
    } finally {
      meter.stop();
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    const use = meter.stop();
    expect(use?.byProcess.other).toBeGreaterThan(10);
    expect(use?.byProcess['plugin-cloudy']).toBeGreaterThan(10);
    expect(use?.peakMb).toBeGreaterThan((use?.byProcess.other ?? 0) + 5);
  });
});
