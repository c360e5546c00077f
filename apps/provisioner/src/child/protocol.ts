import type {
  Catalogue,
  Failure,
  InstanceEvent,
  InstanceState,
  PowerWish,
  ProviderId,
  Sealed,
} from '@claw-cloud/contracts';
import type {
  ClaimedStray,
  Envelope,
  FoundResource,
  Lease,
  OperationResult,
  VerificationResult,
} from '@claw-cloud/db';
import type { KeySource } from '../keys/key-source.ts';

/**
 * What the worker and its child say to each other over the IPC channel. The child asks for everything that is kept;
 * what it hands out is ciphertext, hashes and redacted texts.
 */

export interface ChildSettings {
  readonly kek: KeySource;
  readonly intake: KeySource;
  readonly pulumiBackendUrl: string;
  readonly engine: EngineLocation | null;
  readonly endpoint: string | null;
  /** What the owner's roles ask for. */
  readonly externalId: string;
  /** The platform's own identity at this cloud, for roles. */
  readonly platform: Readonly<Record<string, string>> | null;
  /** The addresses that our requests come from. */
  readonly egressAddresses: readonly string[];
  /** How long one run of the engine may take before it is stopped and cleared up after. */
  readonly engineTimeoutMs: number;
  /** How long an operating system may take to shut down before the power is switched off. */
  readonly shutdownGraceMs: number;
  /** This child's own folder. The worker removes it. */
  readonly workDir: string;
}

export interface EngineLocation {
  /** Version and origin of the CLI (`cli`) and of each plugin, by name: for the log. */
  readonly pieces?: Readonly<Record<string, string>>;
  /** Holds bin/pulumi. */
  readonly cliRoot: string;
  /** Holds resource-<name>-v<version> folders. */
  readonly pluginDir: string;
}

export interface BootstrapFacts {
  readonly controlPlaneUrl: string;
  readonly agent: { readonly sha256: string; readonly version: string };
  readonly openclawVersion: string;
  /** Where a bare machine fetches Node and OpenClaw; null leaves it to the bootstrap. */
  readonly npmRegistry: string | null;
  readonly registrationTtlMs: number;
}

interface OperationTask {
  readonly lease: Lease;
  /** An earlier run may have been killed in the middle: locks and half-made things may be there. */
  readonly unclean: boolean;
}

/** A ready credential with its stored secret, for work outside an operation. */
export interface StoredCredential {
  readonly id: string;
  readonly ownerId: string;
  readonly externalId: string;
  readonly provider: ProviderId;
  readonly envelope: Envelope;
}

export type Task =
  | {
      readonly kind: 'verify';
      readonly credential: {
        id: string;
        ownerId: string;
        externalId: string;
        provider: ProviderId;
        sealed: Sealed;
      };
    }
  | { readonly kind: 'catalogue'; readonly credential: StoredCredential }
  /** Looks through the credential's account for everything that bears a tag of the product. */
  | { readonly kind: 'sweep'; readonly credential: StoredCredential }
  | { readonly kind: 'stray'; readonly credential: StoredCredential; readonly stray: ClaimedStray }
  | (OperationTask & { readonly kind: 'power'; readonly wish: PowerWish })
  | (OperationTask & { readonly kind: 'resize' })
  | (OperationTask & { readonly kind: 'check' })
  | (OperationTask & { readonly kind: 'repair' })
  | (OperationTask & { readonly kind: 'deploy'; readonly bootstrap: BootstrapFacts })
  | (OperationTask & {
      readonly kind: 'destroy';
      /** What the instance's resource events tell of its life, oldest first. */
      readonly resourceEvents: readonly InstanceEvent[];
    });

export type TaskResult =
  | { readonly kind: 'operation'; readonly result: OperationResult }
  | { readonly kind: 'verification'; readonly result: VerificationResult }
  /** The cloud could not be asked: nothing is known, try again later. */
  | { readonly kind: 'unverified'; readonly failure: Failure }
  | { readonly kind: 'catalogue'; readonly catalogue: Catalogue }
  | { readonly kind: 'tagged'; readonly found: readonly FoundResource[] }
  /** Null as the failure: it is gone. */
  | { readonly kind: 'stray'; readonly failure: Failure | null }
  /** The cloud answers no more for a while: the operation waits in the queue. `until` null where it didn't say. */
  | { readonly kind: 'postponed'; readonly until: string | null; readonly failure: Failure }
  /** Ended on request in a state from which another child can go on. */
  | { readonly kind: 'interrupted' };

/** What a child may ask its worker to write down. */
export interface Notes {
  setState(state: InstanceState): Promise<void>;
  appendEvent(kind: InstanceEvent['kind'], data: Record<string, unknown>): Promise<void>;
  storeStackSecret(envelope: Envelope): Promise<void>;
  storeRegistration(tokenHash: string, expiresAt: string): Promise<void>;
  eraseEnrolment(): Promise<void>;
  /** An audit row: the credential was used, and for what. */
  auditUse(purpose: string): Promise<void>;
}
export type NoteName = keyof Notes;

export type ToChild =
  | { readonly type: 'start'; readonly settings: ChildSettings; readonly task: Task }
  | { readonly type: 'noted'; readonly id: number; readonly ok: true }
  | {
      readonly type: 'noted';
      readonly id: number;
      readonly ok: false;
      readonly code: string;
      readonly message: string;
    }
  /** Come to an end in order: a step under way at the cloud is finished and saved. */
  | { readonly type: 'interrupt' };

export type ToWorker =
  | { readonly type: 'hello' }
  | { readonly type: 'note'; readonly id: number; readonly name: NoteName; readonly args: readonly unknown[] }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Record<string, unknown>;
    }
  /** A plugin of the engine is at work, by its name. */
  | { readonly type: 'plugin'; readonly name: string }
  | { readonly type: 'result'; readonly result: TaskResult };
