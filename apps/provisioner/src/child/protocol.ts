import type {
  Catalogue,
  Failure,
  InstanceEvent,
  InstanceState,
  ProviderId,
  Sealed,
} from '@claw-cloud/contracts';
import type { Envelope, Lease, OperationResult, VerificationResult } from '@claw-cloud/db';
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
  /** How long one run of the engine may take before it is stopped and cleared up after. */
  readonly engineTimeoutMs: number;
  /** This child's own folder. The worker removes it. */
  readonly workDir: string;
}

export interface EngineLocation {
  /** Holds bin/pulumi. */
  readonly cliRoot: string;
  /** Holds resource-<name>-v<version> folders. */
  readonly pluginDir: string;
}

export interface BootstrapFacts {
  readonly controlPlaneUrl: string;
  readonly agent: { readonly sha256: string; readonly version: string };
  readonly openclawVersion: string;
  readonly registrationTtlMs: number;
}

interface OperationTask {
  readonly lease: Lease;
  /** An earlier run may have been killed in the middle: locks and half-made things may be there. */
  readonly unclean: boolean;
}

export type Task =
  | {
      readonly kind: 'verify';
      readonly credential: { id: string; ownerId: string; provider: ProviderId; sealed: Sealed };
    }
  | {
      readonly kind: 'catalogue';
      readonly credential: { id: string; ownerId: string; provider: ProviderId; envelope: Envelope };
    }
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
  | { readonly type: 'result'; readonly result: TaskResult };
