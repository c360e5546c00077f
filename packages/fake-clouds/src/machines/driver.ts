/** What the cloud tells its machine room about a server. */
export interface MachineSpec {
  id: number;
  name: string;
  /** Exactly as the caller of `POST /servers` gave it; empty when none was given. */
  userData: string;
  serverType: string;
  image: string;
  location: string;
  publicIpv4: string | null;
}

export type MachineStatus = 'absent' | 'off' | 'running';

/**
 * The machine room behind a cloud's API. `create` makes the disk and starts nothing; `powerOn` boots. All calls
 * may be repeated: creating what exists, stopping what is off and destroying what is gone change nothing.
 */
export interface MachineDriver {
  create(spec: MachineSpec): Promise<void>;
  powerOn(id: number): Promise<void>;
  /** `pull` is the power plug: no time to end in order. */
  powerOff(id: number, how?: 'shutdown' | 'pull'): Promise<void>;
  reboot(id: number, how?: 'shutdown' | 'pull'): Promise<void>;
  destroy(id: number): Promise<void>;
  status(id: number): Promise<MachineStatus>;
  /** The end of the serial log, at most `maxBytes`. */
  console(id: number, maxBytes?: number): Promise<string>;
  /** Ends every machine's processes, keeping their disks: what the cloud wants running boots again later. */
  stopAll(): Promise<void>;
}

/** Machines that are only rows: for tests of the API alone. */
export function createPaperMachines(): MachineDriver & { specs: Map<number, MachineSpec> } {
  const specs = new Map<number, MachineSpec>();
  const running = new Set<number>();
  return {
    specs,
    async create(spec) {
      specs.set(spec.id, spec);
    },
    async powerOn(id) {
      if (!specs.has(id)) throw new Error(`There is no machine ${id}.`);
      running.add(id);
    },
    async powerOff(id) {
      running.delete(id);
    },
    async reboot(id) {
      if (specs.has(id)) running.add(id);
    },
    async destroy(id) {
      running.delete(id);
      specs.delete(id);
    },
    async status(id) {
      if (!specs.has(id)) return 'absent';
      return running.has(id) ? 'running' : 'off';
    },
    async console() {
      return '';
    },
    async stopAll() {
      running.clear();
    },
  };
}
