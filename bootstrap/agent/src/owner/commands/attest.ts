import { AttestStatement } from '@claw-cloud/contracts';
import { toBase64Url } from '@claw-cloud/crypto';
import { canonicalJson } from '@claw-cloud/crypto/audit';
import { signAttestation } from '@claw-cloud/crypto/signing';
import { agentVersion } from '../../version.ts';
import type { Handlers } from './context.ts';
import { machineNeeded } from './machine-needed.ts';

/** What runs here, signed. */
export const attestCommands = {
  'instance.attest': async ({ nonce }, context) => {
    const { root, state, releases, agentSha256, support, keyring, audit, device } = context;
    if (!root) throw machineNeeded();
    const seen = await root.ask('attest.collect', {});
    const { grants } = await support.list();
    const statement = canonicalJson(
      AttestStatement.parse({
        ...seen,
        v: 1,
        instanceId: state.instanceId,
        nonce,
        at: new Date().toISOString(),
        agent: {
          version: agentVersion,
          sha256: agentSha256,
          publishedSha256: releases.offered().agent?.sha256 ?? null,
        },
        node: process.version,
        grants: grants
          .filter(({ endedAt }) => endedAt === null)
          .map(({ id, name, endsAt }) => ({ id, name, endsAt })),
      }),
    );
    const [identity] = keyring.identities();
    audit.record({ actor: `owner:${device.name}`, action: 'instance.attest', outcome: 'succeeded' });
    return {
      statement,
      signature: toBase64Url(signAttestation(identity.privateKey, statement)),
      identityPublicKey: toBase64Url(identity.publicKey),
    };
  },
} satisfies Handlers;
