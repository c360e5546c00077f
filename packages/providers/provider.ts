import type {
  Catalogue,
  CloudAccount,
  CredentialSecret,
  MissingPermission,
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

export type CloudResourceKind = 'server' | 'firewall' | 'primary_ip' | 'volume' | 'network';

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

/**
 * One cloud, without Pulumi. Every call is bounded in time and raises ProductError with a code of the closed list;
 * no error text holds the credential.
 */
export interface Provider {
  readonly id: ProviderId;
  /** The name a person knows the cloud by. */
  readonly name: string;
  /** The operating system every server starts from. */
  readonly image: string;
  /** Raises `credential_rejected` when the cloud doesn't know the credential. */
  whoAmI(credential: OpenCredential): Promise<CloudAccount>;
  /** What a deploy needs and the credential may not do, found without making or changing anything. */
  missingPermissions(credential: OpenCredential): Promise<MissingPermission[]>;
  /** Regions, sizes that can run an assistant, prices as billed (VAT of the account and public address included). */
  catalogue(credential: OpenCredential): Promise<Catalogue>;
  preflight(credential: OpenCredential, wish: DeployWish): Promise<Preflight>;
  /** Everything that bears the tag, to the last page, and what hangs on it. */
  findByTag(credential: OpenCredential, tag: string): Promise<CloudResource[]>;
  /** Those of the resources that still exist, asked for one by one. */
  stillExisting(credential: OpenCredential, resources: readonly CloudResource[]): Promise<CloudResource[]>;
  /** Waits until it is gone; what is gone already is fine. */
  deleteResource(credential: OpenCredential, resource: CloudResource): Promise<void>;
  /** A server's status in the cloud's own words; null when there is no such server. */
  serverStatus(credential: OpenCredential, serverId: string): Promise<string | null>;
  power(credential: OpenCredential, serverId: string, action: PowerAction): Promise<void>;
  /** The product's error in a text of the engine that holds this cloud's words; null when there is none. */
  explain(engineText: string): ProductError | null;
}

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
}
