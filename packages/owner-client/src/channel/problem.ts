import { closeCodes } from '@claw-cloud/contracts';
import type { CryptoError } from '@claw-cloud/crypto';

/** Why there is no connection to an instance, in words for the person who waits for it. */
export type ChannelProblemCode =
  | 'connection_lost'
  | 'instance_offline'
  | 'instance_not_ready'
  | 'control_plane_unreachable'
  | 'unauthenticated'
  | 'not_found'
  | 'refused'
  | 'device_unknown'
  | 'device_not_enrolled'
  | 'pairing_used'
  | 'invite_unknown'
  | 'agent_key_unproven'
  | 'agent_key_mismatch'
  | 'agent_key_changed'
  | 'tampered'
  | 'version_mismatch'
  | 'busy'
  | 'message_too_large';

export interface ChannelProblem {
  readonly code: ChannelProblemCode;
  /** What happened. */
  readonly message: string;
  /** What to do. */
  readonly fix: string;
  /** Somebody between may be at work: never to be shown as a mere hiccup. */
  readonly security: boolean;
}

/** Raised where a message can't be sent or its answer will not come. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: string;
  readonly fix: string;
  constructor(code: string, message: string, fix: string) {
    super(message);
    this.code = code;
    this.fix = fix;
  }
}

const problem = (
  code: ChannelProblemCode,
  message: string,
  fix: string,
  security = false,
): ChannelProblem => ({
  code,
  message,
  fix,
  security,
});

export const problems = {
  connectionLost: problem(
    'connection_lost',
    'The connection to your server was lost.',
    'It is tried again by itself. Check your network if this takes long.',
  ),
  timedOut: problem(
    'connection_lost',
    'Your server did not answer in time.',
    'It is tried again by itself. Check your network if this takes long.',
  ),
  offline: problem(
    'instance_offline',
    'Your server is not connected to the control plane at the moment.',
    'It dials in by itself as soon as it can. If it stays away, look at it in your cloud’s console.',
  ),
  notReady: problem(
    'instance_not_ready',
    'Your server has not registered yet.',
    'Wait until its setup has finished; the connection is then made by itself.',
  ),
  unreachable: problem(
    'control_plane_unreachable',
    'The control plane could not be reached.',
    'It is tried again by itself. Your server keeps running meanwhile.',
  ),
  unauthenticated: problem('unauthenticated', 'Your session has ended.', 'Sign in again.'),
  notFound: problem('not_found', 'This server does not exist any more.', 'Go back to your list of servers.'),
  refused: problem(
    'refused',
    'The control plane refused the connection.',
    'Sign in again. If it happens again, contact support.',
  ),
  deviceUnknown: problem(
    'device_unknown',
    'This browser does not hold the keys of this server, so it can’t read its chat.',
    'Link this browser by a code from one that is linked already, or use the recovery code.',
  ),
  agentKeyChanged: problem(
    'agent_key_changed',
    'The control plane names another key for your server than the one this device has pinned.',
    'The pinned key is used and the new one ignored. If you did not reinstall the server, somebody tried to put another in its place.',
    true,
  ),
  tooLarge: problem('message_too_large', 'A message was larger than the relay takes.', 'Send less at once.'),
} as const;

export const errorOf = (of: ChannelProblem): ChannelError => new ChannelError(of.code, of.message, of.fix);
export const lost = (): ChannelError => errorOf(problems.connectionLost);

const named: Partial<Record<string, ChannelProblemCode>> = {
  agent_key_unproven: 'agent_key_unproven',
  agent_key_mismatch: 'agent_key_mismatch',
  channel_message_too_large: 'message_too_large',
  channel_protocol: 'version_mismatch',
};

/** The problem of a channel that crypto ended with an error; its own words are fit for people. */
export function problemOfCrypto(error: CryptoError | null): ChannelProblem {
  if (error === null || error.code === 'channel_truncated') return problems.connectionLost;
  if (error.code === 'channel_refused') return problemOfRefusal(error);
  const code = named[error.code] ?? 'tampered';
  return problem(code, error.message, error.fix, code !== 'message_too_large' && code !== 'version_mismatch');
}

function problemOfRefusal(error: CryptoError): ChannelProblem {
  const reason = error.detail.reason;
  if (reason === 'busy') return problem('busy', error.message, error.fix);
  if (reason === 'device_not_enrolled') return problem('device_not_enrolled', error.message, error.fix);
  if (reason === 'invite_unknown') return problem('invite_unknown', error.message, error.fix);
  if (reason === 'pairing_used') return problem('pairing_used', error.message, error.fix, true);
  if (reason === 'handshake_failed') return problem('agent_key_mismatch', error.message, error.fix, true);
  return problem('version_mismatch', error.message, error.fix);
}

/** The problem of a WebSocket's close code. */
export function problemOfClose(code: number): ChannelProblem {
  if (code === closeCodes.unauthenticated) return problems.unauthenticated;
  if (code === closeCodes.notFound) return problems.notFound;
  if (code === closeCodes.refused) return problems.refused;
  if (code === closeCodes.offline) return problems.offline;
  if (code === closeCodes.tooLarge) return problems.tooLarge;
  return problems.connectionLost;
}

/** What another try can't mend: a person has to do something first. */
const final: ReadonlySet<ChannelProblemCode> = new Set([
  'not_found',
  'refused',
  'device_unknown',
  'device_not_enrolled',
  'pairing_used',
  'invite_unknown',
  'agent_key_unproven',
  'agent_key_mismatch',
]);
/** What is tried again, but not for ever. */
const suspicious: ReadonlySet<ChannelProblemCode> = new Set([
  'tampered',
  'version_mismatch',
  'unauthenticated',
]);

/** Whether to give up, after so many failures in a row of the suspicious kind. */
export function isFinal(of: ChannelProblem, suspiciousInARow: number): boolean {
  return final.has(of.code) || (suspicious.has(of.code) && suspiciousInARow >= 3);
}

export const isSuspicious = (of: ChannelProblem): boolean => suspicious.has(of.code);
