import type {
  Catalogue,
  Cloud,
  CloudAccount,
  CredentialSecret,
  DriftItem,
  MissingPermission,
  PowerWish,
  ProductError,
  ProviderId,
} from '@claw-cloud/contracts';

/**
 * Hands the opened credential to a function for the length of one call. What implements it wipes the credential
 * afterwards; a provider neither keeps nor prints what it sees.
 */
export interface OpenCredential {
  use<R>(fn: (secret: CredentialSecret) => R): R;
}

/** What an instance can consist of. A cloud uses some of them. */
export const cloudResourceKinds = [
  'server',
  'firewall',
  'primary_ip',
  'volume',
  'network_interface',
  'network',
  'subnet',
  'gateway',
  'route_table',
  'tag',
] as const;
export type CloudResourceKind = (typeof cloudResourceKinds)[number];

/** Something of an instance in the owner's cloud account. */
export interface CloudResource {
  readonly kind: CloudResourceKind;
  readonly id: string;
  readonly name: string;
  /** ISO 8601; null where the cloud doesn't say. */
  readonly createdAt: string | null;
  /** A server's status in the cloud's own words; null for other kinds. */
  readonly status: string | null;
  /** The id of the server that takes it along when it is deleted; null for what has a life of its own. */
  readonly deletedWith: string | null;
  /** Where the cloud keeps things by region: needed to find it again. */
  readonly region?: string;
}

/** Something that bears a tag of the product, found without knowing the tag. */
export interface TaggedResource extends CloudResource {
  /** `claw-ins_…` as it stands in the cloud. */
  readonly tag: string;
}

export interface DeployWish {
  readonly region: string;
  readonly size: string;
  /** What the owner was shown, in the cloud's currency; null when there is nothing to compare. */
  readonly expectedMonthlyPrice: number | null;
}

/** What a deploy would make and cost. */
export interface Offer {
  readonly monthlyPrice: number;
  readonly currency: string;
  /** What the stack takes as its image: a name or an id, as the cloud has it. */
  readonly image: string;
  readonly architecture: 'x86' | 'arm';
}

export interface Preflight {
  /** What must be solved first, the most basic one first; empty when the deploy can start. */
  readonly blockers: ProductError[];
  readonly warnings: string[];
  /** Known as soon as region and size are, whatever else stands in the way. */
  readonly offer: Offer | null;
}

export type PowerAction = 'on' | 'off' | 'shutdown' | 'reboot';

/** A server's power in the product's words; `changing` is anything in between. */
export type PowerState = 'running' | 'stopped' | 'changing';

export interface ServerState {
  readonly id: string;
  readonly power: PowerState;
  /** The status in the cloud's own words. */
  readonly status: string;
  readonly size: string;
  readonly region: string;
}

export interface ResizeWish extends DeployWish {
  readonly serverId: string;
}

/**
 * One cloud, without Pulumi. Every call is bounded in time and raises ProductError with a code of the closed list;
 * no error text holds the credential.
 */
export interface Provider {
  readonly id: ProviderId;
  /** The name a person knows the cloud by. */
  readonly name: string;
  /** The operating system every server starts from, as the catalogue shows it. */
  readonly image: string;
  /** Raises `credential_rejected` when the cloud doesn't know the credential. */
  whoAmI(credential: OpenCredential): Promise<CloudAccount>;
  /** What a whole life needs and the credential may not do, found without making, changing or paying anything. */
  missingPermissions(credential: OpenCredential): Promise<MissingPermission[]>;
  /** Regions, sizes that can run an assistant, prices as billed (VAT of the account and public address included). */
  catalogue(credential: OpenCredential): Promise<Catalogue>;
  preflight(credential: OpenCredential, wish: DeployWish): Promise<Preflight>;
  /** What stands in the way of another size: architecture, disk, region, stock, price. Changes nothing. */
  preflightResize(credential: OpenCredential, wish: ResizeWish): Promise<Preflight>;
  /** Everything that bears the tag, to the last page and in every region, and what hangs on it. Servers first. */
  findByTag(credential: OpenCredential, tag: string): Promise<CloudResource[]>;
  /** Everything in the account that bears a tag of the product, whichever. */
  findTagged(credential: OpenCredential): Promise<TaggedResource[]>;
  /** Those of the resources that still exist, asked for one by one. */
  stillExisting(credential: OpenCredential, resources: readonly CloudResource[]): Promise<CloudResource[]>;
  /** Waits until it is gone; what is gone already is fine. */
  deleteResource(credential: OpenCredential, resource: CloudResource): Promise<void>;
  /** Null when there is no such server. `region` where the cloud keeps servers by region. */
  serverState(credential: OpenCredential, serverId: string, region: string): Promise<ServerState | null>;
  /** Orders it and waits for it, at most three minutes. Raises `server_missing` for a server that is gone. */
  power(credential: OpenCredential, serverId: string, region: string, action: PowerAction): Promise<void>;
  /**
   * What drifted where the engine doesn't look: rules of a firewall that the cloud keeps as objects of their own and
   * that no program declares. Takes everything that bears the instance's tag. Absent where the engine sees it all.
   */
  inspect?(credential: OpenCredential, resources: readonly CloudResource[]): Promise<DriftItem[]>;
  /** Takes every inbound rule out of a firewall: the repair of what `inspect` found. Present where `inspect` is. */
  closeFirewall?(credential: OpenCredential, firewall: CloudResource): Promise<void>;
  /** What the cloud's Pulumi provider is configured with; fetched anew where it is a session that ends. */
  engineAccess(credential: OpenCredential): Promise<Readonly<Record<string, string>>>;
  /** A server's page in the cloud's console. Touches no network. */
  consoleUrl(serverId: string, region: string): string;
  /** The product's error in a text of the engine that holds this cloud's words; null when there is none. */
  explain(engineText: string): ProductError | null;
}

/** How an owner's wish is put to the cloud: a stop is a request to the operating system first, the plug comes after. */
export const powerActions: Readonly<Record<PowerWish, PowerAction>> = {
  start: 'on',
  stop: 'shutdown',
  reboot: 'reboot',
};

/** What a provider takes from outside, so that tests decide about time and chance. */
export interface ProviderOptions {
  /** Where the cloud's API answers; the cloud's own address when absent. */
  readonly endpoint?: string;
  /** Of one request. @default 15000 */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
  readonly now?: () => Date;
  /** 0 up to 1. */
  readonly random?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
  /** Ends waits and requests early. */
  readonly signal?: AbortSignal;
  /** What the owner's roles ask for; needed where a role is assumed. */
  readonly externalId?: string;
  /** What a role's sessions are called in its owner's own log: which instance they were for. */
  readonly sessionName?: string;
  /** The platform's own identity at this cloud, for roles; by the cloud's own names. */
  readonly platform?: Readonly<Record<string, string>>;
  /** The addresses that requests come from, to be named where a cloud refuses them. */
  readonly egressAddresses?: readonly string[];
}

/** One cloud as the registry knows it. */
export interface CloudEntry {
  readonly descriptor: Cloud;
  /** The folder of its Pulumi program in `stacks/` and of its stand-in in `fake-clouds`. */
  readonly folder: string;
  /** Loaded when asked for: some clouds' clients are large. */
  load(): Promise<(id: ProviderId, name: string, options: ProviderOptions) => Provider>;
}
