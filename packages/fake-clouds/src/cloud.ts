import type { FaultBoard } from './faults/faults.ts';
import type { MachineDriver } from './machines/driver.ts';

/** Something that exists in the pretend cloud, in any account. */
export interface FakeResource {
  /** `server`, `firewall`, `primary_ip`, `volume`, `network`, `subnet`, `gateway`, `route_table`, `tag`. */
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** `claw-ins_…` where it bears one. */
  readonly tag: string | null;
  /** For firewalls and security groups: how many rules let something in. */
  readonly inboundRules?: number;
}

export interface FakeServer extends FakeResource {
  readonly kind: 'server';
  readonly power: 'running' | 'stopped' | 'changing';
  readonly size: string;
  readonly region: string;
  readonly image: string;
  /** Exactly as it was given, decoded where the cloud wants it encoded. */
  readonly userData: string;
  /** Keys that may log in; the product gives none. */
  readonly sshKeys: readonly string[];
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** A request as the cloud saw it; bodies are kept for checks against the vendor's specification, never the credential. */
export interface SeenRequest {
  readonly method: string;
  /** For a cloud with actions instead of paths: the action's name, e.g. `RunInstances`. */
  readonly path: string;
  readonly query: string;
  readonly status: number;
  readonly body: string;
  readonly userAgent: string;
  /** Tells credentials apart without showing them. */
  readonly credential: string;
}

export interface FakeCloudOptions {
  readonly machines: MachineDriver;
  /** How long the cloud takes for what takes it time. @default 30 */
  readonly actionMs?: number;
  readonly faults?: FaultBoard;
  /** Servers an account may have. @default 20 */
  readonly serverLimit?: number;
  /** @default 100000 */
  readonly requestsPerHour?: number;
}

/**
 * A cloud's stand-in as tests of all clouds see it. Each folder's `index.ts` exports
 * `startFakeCloud(options: FakeCloudOptions): Promise<FakeCloud>`.
 */
export interface FakeCloud {
  readonly id: string;
  /** What a provider and a stack take as their endpoint. */
  readonly endpoint: string;
  readonly faults: FaultBoard;
  /** A new credential of the account `account`: the fields that the product's form asks for, by their names. */
  newCredential(options?: { powers?: 'full' | 'read'; account?: string }): Readonly<Record<string, string>>;
  /** From now on the credential is unknown to the cloud. */
  revoke(credential: Readonly<Record<string, string>>): void;
  /** Everything that exists and could bill or bear a tag, over all accounts. */
  resources(): Promise<FakeResource[]>;
  servers(): Promise<FakeServer[]>;
  /** Most servers that ever lived at once with this tag, and how many were ever made. */
  history(tag: string): { peak: number; made: number };
  requests(): SeenRequest[];
  /** A region and two sizes of at least 2 GB of the stand-in's offer, the smaller first. */
  readonly offer: { region: string; size: string; larger: string };
  /** What an owner does in the console, behind the product's back. */
  readonly byHand: {
    deleteServer(id: string): Promise<void>;
    /** Lets inbound SSH through the firewall or security group of that id. */
    openFirewall(id: string): Promise<void>;
    /** Adds a server with the tag that the product never made. */
    addServer(tag: string, account?: string): Promise<string>;
  };
  close(): Promise<void>;
}
