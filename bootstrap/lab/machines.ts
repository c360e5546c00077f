import type { LabMachine } from './machine/machine.ts';
import type { Lab } from './open-lab.ts';
import type { MachineStart } from './start-machine.ts';

/** What a cloud tells about a server it sells. */
export interface ServerSpec {
  id: number;
  name: string;
  userData: string;
  /** As the cloud names its images; `debian-12` boots a bookworm, everything else a trixie. */
  image: string;
}

export interface LabMachinesOptions {
  lab: Lab;
  imageFiles?: Record<string, string>;
  /** @default warm */
  openclaw?: MachineStart['openclaw'];
  log?: (line: string) => void;
}

/** The machine room of a cloud, with a lab's booted machines in it; each call may be repeated. */
export interface LabMachines {
  create(spec: ServerSpec): Promise<void>;
  powerOn(id: number): Promise<void>;
  powerOff(id: number, how?: 'shutdown' | 'pull'): Promise<void>;
  reboot(id: number, how?: 'shutdown' | 'pull'): Promise<void>;
  destroy(id: number): Promise<void>;
  status(id: number): Promise<'absent' | 'off' | 'running'>;
  /** The end of the serial log, at most `maxBytes`. */
  console(id: number, maxBytes?: number): Promise<string>;
  stopAll(): Promise<void>;
  /** Destroys every machine; the lab stays. */
  close(): Promise<void>;
  /** The machine behind a server, to look into; undefined when there is none. */
  machineOf(id: number): LabMachine | undefined;
}

/** Opens a machine room in a lab. */
export function createLabMachines(options: LabMachinesOptions): LabMachines {
  const { lab, imageFiles = {}, openclaw = 'warm', log = () => undefined } = options;
  const machines = new Map<number, LabMachine>();
  const lines = new Map<number, Promise<unknown>>();

  /** One thing at a time for each machine, in the order it was asked for. */
  function inTurn<T>(id: number, work: () => Promise<T>): Promise<T> {
    const mine = (lines.get(id) ?? Promise.resolve()).then(work, work);
    lines.set(
      id,
      mine.catch(() => undefined),
    );
    return mine;
  }

  function existing(id: number): LabMachine {
    const machine = machines.get(id);
    if (!machine) throw new Error(`There is no machine ${id}.`);
    return machine;
  }

  return {
    create: (spec) =>
      inTurn(spec.id, async () => {
        if (machines.has(spec.id)) return;
        const { id, name, userData, image } = spec;
        const release = image === 'debian-12' ? 'bookworm' : 'trixie';
        const start = {
          name: `s${id}`,
          hostname: name,
          userData,
          release,
          openclaw,
          imageFiles,
          boot: false,
        } as const;
        machines.set(id, await lab.start(start));
        log(`server ${id} (${name}) is ${machines.get(id)!.ipv4}`);
      }),
    powerOn: (id) => inTurn(id, () => existing(id).powerOn()),
    powerOff: (id, how = 'shutdown') => inTurn(id, async () => machines.get(id)?.powerOff(how)),
    reboot: (id, how = 'shutdown') =>
      inTurn(id, async () => {
        const machine = existing(id);
        await machine.powerOff(how);
        await machine.powerOn();
      }),
    destroy: (id) =>
      inTurn(id, async () => {
        await machines.get(id)?.destroy();
        machines.delete(id);
      }),
    async status(id) {
      const machine = machines.get(id);
      if (!machine) return 'absent';
      return (await machine.isRunning()) ? 'running' : 'off';
    },
    console: async (id, maxBytes) => (await machines.get(id)?.console(maxBytes)) ?? '',
    async stopAll() {
      await Promise.all(
        [...machines.keys()].map((id) => inTurn(id, async () => machines.get(id)?.powerOff('pull'))),
      );
    },
    async close() {
      await Promise.all([...machines.keys()].map((id) => this.destroy(id)));
    },
    machineOf: (id) => machines.get(id),
  };
}
