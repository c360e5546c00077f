import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';

/** What an instance's machine is made of. Nothing here knows where it comes from. */
export interface StackInput {
  readonly instanceId: string;
  /** Host-name safe, and the same for every attempt. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly region: string;
  readonly size: string;
  readonly image: string;
  /** Plaintext: goes into the state as a Pulumi secret. */
  readonly userData: string;
  /** Ids of what an interrupted attempt made: taken over instead of made again. */
  readonly adopt?: { readonly serverId?: string | undefined; readonly firewallId?: string | undefined };
}

/** How the cloud is reached. */
export interface StackAccess {
  readonly token: string;
  /** The cloud's own address when absent. */
  readonly endpoint?: string | undefined;
}

export interface StackOutputs {
  readonly serverId: string;
  readonly firewallId: string;
}

/** One cloud's Pulumi program. */
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
}
