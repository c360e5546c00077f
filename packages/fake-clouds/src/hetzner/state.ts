import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BootBehaviour } from '../faults/faults.ts';

export type Powers = 'read_write' | 'read';

export interface TokenGrant {
  project: string;
  powers: Powers;
}

export type ServerStatus =
  | 'initializing'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'off'
  | 'deleting'
  | 'rebuilding'
  | 'migrating'
  | 'unknown';

export interface ActionRow {
  id: number;
  command: string;
  status: 'running' | 'success' | 'error';
  progress: number;
  started: string;
  finished: string | null;
  resources: { id: number; type: string }[];
  error: { code: string; message: string } | null;
}

export interface ServerRow {
  id: number;
  name: string;
  created: string;
  status: ServerStatus;
  serverType: string;
  imageId: number;
  location: string;
  labels: Record<string, string>;
  firewallIds: number[];
  ipv4Id: number | null;
  ipv6Id: number | null;
  protection: { delete: boolean; rebuild: boolean };
  primaryDiskSize: number;
  boot: BootBehaviour;
}

export interface FirewallRule {
  direction: 'in' | 'out';
  protocol: 'tcp' | 'udp' | 'icmp' | 'esp' | 'gre';
  port: string | null;
  source_ips: string[];
  destination_ips: string[];
  description: string | null;
}

export interface FirewallRow {
  id: number;
  name: string;
  created: string;
  labels: Record<string, string>;
  rules: FirewallRule[];
  /** Label selectors it is applied to; single servers carry the firewall in their own row. */
  selectors: string[];
}

export interface PrimaryIpRow {
  id: number;
  name: string;
  created: string;
  type: 'ipv4' | 'ipv6';
  ip: string;
  location: string;
  labels: Record<string, string>;
  assigneeId: number | null;
  autoDelete: boolean;
  protection: { delete: boolean };
}

export interface ProjectState {
  servers: ServerRow[];
  firewalls: FirewallRow[];
  primaryIps: PrimaryIpRow[];
  actions: ActionRow[];
}

/** One thing that happened to a server, kept after the server is gone. */
export interface HistoryEntry {
  at: string;
  event: 'created' | 'deleted';
  project: string;
  serverId: number;
  name: string;
  labels: Record<string, string>;
}

export interface CloudState {
  version: 1;
  nextId: number;
  /** By SHA-256 of the token in hex: the sandbox does not keep tokens it issued. */
  tokens: Record<string, TokenGrant>;
  projects: Record<string, ProjectState>;
  history: HistoryEntry[];
}

export interface StateStore {
  state: CloudState;
  project(name: string): ProjectState;
  nextId(): number;
  record(entry: HistoryEntry): void;
  /** Writes the state file before it returns (temporary file, then rename); nothing without a `stateFile`. */
  save(): void;
}

const MAX_HISTORY = 10_000;
const MAX_ACTIONS = 2_000;

function emptyState(): CloudState {
  return { version: 1, nextId: 1_000_001, tokens: {}, projects: {}, history: [] };
}

function read(stateFile: string): CloudState {
  let text: string;
  try {
    text = readFileSync(stateFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return emptyState();
    throw error;
  }
  const parsed = JSON.parse(text) as CloudState;
  if (parsed.version !== 1) throw new Error(`The sandbox's state file ${stateFile} is of another version.`);
  return parsed;
}

/** The cloud's memory: plain rows per project, kept in one JSON file when `stateFile` is given. */
export function openState(stateFile?: string): StateStore {
  const state = stateFile ? read(stateFile) : emptyState();
  if (stateFile) mkdirSync(dirname(stateFile), { recursive: true, mode: 0o700 });
  return {
    state,
    project(name) {
      state.projects[name] ??= { servers: [], firewalls: [], primaryIps: [], actions: [] };
      return state.projects[name];
    },
    nextId: () => state.nextId++,
    record(entry) {
      state.history.push(entry);
      if (state.history.length > MAX_HISTORY) state.history.splice(0, state.history.length - MAX_HISTORY);
    },
    save() {
      for (const project of Object.values(state.projects)) {
        const surplus = project.actions.length - MAX_ACTIONS;
        if (surplus > 0) project.actions.splice(0, surplus);
      }
      if (!stateFile) return;
      const temporary = `${stateFile}.${process.pid}.tmp`;
      writeFileSync(temporary, `${JSON.stringify(state, null, 1)}\n`, { mode: 0o600 });
      renameSync(temporary, stateFile);
    },
  };
}
