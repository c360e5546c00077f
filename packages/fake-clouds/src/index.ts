export type {
  FakeCloud,
  FakeCloudOptions,
  FakeResource,
  FakeServer,
  SeenRequest,
} from './cloud.ts';
export { createControl } from './control/control.ts';
export type { ServerCounts } from './control/history.ts';
export { countServers } from './control/history.ts';
export { readEnv as readSandboxEnv } from './env.ts';
export type {
  BootBehaviour,
  Fault,
  FaultBoard,
  FaultBoardOptions,
  FaultKind,
  FaultMatch,
  FaultRequest,
  FaultTarget,
} from './faults/faults.ts';
export { createFaultBoard, faultKinds } from './faults/faults.ts';
export type { Catalogue } from './hetzner/catalogue.ts';
export { defaultCatalogue } from './hetzner/catalogue.ts';
export type { HetznerCloud, HetznerCloudOptions } from './hetzner/cloud.ts';
export { createHetznerCloud } from './hetzner/cloud.ts';
export type { ProjectLimits } from './hetzner/context.ts';
export type { RequestLogEntry } from './hetzner/request-log.ts';
export { hetznerSpec } from './hetzner/spec.ts';
export type { HistoryEntry, Powers, TokenGrant } from './hetzner/state.ts';
export type { Listening } from './listen.ts';
export { listen } from './listen.ts';
export type { MachineDriver, MachineSpec, MachineStatus } from './machines/driver.ts';
export { createPaperMachines } from './machines/driver.ts';
export type { ProcessSandbox, ProcessSandboxOptions } from './machines/process-sandbox/process-sandbox.ts';
export { openProcessSandbox } from './machines/process-sandbox/process-sandbox.ts';
export type { ModelRequest, ModelServer, ModelServerOptions } from './model-server/model-server.ts';
export { createModelServer, SANDBOX_MODEL_ID } from './model-server/model-server.ts';
export type { MachineRoom, Sandbox, SandboxOptions } from './sandbox.ts';
export { MODEL_FILE, startSandbox } from './sandbox.ts';
