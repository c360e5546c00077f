import { Catalogue, type Receipt } from '@claw-cloud/contracts';
import type { SupabaseClient } from '@supabase/supabase-js';
import { answerOf } from './client.ts';
import { refusal } from './refusals.ts';
import * as rows from './rows.ts';
import type { OwnerRepository } from './types.ts';

const listLimit = 200;
const eventLimit = 500;

export function ownerRepository(
  client: SupabaseClient,
  ownerId: string,
  requestId: string | null,
): OwnerRepository {
  /** Calls a function that makes a change; it checks the token against the owner it is told. */
  const change = <T>(name: string, parameters: Record<string, unknown>): Promise<T> =>
    answerOf<T>(client.rpc(`owner_${name}`, { p_owner: ownerId, ...parameters }));

  /** Writes the intent of an operation on a server that stays. */
  const ask = async (
    name: string,
    instanceId: string,
    operationId: string,
    parameters: Record<string, unknown> = {},
  ) =>
    rows.toOperation(
      await change<rows.OperationRow>(name, {
        p_instance: instanceId,
        p_operation: operationId,
        p_request_id: requestId,
        ...parameters,
      }),
    );

  const one = async <Row>(
    request: PromiseLike<{ data: unknown; error: null | object; status: number }>,
    what: string,
  ) => {
    const row = await answerOf<Row | null>(request);
    if (row === null) throw refusal('not_found', { what });
    return row;
  };

  const credentials = () =>
    client.from('credentials').select(rows.credentialColumns).eq('owner_id', ownerId).is('removed_at', null);
  const instances = () => client.from('instances').select(rows.instanceColumns).eq('owner_id', ownerId);

  const self: OwnerRepository = {
    ensureOwner: (email) => change('ensure', { p_email: email }),

    addCredential: async (input) => {
      const answer = await change<{ credential: rows.CredentialRow; created: boolean }>('add_credential', {
        p_input: input,
        p_request_id: requestId,
      });
      return { credential: rows.toCredential(answer.credential), created: answer.created };
    },

    listCredentials: async () => {
      const found = await answerOf<rows.CredentialRow[]>(
        credentials().order('created_at', { ascending: false }).order('id').limit(listLimit),
      );
      return found.map(rows.toCredential);
    },

    getCredential: async (credentialId) =>
      rows.toCredential(await one(credentials().eq('id', credentialId).maybeSingle(), 'credential')),

    removeCredential: (credentialId) =>
      change('remove_credential', { p_credential: credentialId, p_request_id: requestId }),

    getCatalogue: async (credentialId) => {
      const credential = await self.getCredential(credentialId);
      if (credential.state === 'verifying') throw refusal('credential_not_ready', { name: credential.name });
      if (credential.state === 'rejected') throw refusal('credential_rejected', { name: credential.name });
      const row = await answerOf<{ catalogue: unknown } | null>(
        client
          .from('catalogues')
          .select('catalogue')
          .eq('owner_id', ownerId)
          .eq('credential_id', credentialId)
          .maybeSingle(),
      );
      // Ready, but its prices could not be had yet: the worker fetches them again.
      if (row === null) throw refusal('credential_not_ready', { name: credential.name });
      return Catalogue.parse(row.catalogue);
    },

    deployInstance: async (input, operationId) => {
      const answer = await change<{
        instance: rows.InstanceRow;
        operation: rows.OperationRow;
        created: boolean;
      }>('deploy', { p_input: input, p_operation: operationId, p_request_id: requestId });
      return {
        instance: rows.toInstance(answer.instance),
        operation: rows.toOperation(answer.operation),
        created: answer.created,
      };
    },

    destroyInstance: (instanceId, operationId) => ask('destroy', instanceId, operationId),

    externalId: () => change('external_id', {}),

    powerInstance: (instanceId, wish, operationId) => ask('power', instanceId, operationId, { p_wish: wish }),
    resizeInstance: (instanceId, input, operationId) =>
      ask('resize', instanceId, operationId, { p_input: input }),
    checkInstance: (instanceId, operationId) => ask('check', instanceId, operationId),
    repairInstance: (instanceId, operationId) => ask('repair', instanceId, operationId),
    replaceCredential: (instanceId, credentialId, operationId) =>
      ask('replace_credential', instanceId, operationId, { p_credential: credentialId }),

    listStrays: async () => {
      const found = await answerOf<rows.StrayRow[]>(
        client
          .from('strays')
          .select(rows.strayColumns)
          .eq('owner_id', ownerId)
          .order('seen_at', { ascending: false })
          .order('id')
          .limit(listLimit),
      );
      return found.map(rows.toStray);
    },

    deleteStray: async (strayId) =>
      rows.toStray(
        await change<rows.StrayRow>('delete_stray', { p_stray: strayId, p_request_id: requestId }),
      ),

    listInstances: async () => {
      const found = await answerOf<rows.InstanceRow[]>(
        instances()
          .order('destroyed_at', { ascending: false, nullsFirst: true })
          .order('created_at', { ascending: false })
          .order('id')
          .limit(listLimit),
      );
      return found.map(rows.toInstance);
    },

    getInstance: async (instanceId) =>
      rows.toInstance(await one(instances().eq('id', instanceId).maybeSingle(), 'instance')),

    getOperation: async (operationId) =>
      rows.toOperation(
        await one(
          client
            .from('operations')
            .select(rows.operationColumns)
            .eq('owner_id', ownerId)
            .eq('id', operationId)
            .maybeSingle(),
          'operation',
        ),
      ),

    listEvents: async (instanceId, afterSeq, limit) => {
      const found = await answerOf<rows.EventRow[]>(
        client
          .from('instance_events')
          .select(rows.eventColumns)
          .eq('owner_id', ownerId)
          .eq('instance_id', instanceId)
          .gt('seq', afterSeq)
          .order('seq')
          .limit(Math.min(Math.max(limit, 1), eventLimit)),
      );
      // Every instance has an event from its first moment: none at all may mean that there is no such instance.
      if (found.length === 0) await self.getInstance(instanceId);
      return found.map(rows.toEvent);
    },

    getReceipt: async (instanceId) => {
      const row = await one<{ receipt: Receipt }>(
        client
          .from('operations')
          .select('receipt')
          .eq('owner_id', ownerId)
          .eq('instance_id', instanceId)
          .eq('kind', 'destroy')
          .not('receipt', 'is', null)
          .order('created_at', { ascending: false })
          .limit(1)
          .maybeSingle(),
        'receipt',
      );
      return row.receipt;
    },

    listSupportGrants: async (instanceId) => {
      const found = await answerOf<rows.SupportGrantRow[]>(
        client
          .from('support_grants')
          .select(rows.supportGrantColumns)
          .eq('owner_id', ownerId)
          .eq('instance_id', instanceId)
          .order('starts_at', { ascending: false })
          .order('id')
          .limit(listLimit),
      );
      if (found.length === 0) await self.getInstance(instanceId);
      return found.map(rows.toSupportGrant);
    },

    recordRestart: (instanceId, code) =>
      change('record_restart', { p_instance: instanceId, p_code: code, p_request_id: requestId }),

    listAudit: async (limit, before) => {
      const events = () => client.from('audit_events').select(rows.auditColumns).eq('owner_id', ownerId);
      let request = events();
      if (before !== undefined) {
        const { position } = await one<{ position: number }>(
          client
            .from('audit_events')
            .select('position')
            .eq('owner_id', ownerId)
            .eq('id', before)
            .maybeSingle(),
          'audit event',
        );
        request = request.lt('position', position);
      }
      const found = await answerOf<rows.AuditRow[]>(
        request.order('position', { ascending: false }).limit(Math.min(Math.max(limit, 1), listLimit)),
      );
      return found.map(rows.toAuditEvent);
    },

    recordDenied: (action, target, detail) =>
      change('record_denied', {
        p_action: action.slice(0, 100),
        p_target: target.slice(0, 200),
        p_detail: detail,
        p_request_id: requestId,
      }),
  };
  return self;
}
