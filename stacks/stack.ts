import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';

/** What an instance's machine is made of. Nothing here knows where it comes from. */
export interface StackInput {
  readonly instanceId: string;
  /** Host-name safe, and the same for every attempt. */
  readonly name: string;
  /** `claw-<instanceId>`: everything bears it that can. */
  readonly tag: string;
  /** The key under which clouds with key-value labels carry the tag. */
  readonly labelKey: string;
  readonly region: string;
  readonly size: string;
  readonly image: string;
  /** Plaintext: goes into the state as a Pulumi secret. */
  readonly userData: string;
  /** Ids of what an interrupted attempt made, by kind: taken over instead of made again. */
  readonly adopt?: Readonly<Partial<Record<string, string>>>;
  /** True where the engine's state holds the server, so that naming it in `adopt` takes over nothing any more. */
  readonly serverInState?: boolean;
}

/** How the cloud is reached. */
export interface StackAccess {
  /** What the cloud's Pulumi provider signs in with, by the cloud's own names. */
  readonly credential: Readonly<Record<string, string>>;
  /** The cloud's own address when absent. */
  readonly endpoint?: string | undefined;
  /** The region of the instance: some providers are made for one. */
  readonly region: string;
}

export interface StackOutputs {
  readonly serverId: string;
}

/** One cloud's Pulumi program. A cloud's folder exports it as `stack` from `program.ts`. */
export interface Stack {
  /** The Pulumi project of this cloud's stacks. */
  readonly project: string;
  /** Makes the machine. */
  program(input: StackInput, access: StackAccess): PulumiFn;
  /**
   * Declares the provider and no machine: run with a destroy, it replaces the credential that the state remembers by
   * the current one.
   */
  accessOnly(access: StackAccess): PulumiFn;
  /** Variables the engine and its plugins need beside the provider's own arguments; none of them is secret. */
  environment?(access: StackAccess): Readonly<Record<string, string>>;
  /**
   * Properties, by Pulumi type, that the cloud fills in or changes by itself: a difference there is no drift.
   */
  readonly notDrift?: Readonly<Record<string, readonly string[]>>;
}
