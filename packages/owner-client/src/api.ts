/**
 * The part without cryptography: what a page needs before it touches a key. Kept apart so that libsodium
 * loads only where something is sealed or a channel is opened.
 */
export { type ApiClient, type ApiClientOptions, createApiClient } from './api-client.ts';
export type {
  ChannelState,
  Notice,
  OwnerConnection,
  OwnerResult,
  ProgressFrame,
} from './channel/owner-channel.ts';
export { ChannelError, type ChannelProblem, type ChannelProblemCode } from './channel/problem.ts';
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
export { credentialSecret, wrongFields } from './credential-form.ts';
export type { InstanceOutcome } from './devices/each-instance.ts';
export type { Invitation } from './devices/invite.ts';
export {
  conversationKey,
  conversationPrefix,
  createGateway,
  type Gateway,
  GatewayError,
  type GatewayState,
} from './gateway/gateway.ts';
export type { Session as GatewaySession } from './gateway/wire.ts';
export type { ExportedKeyring, Keyring } from './keyring.ts';
export {
  createLocalSession,
  type LocalSession,
  type LocalSessionOptions,
  type Session,
} from './local-session.ts';
export { isProblem, ProblemError } from './problem.ts';
export { createMemoryStorage, type KeyStorage } from './storage.ts';
export { type WatchOptions, watchEvents } from './watch-events.ts';
