import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ready } from '@claw-cloud/crypto';
import { buildAgentBundle } from '../../agent/bundle.ts';
import { type Birth, makeBirth } from '../../agent/testing/machine.ts';
import { type StubControlPlane, startStubControlPlane } from '../../agent/testing/stub-control-plane.ts';
import { type Lab, type LabMachine, type MachineStart, openLab } from '../../lab/index.ts';
import { buildUserData } from '../src/index.ts';

export interface FirstBoot {
  lab: Lab;
  /** Its bundle of the agent, served by every control plane made here. */
  sha256: string;
  /** Where it lies, as `<sha256>.mjs`; what is put beside it is served too. */
  bundles: string;
  /** A machine with a control plane of its own, booted and on its way. */
  start(spec?: Partial<MachineStart> & { away?: boolean; openclawVersion?: string }): Promise<Server>;
  close(): Promise<void>;
}

export interface Server {
  machine: LabMachine;
  birth: Birth;
  controlPlane: StubControlPlane;
  /** Waits for the registration; raises with the console's end when it doesn't come. */
  registered(limitMs?: number): Promise<void>;
  /** Waits for another tunnel than the first `count`. */
  tunnelsAbove(count: number, limitMs?: number): Promise<void>;
}

/** What a first boot needs around it: a lab, a bundle of the agent, a stand-in of the control plane; for tests. */
export async function openFirstBoot(artefacts: string): Promise<FirstBoot> {
  await ready();
  const folder = mkdtempSync(join(tmpdir(), 'claw-first-boot-'));
  const { sha256 } = await buildAgentBundle(folder);
  const lab = await openLab({ artefacts });
  const controlPlanes: StubControlPlane[] = [];
  return {
    lab,
    sha256,
    bundles: folder,
    async start({ away = false, openclawVersion, ...spec } = {}) {
      const token = 'T'.repeat(43);
      const controlPlane = await startStubControlPlane({ bundleDir: folder, token });
      controlPlanes.push(controlPlane);
      const url = await lab.expose(Number(new URL(controlPlane.url).port));
      const birth = makeBirth(url, sha256, token);
      const userData = buildUserData({
        ...birth.config,
        ...(openclawVersion === undefined ? {} : { openclaw: { version: openclawVersion } }),
        sources: { npm: lab.world.npmRegistry.replace(/\/$/, '') },
      });
      if (away) lab.world.break('host', 'refuse');
      const machine = await lab.start({ openclaw: 'stand-in', userData, ...spec });
      const wait = async (what: string, isSo: () => boolean, limitMs: number): Promise<void> => {
        for (const end = Date.now() + limitMs; !isSo(); ) {
          if (Date.now() > end) {
            const phases = controlPlane.phases.map((phase) => JSON.stringify(phase)).join('\n');
            throw new Error(`${what}: not within ${limitMs} ms\n${phases}\n${await machine.console(12_000)}`);
          }
          await pause(250);
        }
      };
      return {
        machine,
        birth,
        controlPlane,
        registered: (limitMs = 300_000) =>
          wait('registered', () => controlPlane.registered() !== null, limitMs),
        tunnelsAbove: (count, limitMs = 120_000) =>
          wait('a tunnel', () => controlPlane.tunnels() > count, limitMs),
      };
    },
    async close() {
      await lab.close();
      for (const controlPlane of controlPlanes) await controlPlane.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
