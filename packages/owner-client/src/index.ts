export * from './api.ts';
export type { Attempt, OpenSocket, Socket } from './channel/attempt.ts';
export { type OwnerChannelOptions, openOwnerChannel } from './channel/owner-channel.ts';
export { problems } from './channel/problem.ts';
export { addCredential, type DeployInput, deploy, type PreparedDeploy, prepareDeploy } from './flows.ts';
export { createKeyring, type Device, decodeKeyring, encodeKeyring, type InstanceKeys } from './keyring.ts';
export { sealCredential, sealEnrolment } from './seal.ts';
export { parseSignInLink, type SignInLinkParts, signInLink } from './sign-in-link.ts';
