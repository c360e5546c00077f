export { type ApiClient, type ApiClientOptions, createApiClient } from './api-client.ts';
export { createBackoff } from './backoff.ts';
export type { Attempt, OpenSocket, Socket } from './channel/attempt.ts';
export {
  type ChannelState,
  type OwnerChannelOptions,
  type OwnerConnection,
  openOwnerChannel,
} from './channel/owner-channel.ts';
export { ChannelError, type ChannelProblem, type ChannelProblemCode, problems } from './channel/problem.ts';
export {
  type Approval,
  type AssistantTurn,
  activeRun,
  type Block,
  type Conversation,
  type ConversationAction,
  emptyConversation,
  isWaiting,
  type TextBlock,
  type ToolBlock,
  type Turn,
  textOf,
  type UserTurn,
} from './conversation/model.ts';
export { conversationReducer } from './conversation/reducer.ts';
export { type ConversationSession, openConversation } from './conversation/session.ts';
export { addCredential, type DeployInput, deploy, type PreparedDeploy, prepareDeploy } from './flows.ts';
export {
  conversationKey,
  conversationPrefix,
  createGateway,
  type Gateway,
  GatewayError,
  type GatewayState,
} from './gateway/gateway.ts';
export type { Session as GatewaySession } from './gateway/wire.ts';
export {
  createKeyring,
  type Device,
  decodeKeyring,
  type ExportedKeyring,
  encodeKeyring,
  type InstanceKeys,
  type Keyring,
} from './keyring.ts';
export {
  createLocalSession,
  type LocalSession,
  type LocalSessionOptions,
  type Session,
} from './local-session.ts';
export { isProblem, ProblemError } from './problem.ts';
export { sealCredential, sealEnrolment } from './seal.ts';
export { parseSignInLink, type SignInLinkParts, signInLink } from './sign-in-link.ts';
export { createMemoryStorage, type KeyStorage } from './storage.ts';
export { type WatchOptions, watchEvents } from './watch-events.ts';
