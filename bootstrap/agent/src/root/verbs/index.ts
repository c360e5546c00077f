import { agentConfirm, agentForget, agentStage, agentStatus, agentSwitch } from './agent.ts';
import { attestCollect } from './attest.ts';
import { backupCreate, backupDelete, backupList, backupRead } from './backup.ts';
import { ejectBegin, ejectPrepare } from './eject.ts';
import { gatewayLog, gatewayRestart, gatewayStart, gatewayStatus, gatewayStop } from './gateway.ts';
import { machineLogs } from './logs.ts';
import { openclawInstall, openclawUse } from './openclaw.ts';
import {
  openclawCleanUp,
  openclawRecover,
  openclawRollback,
  openclawState,
  openclawUpdate,
} from './openclaw-update.ts';
import { restoreApply, restoreBegin, restorePiece } from './restore.ts';
import { supportClose } from './support-close.ts';
import { supportList } from './support-list.ts';
import { supportLog } from './support-log.ts';
import { supportOpen } from './support-open.ts';
import { supportRecording } from './support-recording.ts';

/** Everything root does for the agent. The list is closed: what isn't here can't be asked for. */
export const verbs = {
  'agent.stage': agentStage,
  'agent.switch': agentSwitch,
  'agent.confirm': agentConfirm,
  'agent.status': agentStatus,
  'agent.forget': agentForget,
  'gateway.start': gatewayStart,
  'gateway.stop': gatewayStop,
  'gateway.restart': gatewayRestart,
  'gateway.status': gatewayStatus,
  'gateway.log': gatewayLog,
  'machine.logs': machineLogs,
  'openclaw.install': openclawInstall,
  'openclaw.use': openclawUse,
  'openclaw.update': openclawUpdate,
  'openclaw.rollback': openclawRollback,
  'openclaw.recover': openclawRecover,
  'openclaw.state': openclawState,
  'openclaw.clean-up': openclawCleanUp,
  'backup.create': backupCreate,
  'backup.list': backupList,
  'backup.read': backupRead,
  'backup.delete': backupDelete,
  'restore.begin': restoreBegin,
  'restore.piece': restorePiece,
  'restore.apply': restoreApply,
  'attest.collect': attestCollect,
  'eject.prepare': ejectPrepare,
  'eject.begin': ejectBegin,
  'support.open': supportOpen,
  'support.close': supportClose,
  'support.list': supportList,
  'support.log': supportLog,
  'support.recording': supportRecording,
} as const;
export type Verbs = typeof verbs;
