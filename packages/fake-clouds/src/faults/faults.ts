/** What can be made to go wrong, by the name a test or a person switches it on with. */
export const faultKinds = [
  'quota',
  'primary_ip_quota',
  'rate_limit',
  'unauthorized',
  'forbidden',
  'conflict',
  'locked',
  'maintenance',
  'error_before_effect',
  'error_after_effect',
  'disconnect_before_effect',
  'disconnect_after_effect',
  'slow_api',
  'hang',
  'sold_out',
  'slow_boot',
  'never_boots',
  'action_fails',
  'action_stuck',
  'omit_datacenter',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface FaultMatch {
  /** Upper-case HTTP method. */
  method?: string;
  /** Path below `/v1`; a `*` stands for one segment, a final `**` for all that follow. */
  path?: string;
  project?: string;
  /** For `sold_out`: only this server type. */
  serverType?: string;
  /** For `sold_out`: only this location. */
  location?: string;
}

export interface FaultRequest {
  kind: FaultKind;
  match?: FaultMatch;
  /** How many times it strikes; until removed when absent. */
  times?: number;
  /** For `slow_api`, `slow_boot` and `hang`. */
  delayMs?: number;
  /** For `sold_out`: the catalogue still says available, so that only the create finds out. */
  hidden?: boolean;
}

export interface Fault extends FaultRequest {
  id: number;
  hits: number;
}

/** Where a fault without a `match` of its own strikes. */
const defaultMatch: Partial<Record<FaultKind, FaultMatch>> = {
  quota: { method: 'POST', path: '/servers' },
  primary_ip_quota: { method: 'POST', path: '/servers' },
  sold_out: { method: 'POST', path: '/servers' },
  slow_boot: { method: 'POST', path: '/servers' },
  never_boots: { method: 'POST', path: '/servers' },
  action_fails: { method: 'POST', path: '/servers' },
  action_stuck: { method: 'POST', path: '/servers' },
  error_after_effect: { method: 'POST', path: '/servers' },
  disconnect_after_effect: { method: 'POST', path: '/servers' },
};

export interface FaultTarget {
  method: string;
  path: string;
  project: string;
  serverType?: string;
  location?: string;
}

function pathMatches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/').filter(Boolean);
  const given = path.split('/').filter(Boolean);
  if (wanted.at(-1) === '**') {
    const head = wanted.slice(0, -1);
    return given.length >= head.length && head.every((part, index) => part === '*' || part === given[index]);
  }
  return (
    wanted.length === given.length && wanted.every((part, index) => part === '*' || part === given[index])
  );
}

function strikes(fault: Fault, target: FaultTarget): boolean {
  const match = { ...defaultMatch[fault.kind], ...fault.match };
  if (match.method !== undefined && match.method !== target.method) return false;
  if (match.path !== undefined && !pathMatches(match.path, target.path)) return false;
  if (match.project !== undefined && match.project !== target.project) return false;
  if (match.serverType !== undefined && match.serverType !== target.serverType) return false;
  return match.location === undefined || match.location === target.location;
}

export interface FaultBoard {
  add(request: FaultRequest): Fault;
  list(): Fault[];
  /** False when there is no such fault. */
  remove(id: number): boolean;
  clear(): void;
  /** The first fault of these kinds that strikes here, counted; undefined when none does. */
  take(kinds: readonly FaultKind[], target: FaultTarget): Fault | undefined;
  /** Whether the catalogue should show this type as sold out here; counts nothing. */
  showsSoldOut(project: string, serverType: string, location: string): boolean;
}

/** The switched-on faults of one sandbox, in memory only: a restart clears them. */
export function createFaultBoard(): FaultBoard {
  let faults: Fault[] = [];
  let nextId = 1;
  const live = (fault: Fault) => fault.times === undefined || fault.hits < fault.times;
  return {
    add(request) {
      const fault: Fault = { ...request, id: nextId++, hits: 0 };
      faults.push(fault);
      return fault;
    },
    list: () => faults.map((fault) => ({ ...fault })),
    remove(id) {
      const before = faults.length;
      faults = faults.filter((fault) => fault.id !== id);
      return faults.length < before;
    },
    clear() {
      faults = [];
    },
    take(kinds, target) {
      const found = faults.find(
        (fault) => kinds.includes(fault.kind) && live(fault) && strikes(fault, target),
      );
      if (found) found.hits += 1;
      return found;
    },
    showsSoldOut(project, serverType, location) {
      const target = { method: 'POST', path: '/servers', project, serverType, location };
      return faults.some(
        (fault) => fault.kind === 'sold_out' && !fault.hidden && live(fault) && strikes(fault, target),
      );
    },
  };
}
