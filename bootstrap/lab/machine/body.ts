import type { Ended, ProgramOptions } from '../program.ts';
import type { Slot } from '../slot.ts';

export interface BodySpec {
  slot: Slot;
  name: string;
  /** Holds the machine's disk. */
  folder: string;
  /** The root file system to start from; only read. */
  image: string;
  namespace: string;
  serialLog: string;
  memoryMb: number;
  /** Size of the machine's own disk; otherwise there is as much as on this computer. */
  diskMb?: number;
  /** Folders of this computer that the machine sees, read-only. */
  binds: { from: string; to: string }[];
  /** The end of the serial log, for messages. */
  lastWords(): string;
}

/** What a machine runs on: a container or a virtual machine. The calls may be repeated. */
export interface Body {
  /** Puts a file onto the disk before the first boot. */
  bring(path: string, content: string): Promise<void>;
  /** How often it has been started since it was made. */
  boots(): number;
  isRunning(): Promise<boolean>;
  /** Returns when commands can be run in it. */
  powerOn(): Promise<void>;
  /** `pull` is the power plug; so is a shutdown that takes longer than its limit. */
  powerOff(how: 'shutdown' | 'pull', limitMs: number): Promise<void>;
  /** Returns when it has been started once more than `before` times, and commands can be run in it. */
  rebooted(before: number, limitMs: number): Promise<void>;
  /** Whether there is such a file in the running machine; false while it can't be told. */
  holds(path: string): Promise<boolean>;
  exec(argv: readonly string[], options: ProgramOptions): Promise<Ended>;
  destroy(): Promise<void>;
}
