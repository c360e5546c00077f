import type { Handlers } from './context.ts';
import { machineNeeded } from './machine-needed.ts';

/** The machine given away for good. */
export const ejectCommands = {
  'instance.eject': async ({ publicKey }, { root, audit, device, goodbye, progress, log }) => {
    if (!root) throw machineNeeded();
    // Everything that can be refused is refused before anybody is told.
    progress('prepare', 'Checking your key and the SSH daemon', 0.1);
    const { keyFingerprint } = await root.ask('eject.prepare', { publicKey });
    audit.record({
      actor: `owner:${device.name}`,
      action: 'instance.eject',
      outcome: 'allowed',
      detail: { keyFingerprint },
    });
    progress('goodbye', 'Telling the control plane', 0.5);
    // Nobody there is no reason to keep the owner's machine from them.
    if (!(await goodbye())) log('the control plane did not hear the goodbye');
    progress('handover', 'Giving the server to you', 0.8);
    await root.ask('eject.begin', {});
    return { ok: true };
  },
} satisfies Handlers;
