import type {
  InstanceHealth,
  InstanceReport,
  OwnerCommandName,
  ownerCommands,
  ownerResults,
} from '@claw-cloud/contracts';
import type { z } from 'zod';
import type { Audit } from '../../audit/audit.ts';
import type { Keyring } from '../../keyring.ts';
import type { Log } from '../../log.ts';
import type { Gateway } from '../../openclaw/gateway.ts';
import type { RestartReason } from '../../openclaw/supervisor.ts';
import type { Owners } from '../../owners/owners.ts';
import type { Paths } from '../../paths.ts';
import type { Releases } from '../../releases.ts';
import type { Root } from '../../root/client.ts';
import type { AgentState } from '../../state.ts';
import type { Support } from '../../support/support.ts';
import type { Notices } from '../notices.ts';

/** What an owner's command may use. */
export interface CommandContext {
  gateway: Gateway;
  health: () => InstanceHealth;
  paths: Paths;
  log: Log;
  /** Null in the process sandbox, which has no root of its own. */
  root: Root | null;
  /** The device that asks, proven by the channel. */
  device: { publicKey: string; name: string; kind: 'device' | 'recovery' };
  owners: Owners;
  /** The owner's own record of who did what here. */
  audit: Audit;
  support: Support;
  /** Tells the control plane; kept until it has heard. */
  report: (report: InstanceReport) => void;
  /** Tells the control plane that this machine is its owner's alone; false when it didn't hear within ten seconds. */
  goodbye: () => Promise<boolean>;
  /** What the machine is and to whom it belongs. */
  state: AgentState;
  /** What the control plane offered last. */
  releases: Releases;
  /** Of the file that runs; null where it is no bundle. */
  agentSha256: string | null;
  /** Within which a new agent has to prove itself. */
  confirmSeconds: number;
  keyring: Keyring;
  /** Aborts when the agent ends. */
  signal: AbortSignal;
  /** For owners with an open channel, at once. */
  notices: Notices;
  /**
   * Call it before stopping the gateway on purpose (an update, a restore), and what it returns when that is over: in
   * between the health check neither restarts it nor calls its end a crash.
   */
  holdGatewayCheck: () => () => void;
  /** Restarts OpenClaw and says why; resolves when it starts. */
  restartGateway: (reason: RestartReason) => Promise<void>;
  progress: (step: string, message: string, fraction?: number) => void;
}

export type Handler<N extends OwnerCommandName> = (
  params: z.output<(typeof ownerCommands)[N]>,
  context: CommandContext,
) => Promise<z.input<(typeof ownerResults)[N]>>;

/** Commands of one area; the parameters they get are checked. */
export type Handlers = { [N in OwnerCommandName]?: Handler<N> };
