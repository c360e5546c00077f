import type { BootBehaviour } from '../faults/faults.ts';

export type DropletStatus = 'new' | 'active' | 'off' | 'archive';

export interface DropletRow {
  readonly id: number;
  name: string;
  readonly createdAt: string;
  status: DropletStatus;
  /** True while something is done to it: nothing else may be asked then. */
  locked: boolean;
  size: string;
  /** GB; stays when only CPU and memory are changed. */
  disk: number;
  readonly region: string;
  readonly imageId: number;
  /** As it was asked for. */
  readonly image: string;
  tags: string[];
  features: string[];
  readonly userData: string;
  readonly sshKeys: readonly string[];
  readonly publicIpv4: string;
  readonly privateIpv4: string;
  ipv6: string | null;
  readonly boot: BootBehaviour;
}

export interface FirewallTarget {
  addresses?: string[];
  droplet_ids?: number[];
  tags?: string[];
}

export interface FirewallRule {
  protocol: 'tcp' | 'udp' | 'icmp';
  ports: string;
  target: FirewallTarget;
}

export interface FirewallRow {
  readonly id: string;
  name: string;
  readonly createdAt: string;
  inbound: FirewallRule[];
  outbound: FirewallRule[];
  dropletIds: number[];
  tags: string[];
}

export interface ActionRow {
  readonly id: number;
  status: 'in-progress' | 'completed' | 'errored';
  readonly type: string;
  readonly startedAt: string;
  completedAt: string | null;
  readonly dropletId: number;
  readonly region: string;
}

/** A team of the vendor's: what a token reaches. */
export interface AccountState {
  readonly name: string;
  readonly uuid: string;
  email: string;
  emailVerified: boolean;
  status: 'active' | 'warning' | 'locked';
  statusMessage: string;
  dropletLimit: number;
  droplets: DropletRow[];
  firewalls: FirewallRow[];
  /** In the order they were made; they stay when nothing bears them. */
  tags: string[];
  actions: ActionRow[];
}

/** One thing that happened to a droplet, kept after the droplet is gone. */
export interface HistoryEntry {
  readonly event: 'created' | 'deleted';
  readonly dropletId: number;
  readonly tags: readonly string[];
}

export interface TokenGrant {
  readonly account: string;
  /** `all`, or scopes like `droplet:read`. */
  readonly scopes: 'all' | readonly string[];
}
