import { dialTunnel, type TestAgent } from '@claw-cloud/api/testing';
import { toBase64Url } from '@claw-cloud/crypto';
import { generateIdentity } from '@claw-cloud/crypto/signing';
import type { MachineDriver, MachineSpec } from '@claw-cloud/fake-clouds';

interface Machine {
  readonly spec: MachineSpec;
  agent: TestAgent | null;
  on: boolean;
}

const field = (userData: string, name: string): string | undefined =>
  new RegExp(`"${name}": "([^"]+)"`).exec(userData)?.[1];

/**
 * Machines that are no more than their call home: told by their user-data, they register with the real api, keep a
 * tunnel and answer for their health. They hold a socket each and nothing else, so that many fit on a computer.
 */
export function createHomeCallers(options: {
  readonly apiUrl: string;
  readonly log: (line: string) => void;
}): MachineDriver {
  const { apiUrl, log } = options;
  const machines = new Map<number, Machine>();

  async function callHome(machine: Machine): Promise<void> {
    const { userData, name } = machine.spec;
    const instanceId = field(userData, 'instanceId');
    const token = field(userData, 'registrationToken');
    if (instanceId === undefined || token === undefined) return log(`${name}: user-data names no instance`);
    const identity = generateIdentity();
    const response = await fetch(`${apiUrl}/v1/bootstrap/register`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        instanceId,
        identityPublicKey: toBase64Url(identity.publicKey),
        agentPublicKey: toBase64Url(globalThis.crypto.getRandomValues(new Uint8Array(32))),
        agentVersion: '1.0.0',
        openclawVersion: '2.0.0',
      }),
      signal: AbortSignal.timeout(30_000),
    });
    await response.body?.cancel();
    if (!response.ok) return log(`${name}: register answered ${response.status}`);
    if (machine.on) machine.agent = await dialTunnel({ url: apiUrl, instanceId, identity });
    if (!machine.on) machine.agent?.close();
  }

  async function off(id: number): Promise<void> {
    const machine = machines.get(id);
    if (!machine) return;
    machine.on = false;
    machine.agent?.close();
    machine.agent = null;
  }

  async function powerOn(id: number): Promise<void> {
    const machine = machines.get(id);
    if (!machine) throw new Error(`There is no machine ${id}.`);
    if (machine.on) return;
    machine.on = true;
    // A cloud doesn't wait for what its servers do.
    callHome(machine).catch((error: unknown) => log(`${machine.spec.name}: ${String(error)}`));
  }

  return {
    async create(spec) {
      if (!machines.has(spec.id)) machines.set(spec.id, { spec, agent: null, on: false });
    },
    powerOn,
    powerOff: off,
    async reboot(id) {
      await off(id);
      await powerOn(id);
    },
    async destroy(id) {
      await off(id);
      machines.delete(id);
    },
    async status(id) {
      const machine = machines.get(id);
      return machine === undefined ? 'absent' : machine.on ? 'running' : 'off';
    },
    console: async () => '',
    async stopAll() {
      for (const id of [...machines.keys()]) await off(id);
    },
  };
}
