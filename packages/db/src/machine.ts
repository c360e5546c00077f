import {
  type ErrorCode,
  type OpenClawRelease,
  ProductError,
  type ReportPhase,
  type RolloutStage,
  toFailure,
} from '@claw-cloud/contracts';
import type { SupabaseClient } from '@supabase/supabase-js';
import { answerOf } from './client.ts';
import { refusal } from './refusals.ts';
import type { MachineRepository } from './types.ts';

/** Written in one transaction: some milliseconds' worth. */
const heartbeatPage = 500;

export function machineRepository(service: SupabaseClient): MachineRepository {
  const call = <T>(name: string, parameters: Record<string, unknown>): Promise<T> =>
    answerOf<T>(service.rpc(`machine_${name}`, parameters));

  /** A refusal comes as an answer: its audit row had to be committed. */
  const callOrRefuse = async <T>(name: string, parameters: Record<string, unknown>): Promise<T> => {
    const { refused, ...answer } = await call<{ refused?: ErrorCode }>(name, parameters);
    if (refused) throw refusal(refused);
    return answer as T;
  };

  return {
    reportPhase: (tokenHash, report) => {
      // The log tail lives in the failure alone, and the failure only in a report that failed.
      const { logTail: _, ...progress } = report;
      return callOrRefuse('report_phase', {
        p_token_hash: tokenHash,
        p_report: progress,
        p_failure: report.status === 'failed' ? bootstrapFailure(report) : null,
      });
    },

    register: (tokenHash, input) => callOrRefuse('register', { p_token_hash: tokenHash, p_input: input }),

    identityKey: async (instanceId) => {
      const row = await answerOf<{ identity_public_key: string | null } | null>(
        service
          .from('instances')
          .select('identity_public_key')
          .eq('id', instanceId)
          .is('ejected_at', null)
          .not('state', 'in', '(destroying,destroyed)')
          .maybeSingle(),
      );
      return row?.identity_public_key ?? null;
    },

    attachTunnel: (instanceId, node) => call('attach_tunnel', { p_instance: instanceId, p_node: node }),
    detachTunnel: (instanceId, epoch) => call('detach_tunnel', { p_instance: instanceId, p_epoch: epoch }),
    detachNode: (node) => call('detach_node', { p_node: node }),

    tunnel: async (instanceId) => {
      const row = await answerOf<{ tunnel_node: string | null; tunnel_epoch: number } | null>(
        service
          .from('instances')
          .select('tunnel_node,tunnel_epoch')
          .eq('id', instanceId)
          .eq('online', true)
          .maybeSingle(),
      );
      return row?.tunnel_node ? { node: row.tunnel_node, epoch: row.tunnel_epoch } : null;
    },

    markReady: (instanceId, health) => call('mark_ready', { p_instance: instanceId, p_health: health }),

    recordHeartbeats: async (heartbeats) => {
      const left: string[] = [];
      for (let at = 0; at < heartbeats.length; at += heartbeatPage) {
        const { held } = await call<{ held: string[] }>('record_heartbeats', {
          p_rows: heartbeats.slice(at, at + heartbeatPage),
        });
        left.push(...held);
      }
      return left;
    },
    report: (instanceId, identityPublicKey, line) =>
      callOrRefuse('report', {
        p_instance: instanceId,
        p_key: identityPublicKey,
        p_line: { id: line.id, at: line.at, report: line.report },
      }),

    openSupport: (grantId, tokenHash) =>
      callOrRefuse('open_support', { p_grant: grantId, p_token_hash: tokenHash }),
    closeSupport: (grantId, detail) => call('close_support', { p_grant: grantId, p_detail: detail }),

    channel: async () => {
      const offered = await call<(OpenClawRelease & { stage: RolloutStage })[]>('channel', {});
      return offered.map(({ stage, releasedAt, ...release }) => ({
        stage,
        release: { ...release, releasedAt: new Date(releasedAt).toISOString() },
      }));
    },

    countTraffic: (instanceId, { messages, bytesUp, bytesDown }) =>
      call('count_traffic', {
        p_instance: instanceId,
        p_messages: messages,
        p_bytes_up: bytesUp,
        p_bytes_down: bytesDown,
      }),
  };
}

function bootstrapFailure(report: ReportPhase) {
  return toFailure(
    new ProductError(
      'bootstrap_failed',
      `The server could not finish its phase “${report.phase}”: ${report.message}`,
      'Read the end of its log, then destroy the instance and deploy it again. The server exists and costs until then.',
      report.logTail === undefined ? {} : { logTail: report.logTail },
    ),
    report.phase,
    true,
  );
}
