/** What can be made to go wrong, by the name a test or a person switches it on with; the same for every cloud. */
export const faultKinds = [
  'quota',
  'primary_ip_quota',
  'rate_limit',
  'unauthorized',
  'forbidden',
  'account_locked',
  'billing_missing',
  'address_not_allowed',
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
  'ignores_shutdown',
  'action_fails',
  'action_stuck',
  'omit_datacenter',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface FaultMatch {
  /** Upper-case HTTP method. */
  method?: string;
  /**
   * Path below the API's version; a `*` stands for one segment, a final `**` for all that follow. For a cloud with
   * actions instead of paths: the action's name.
   */
  path?: string;
  /** Only requests that make such a thing. */
  makes?: 'server' | 'firewall';
  /** Only of this account; `project` is Hetzner's word for it. */
  account?: string;
  project?: string;
  /** Only servers of this size; `serverType` is Hetzner's word for it. */
  size?: string;
  serverType?: string;
  /** Only in this region; `location` is Hetzner's word for it. */
  region?: string;
  location?: string;
}

export interface FaultRequest {
  kind: FaultKind;
  match?: FaultMatch;
  /** How many times it strikes; until removed when absent. */
  times?: number;
  /** How likely it strikes where it could, from 0 to 1. @default 1 */
  probability?: number;
  /** For `slow_api`, `slow_boot` and `hang`; for `rate_limit`, how far off the reset is. */
  delayMs?: number;
  /** For `sold_out`: the catalogue still says available, so that only the create finds out. */
  hidden?: boolean;
}

export interface Fault extends FaultRequest {
  id: number;
  hits: number;
}

/** Where a fault strikes whose `match` names neither method nor path nor what is made. */
const defaultMatch: Partial<Record<FaultKind, FaultMatch>> = {
  quota: { makes: 'server' },
  primary_ip_quota: { makes: 'server' },
  billing_missing: { makes: 'server' },
  sold_out: { makes: 'server' },
  slow_boot: { makes: 'server' },
  never_boots: { makes: 'server' },
  action_fails: { makes: 'server' },
  action_stuck: { makes: 'server' },
  error_after_effect: { makes: 'server' },
  disconnect_after_effect: { makes: 'server' },
};

/** A request as the board sees it. */
export interface FaultTarget {
  method: string;
  path: string;
  account: string;
  makes?: 'server' | 'firewall';
  size?: string;
  region?: string;
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
  const own = fault.match ?? {};
  const placed = own.method !== undefined || own.path !== undefined || own.makes !== undefined;
  const match = placed ? own : { ...defaultMatch[fault.kind], ...own };
  if (match.method !== undefined && match.method !== target.method) return false;
  if (match.path !== undefined && !pathMatches(match.path, target.path)) return false;
  const pairs = [
    [match.makes, target.makes],
    [match.account ?? match.project, target.account],
    [match.size ?? match.serverType, target.size],
    [match.region ?? match.location, target.region],
  ];
  return pairs.every(([wanted, given]) => wanted === undefined || wanted === given);
}

export interface FaultBoard {
  add(request: FaultRequest): Fault;
  list(): Fault[];
  /** False when there is no such fault. */
  remove(id: number): boolean;
  clear(): void;
  /** The first fault of these kinds that strikes here, counted; undefined when none does. */
  take(kinds: readonly FaultKind[], target: FaultTarget): Fault | undefined;
  /** Whether the catalogue should show this size as sold out here; counts nothing. */
  showsSoldOut(account: string, size: string, region: string): boolean;
}

export interface FaultBoardOptions {
  /** From 0 up to, not including, 1: decides for faults with a `probability`. @default Math.random */
  random?: () => number;
}

/** The switched-on faults of one pretend cloud, in memory only: a restart clears them. */
export function createFaultBoard(options: FaultBoardOptions = {}): FaultBoard {
  const random = options.random ?? Math.random;
  let faults: Fault[] = [];
  let nextId = 1;
  const live = (fault: Fault) => fault.times === undefined || fault.hits < fault.times;
  const chosen = ({ probability = 1 }: Fault) => probability >= 1 || random() < probability;
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
        (fault) => kinds.includes(fault.kind) && live(fault) && strikes(fault, target) && chosen(fault),
      );
      if (found) found.hits += 1;
      return found;
    },
    showsSoldOut(account, size, region) {
      const target: FaultTarget = { method: 'POST', path: '', account, makes: 'server', size, region };
      return faults.some(
        (fault) => fault.kind === 'sold_out' && !fault.hidden && live(fault) && strikes(fault, target),
      );
    },
  };
}

/** How a machine behaves when it is switched on; anything but `normal` comes from a fault. */
export interface BootBehaviour {
  kind: 'normal' | 'slow' | 'never';
  delayMs: number;
}

const defaultSlowBootMs = 30_000;

/** How the server that a request makes will boot: takes `slow_boot` and `never_boots` off the board. */
export function takeBootBehaviour(faults: FaultBoard, target: FaultTarget): BootBehaviour {
  const fault = faults.take(['slow_boot', 'never_boots'], target);
  if (!fault) return { kind: 'normal', delayMs: 0 };
  if (fault.kind === 'never_boots') return { kind: 'never', delayMs: 0 };
  return { kind: 'slow', delayMs: fault.delayMs ?? defaultSlowBootMs };
}
