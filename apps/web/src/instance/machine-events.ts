import { type InstanceEvent, InstanceReport } from '@claw-cloud/contracts';
import type { Tone } from '../design/status.tsx';

export interface MachineNote {
  readonly key: number;
  readonly at: string;
  readonly tone: Tone;
  readonly text: string;
  readonly detail: string | null;
}

/** Why a gateway was restarted, to go behind "restarted:". */
export const restartReasons: Partial<Record<string, string>> = {
  unhealthy: 'it did not answer its health check',
  memory: 'it had grown too large',
  owner: 'you asked for it',
  control_plane: 'you asked for it through the control plane',
  crashed: 'it had stopped by itself',
};

const steps: Record<string, string> = {
  backup: 'the backup before it',
  stop: 'stopping the old version',
  install: 'installing it',
  migrate: 'taking over what was stored',
  start: 'starting it',
  health: 'its health check',
  power_cut: 'the machine lost power meanwhile',
};

/** What a server reported of its life, newest first, in words. Pure. */
export function machineNotes(events: readonly InstanceEvent[]): MachineNote[] {
  return events
    .filter(({ kind }) => kind === 'machine')
    .flatMap((event) => {
      const report = InstanceReport.safeParse(event.data);
      // A newer server may report what this page has no words for.
      const said = report.success ? describe(report.data) : null;
      return said ? [{ key: event.seq, at: event.at, ...said }] : [];
    })
    .reverse();
}

function describe(report: InstanceReport): Pick<MachineNote, 'tone' | 'text' | 'detail'> | null {
  switch (report.kind) {
    case 'heartbeat':
      return null;
    case 'gateway_restarted': {
      const asked = report.reason === 'owner' || report.reason === 'control_plane';
      const why = restartReasons[report.reason] ?? '';
      return {
        tone: asked ? 'neutral' : 'caution',
        text: 'The assistant was restarted',
        detail: report.reason === 'unhealthy' ? `${why} (${report.missesInARow} times in a row)` : why,
      };
    }
    case 'openclaw_update': {
      const { from, to, outcome, failedStep, downSeconds } = report;
      const away = downSeconds > 0 ? `away for ${Math.round(downSeconds)} s` : 'it was never away';
      if (outcome === 'failed')
        return {
          tone: 'caution',
          text:
            from === to
              ? 'A backup could not be put back'
              : `The update to OpenClaw ${to} did not work; ${from} is back`,
          detail: failedStep ? `at ${steps[failedStep] ?? failedStep}; ${away}` : away,
        };
      if (from === to) return { tone: 'positive', text: 'A backup was put back', detail: away };
      return outcome === 'rolled_back'
        ? { tone: 'neutral', text: `OpenClaw went back to ${to}`, detail: `from ${from}; ${away}` }
        : { tone: 'positive', text: `OpenClaw was updated to ${to}`, detail: `from ${from}; ${away}` };
    }
    case 'agent_update':
      return report.outcome === 'succeeded'
        ? { tone: 'positive', text: 'The agent was updated', detail: null }
        : {
            tone: 'caution',
            text: 'The new agent did not work; the old one is back',
            detail: report.reason,
          };
    case 'grant_opened':
      return {
        tone: 'accent',
        text: `Support access for ${report.grant.name}${report.grant.root ? ', as root' : ''}`,
        detail: `until ${new Date(report.grant.endsAt).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}`,
      };
    case 'grant_closed':
      return {
        tone: 'neutral',
        text: 'Support access ended',
        detail: {
          expired: 'its time was over',
          revoked: 'it was revoked',
          rebooted: 'the machine was restarted',
        }[report.why],
      };
    case 'support_attempt':
      return report.outcome === 'allowed'
        ? { tone: 'accent', text: 'Somebody entered by a support grant', detail: report.reason }
        : { tone: 'caution', text: 'An attempt to enter was refused', detail: report.reason };
    case 'identity_rotated':
      return { tone: 'neutral', text: 'The server’s keys were changed', detail: null };
    case 'goodbye':
      return {
        tone: 'neutral',
        text: 'The server said goodbye',
        detail: 'it belongs to its owner alone from here on',
      };
  }
}
