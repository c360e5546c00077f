import { type Instance, type Operation, ProductError, toFailure } from '@claw-cloud/contracts';
import type { SupabaseClient } from '@supabase/supabase-js';
import { answerOf } from './client.ts';
import { type InstanceRow, type OperationRow, toInstance, toOperation } from './rows.ts';
import type { Lease, ProvisionerRepository, RolloutProgress } from './types.ts';

export function provisionerRepository(service: SupabaseClient): ProvisionerRepository {
  const call = <T>(name: string, parameters: Record<string, unknown> = {}): Promise<T> =>
    answerOf<T>(service.rpc(`provisioner_${name}`, parameters));

  /** Of a credential, with one of its stored secrets; null where the secret is missing. */
  const secretOf = async <Field extends 'sealed' | 'envelope'>(
    credentialId: string,
    state: 'verifying' | 'ready',
    field: Field,
  ) => {
    type Secret = Field extends 'sealed' ? Lease['enrolment'] : Lease['stackSecret'];
    const row = await answerOf<{
      id: string;
      owner_id: string;
      provider: Lease['credential']['provider'];
      owners: { external_id: string };
    } | null>(
      service
        .from('credentials')
        .select('id,owner_id,provider,owners!credentials_owner_id_fkey(external_id)')
        .eq('id', credentialId)
        .eq('state', state)
        .is('removed_at', null)
        .maybeSingle(),
    );
    if (row === null) return null;
    const secrets = await answerOf<Record<Field, Secret> | null>(
      service.from('credential_secrets').select(field).eq('credential_id', credentialId).maybeSingle(),
    );
    const secret = secrets?.[field] ?? null;
    return secret === null
      ? null
      : {
          id: row.id,
          ownerId: row.owner_id,
          externalId: row.owners.external_id,
          provider: row.provider,
          secret: secret as NonNullable<Secret>,
        };
  };

  return {
    publishIntakeKey: ({ kid, publicKey }) =>
      call('publish_intake_key', { p_kid: kid, p_public_key: publicKey }),

    intakeKey: async () => {
      const row = await answerOf<{ kid: string; public_key: string } | null>(
        service
          .from('intake_keys')
          .select('kid,public_key')
          .order('published_at', { ascending: false })
          .order('kid')
          .limit(1)
          .maybeSingle(),
      );
      if (row === null)
        throw new ProductError(
          'unavailable',
          'The provisioner has not published its key yet.',
          'Wait a few seconds: it does so when it starts.',
        );
      return { kid: row.kid, publicKey: row.public_key };
    },

    pendingWork: () => call('pending_work'),

    acquireLease: async (operationId, holder, ttlMs) => {
      const lease = await call<(Omit<Lease, 'operation' | 'instance'> & LeaseRows) | null>('acquire_lease', {
        p_operation: operationId,
        p_holder: holder,
        p_ttl_ms: ttlMs,
      });
      if (lease === null) return null;
      const operation: Operation = toOperation(lease.operation);
      const instance: Instance = toInstance(lease.instance);
      return { ...lease, operation, instance };
    },

    renewLease: (operationId, epoch, ttlMs) =>
      call('renew_lease', { p_operation: operationId, p_epoch: epoch, p_ttl_ms: ttlMs }),
    releaseLease: (operationId, epoch) => call('release_lease', { p_operation: operationId, p_epoch: epoch }),
    postponeOperation: (operationId, epoch, until, message, most) =>
      call('postpone', {
        p_operation: operationId,
        p_epoch: epoch,
        p_until: until?.toISOString() ?? null,
        p_message: message,
        p_most: most,
      }),
    recordEngineProcess: (operationId, epoch, process) =>
      call('record_engine', { p_operation: operationId, p_epoch: epoch, p_process: process }),
    setState: (operationId, epoch, state) =>
      call('set_state', { p_operation: operationId, p_epoch: epoch, p_state: state }),
    appendEvent: (operationId, epoch, kind, data) =>
      call('append_event', { p_operation: operationId, p_epoch: epoch, p_kind: kind, p_data: data }),
    storeStackSecret: (operationId, epoch, envelope) =>
      call('store_stack_secret', { p_operation: operationId, p_epoch: epoch, p_envelope: envelope }),
    storeRegistration: (operationId, epoch, tokenHash, expiresAt) =>
      call('store_registration', {
        p_operation: operationId,
        p_epoch: epoch,
        p_token_hash: tokenHash,
        p_expires_at: expiresAt,
      }),
    eraseEnrolment: (operationId, epoch) =>
      call('erase_enrolment', { p_operation: operationId, p_epoch: epoch }),
    finishOperation: (operationId, epoch, result) =>
      call('finish', { p_operation: operationId, p_epoch: epoch, p_result: result }),

    credentialForVerification: async (credentialId) => {
      const found = await secretOf(credentialId, 'verifying', 'sealed');
      if (found === null) return null;
      const { secret: sealed, ...credential } = found;
      return { ...credential, sealed };
    },
    finishVerification: (credentialId, result) =>
      call('finish_verification', { p_credential: credentialId, p_result: result }),
    storeCatalogue: (credentialId, catalogue) =>
      call('store_catalogue', { p_credential: credentialId, p_catalogue: catalogue }),
    staleCatalogues: (olderThanMs) => call('stale_catalogues', { p_older_than_ms: olderThanMs }),
    credentialEnvelope: async (credentialId) => {
      const found = await secretOf(credentialId, 'ready', 'envelope');
      if (found === null) return null;
      const { secret: envelope, ...credential } = found;
      return { ...credential, envelope };
    },

    retryDestroys: () => call('retry_destroys'),
    claimSweeps: (olderThanMs, limit) =>
      call('claim_sweeps', { p_older_than_ms: olderThanMs, p_limit: limit }),
    recordTagged: (credentialId, found) =>
      call('record_tagged', { p_credential: credentialId, p_found: found }),
    claimStray: (strayId, ttlMs) => call('claim_stray', { p_stray: strayId, p_ttl_ms: ttlMs }),
    finishStray: (strayId, failure) => call('finish_stray', { p_stray: strayId, p_failure: failure }),

    expireBoots: (olderThanMs) =>
      call('expire_boots', { p_older_than_ms: olderThanMs, p_failure: bootTimeout(olderThanMs) }),
    listEnvelopes: (afterId, limit) => call('list_envelopes', { p_after: afterId, p_limit: limit }),
    replaceEnvelope: (id, oldKek, envelope) =>
      call('replace_envelope', { p_id: id, p_old_kek: oldKek, p_envelope: envelope }),
    publishRelease: (release, stage) => call('publish_release', { p_release: release, p_stage: stage }),
    rollouts: async (which) => {
      const found = await call<RolloutProgress[]>('rollouts', { p_running: which === 'running' });
      return found.map((rollout) => ({
        ...rollout,
        startedAt: new Date(rollout.startedAt).toISOString(),
        stageAt: new Date(rollout.stageAt).toISOString(),
      }));
    },
    moveRollout: (version, from, to) =>
      call('move_rollout', {
        p_version: version,
        p_from_state: from.state,
        p_from_stage: from.stage,
        p_state: to.state,
        p_stage: to.stage,
        p_reason: to.reason,
      }),
    appendAudit: (event) => call('append_audit', { p_event: event }),
  };
}

interface LeaseRows {
  operation: OperationRow;
  instance: InstanceRow;
}

function bootTimeout(afterMs: number) {
  const minutes = Math.max(1, Math.round(afterMs / 60_000));
  return toFailure(
    new ProductError(
      'boot_timeout',
      `The server was made, but did not become ready within ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
      'Destroy the instance and deploy it again, perhaps with a larger size. The server exists and costs until then.',
    ),
    'booting',
    true,
  );
}
