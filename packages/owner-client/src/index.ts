export * from './api.ts';
export { type AttestCheck, checkAttestation } from './attest.ts';
export { type ChainVerdict, type KnownEntry, verifyAuditChain } from './audit.ts';
export {
  type Archive,
  type BackupEntry,
  createBackup,
  decryptBackup,
  downloadBackup,
  type OnFraction,
  restoreBackup,
} from './backups.ts';
export type { Attempt, OpenSocket, Socket } from './channel/attempt.ts';
export { type Entry, type OwnerChannelOptions, openOwnerChannel } from './channel/owner-channel.ts';
export { problems } from './channel/problem.ts';
export type { DeviceFlowOptions, InstanceOutcome } from './devices/each-instance.ts';
export {
  type Invitation,
  type InviteOptions,
  inviteDevice,
  inviteLink,
  parseInviteLink,
} from './devices/invite.ts';
export { linkDevice } from './devices/link.ts';
export { type RecoverOptions, recover } from './devices/recover.ts';
export { addCredential, type DeployInput, deploy, type PreparedDeploy, prepareDeploy } from './flows.ts';
export { createKeyring, type Device, decodeKeyring, encodeKeyring, type InstanceKeys } from './keyring.ts';
export { sealCredential, sealEnrolment } from './seal.ts';
export { parseSignInLink, type SignInLinkParts, signInLink } from './sign-in-link.ts';
