import type { BootBehaviour } from '../faults/faults.ts';
import type { HistoryEntry } from '../hetzner/state.ts';

/** What the layer remembers of an instance beside what moto does. */
export interface InstanceRecord {
  readonly id: string;
  /** The machine room counts its machines. */
  readonly number: number;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly image: string;
  /** Decoded. */
  readonly userData: string;
  readonly keyName: string | null;
  readonly groupIds: readonly string[];
  readonly subnetId: string;
  readonly ipv6: boolean;
  readonly boot: BootBehaviour;
  size: string;
  vcpus: number;
  on: boolean;
  /** Says `pending` for ever. */
  stuck: boolean;
  /** When it was terminated: what it held stays held a moment longer. */
  endedAt: Date | null;
}

export interface Replayed {
  readonly request: string;
  readonly answer: Promise<{ ok: boolean; status: number; body: string }>;
}

export interface AwsState {
  readonly instances: Map<string, InstanceRecord>;
  readonly history: HistoryEntry[];
  /** Answers to requests with a client token, by account, region and token. */
  readonly replays: Map<string, Replayed>;
  readonly motoKeys: Map<string, string | Promise<string>>;
  /** Default networks that have been set up, by account and region. */
  readonly networks: Map<string, Promise<void>>;
  /** `account region` in which something was made. */
  readonly places: Set<string>;
  readonly vcpusOfType: Map<string, { vcpus: number; architecture: string } | null>;
  nextNumber(): number;
}

export function createState(): AwsState {
  let number = 0;
  return {
    instances: new Map(),
    history: [],
    replays: new Map(),
    motoKeys: new Map(),
    networks: new Map(),
    places: new Set(),
    vcpusOfType: new Map(),
    nextNumber() {
      number += 1;
      return number;
    },
  };
}

export const placesOf = ({ places }: AwsState): { account: string; region: string }[] =>
  [...places].map((place) => {
    const [account = '', region = ''] = place.split(' ');
    return { account, region };
  });
