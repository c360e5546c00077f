import type { BootBehaviour } from '../faults/faults.ts';

export type Status = 'active' | 'pending' | 'suspended' | 'resizing';

export interface InstanceRow {
  id: string;
  /** What the machine room knows it by. */
  machine: number;
  label: string;
  hostname: string;
  tags: string[];
  plan: string;
  region: string;
  osId: number;
  created: string;
  status: Status;
  power: 'running' | 'stopped';
  health: 'none' | 'locked' | 'installingbooting' | 'ok';
  firewallGroupId: string;
  mainIp: string;
  v6: { network: string; mainIp: string; size: number } | null;
  /** Decoded. */
  userData: string;
  sshKeyIds: string[];
  backups: boolean;
  ddosProtection: boolean;
  defaultPassword: string;
  boot: BootBehaviour;
}

export interface FirewallRule {
  id: number;
  ipType: 'v4' | 'v6';
  protocol: string;
  port: string;
  subnet: string;
  subnetSize: number;
  source: string;
  notes: string;
}

export interface FirewallGroupRow {
  id: string;
  description: string;
  created: string;
  modified: string;
  rules: FirewallRule[];
  lastRule: number;
}

export interface BlockRow {
  id: string;
  label: string;
  region: string;
  sizeGb: number;
  created: string;
  attachedTo: string;
}

export interface ReservedIpRow {
  id: string;
  label: string;
  region: string;
  subnet: string;
  attachedTo: string;
}

export interface AccountState {
  name: string;
  email: string;
  /** Owed when above 0, credit when below, as the vendor counts. */
  balance: number;
  pendingCharges: number;
  /** Null when nothing was ever paid. */
  lastPayment: { date: string; amount: number } | null;
  instances: InstanceRow[];
  firewallGroups: FirewallGroupRow[];
  blocks: BlockRow[];
  reservedIps: ReservedIpRow[];
}

export interface KeyGrant {
  account: string;
  acls: string[];
  /** Addresses that may use the key; null lets every address. */
  allow: string[] | null;
}

/** One thing that happened to a server, kept after the server is gone. */
export interface HistoryEntry {
  event: 'created' | 'deleted';
  account: string;
  id: string;
  tags: string[];
}

export interface VultrState {
  /** By SHA-256 of the key in hex: keys themselves are not kept. */
  keys: Map<string, KeyGrant>;
  accounts: Map<string, AccountState>;
  history: HistoryEntry[];
  nextMachine: number;
  account(name: string): AccountState;
}

const maxHistory = 10_000;

/** The cloud's memory; in memory alone. */
export function openState(): VultrState & { record(entry: HistoryEntry): void } {
  const accounts = new Map<string, AccountState>();
  const history: HistoryEntry[] = [];
  return {
    keys: new Map(),
    accounts,
    history,
    nextMachine: 3_000_001,
    account(name) {
      const known = accounts.get(name);
      if (known) return known;
      const made: AccountState = {
        name: 'Ada Example',
        email: `${name}@example.com`,
        balance: -50,
        pendingCharges: 0,
        lastPayment: { date: '2026-10-01T00:00:00+00:00', amount: -50 },
        instances: [],
        firewallGroups: [],
        blocks: [],
        reservedIps: [],
      };
      accounts.set(name, made);
      return made;
    },
    record(entry) {
      history.push(entry);
      if (history.length > maxHistory) history.shift();
    },
  };
}
