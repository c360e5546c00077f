import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  checkedCredential,
  destroyed,
  eventOf,
  newOwner,
  type Owner,
  openChat,
  startDeploy,
  stateOf,
  until,
} from './support/owner.ts';
import { startTestPlatform, type TestPlatform } from './support/platform.ts';
import { addFault, clearFaults, cloudServers } from './support/sandbox.ts';

let platform: TestPlatform;
let owner: Owner;
let credentialId: string;

beforeAll(async () => {
  platform = await startTestPlatform();
  owner = await newOwner(platform);
  credentialId = (await checkedCredential(platform, owner)).id;
}, 240_000);
afterAll(() => platform?.stop());
afterEach(() => clearFaults(platform));

const victims = {
  'the engine’s child': async () => process.kill(engineChild(), 'SIGKILL'),
  'the provisioner': () => platform.kill('provisioner', 'SIGKILL'),
  'the api': () => platform.kill('api', 'SIGKILL'),
};

describe.each(Object.entries(victims))('kill -9 of %s', (_name, kill) => {
  let instanceId: string;

  test('in the middle of a create: the deploy ends as if nothing had happened', {
    timeout: 600_000,
  }, async () => {
    await addFault(platform, {
      kind: 'slow_api',
      match: { method: 'POST', path: '/servers' },
      delayMs: 2500,
    });
    const { instance } = await startDeploy(owner, credentialId);
    instanceId = instance.id;
    await until(struck, (has) => has, 60_000);
    await kill();
    await clearFaults(platform);
    await stateOf(owner, instanceId, 'ready', 300_000);
    const { channel, conversation } = await openChat(platform, owner, instanceId);
    const answer = await conversation.reply(conversation.send('Still there?'), { timeoutMs: 90_000 });
    expect(answer.status).not.toBe('failed');
    channel.close();
    const servers = await cloudServers(platform);
    expect(servers.peakAliveByLabel[`claw-cloud=claw-${instanceId}`]).toBe(1);
  });

  test('in the middle of a destroy: nothing is left', { timeout: 200_000 }, async () => {
    await addFault(platform, {
      kind: 'slow_api',
      match: { method: 'DELETE', path: '/servers/*' },
      delayMs: 2500,
    });
    const killed = async () => {
      await eventOf(
        owner,
        instanceId,
        ({ kind, data }) => kind === 'state' && data.state === 'destroying',
        60_000,
      );
      await until(struck, (has) => has, 60_000);
      await kill();
      await clearFaults(platform);
    };
    // Whichever fails first is what the test says.
    const [receipt] = await Promise.all([destroyed(owner, instanceId, 120_000), killed()]);
    expect(receipt.left).toEqual([]);
    expect((await cloudServers(platform)).alive).toBe(0);
  });
});

/** Whether the request that the cloud is slow with is under way. */
async function struck(): Promise<boolean> {
  const response = await fetch(`${platform.sandbox.controlUrl}/faults`, {
    headers: { authorization: `Bearer ${platform.sandbox.controlToken}` },
  });
  const { faults } = (await response.json()) as { faults: { hits: number }[] };
  return faults.some(({ hits }) => hits > 0);
}

/** The process of the operation under way, by its command line (Linux). */
function engineChild(): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      if (command.includes('provisioner/src/child') && parent === platform.child('provisioner').pid)
        return Number(pid);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error('no operation is under way');
}
