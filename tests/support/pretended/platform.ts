import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createLog, startApi } from '@claw-cloud/api';
import { dialTunnel, type TestAgent } from '@claw-cloud/api/testing';
import { fromBase64Url, generateKeyPair, ready, toBase64Url } from '@claw-cloud/crypto';
import { createBackupEncryptor } from '@claw-cloud/crypto/backup';
import {
  generateRecoveryCode,
  recoveryKeyPair,
  recoverySecret,
  recoverySecretOf,
} from '@claw-cloud/crypto/owner-keys';
import { generateIdentity, type Identity, signAttestation } from '@claw-cloud/crypto/signing';
import { bootingInstance, freePort, key43, registrationOf, startTestDatabase } from '@claw-cloud/db/testing';
import {
  createApiClient,
  createKeyring,
  createLocalSession,
  createMemoryStorage,
  signInLink,
} from '@claw-cloud/owner-client';
import { until } from '../owner.ts';
import { createPretendedAgent } from './agent.ts';
import { createState, publishedAgent } from './state.ts';

export const account = { email: 'ada@example.org', password: 'correct horse battery staple' };
const operatorToken = 'operator-token-of-the-settings-test-0001';

/**
 * A real api with a real database and the built dashboard, an account, and a server of its whose agent is
 * pretended: what the settings show and ask is real, what they do to a machine is not.
 */
export async function startPretendedPlatform() {
  await ready();
  const database = await startTestDatabase();
  await database.db.provisioner.publishIntakeKey({ kid: 'kid-1', publicKey: key43() });
  const port = await freePort(0);
  const url = `http://127.0.0.1:${port}`;
  const logged: string[] = [];
  const api = await startApi(
    {
      host: '127.0.0.1',
      port,
      publicUrl: url,
      database,
      queue: { kind: 'postgres', url: database.postgresUrl('queue') },
      auth: {
        kind: 'local',
        databaseUrl: database.postgresUrl('auth'),
        secret: 'a-secret-of-the-settings-test-that-is-long',
        operatorToken,
      },
      authorizedParties: [url],
      agentDir: null,
      webDir: join(import.meta.dirname, '../../../apps/web/dist'),
      nodeName: 'test',
      sandbox: true,
      trustedProxyHops: 0,
    },
    { log: createLog((line) => logged.push(line)), db: database.db, queue: { add: async () => undefined } },
  ).catch(async (error: unknown) => {
    await database.stop();
    throw error;
  });

  const session = createLocalSession({ baseUrl: url, cookies: 'jar' });
  await session.signUp(account);
  const client = createApiClient({ baseUrl: url, getToken: session.getToken });
  const { ownerId } = await client.me();
  const keyring = createKeyring(createMemoryStorage(), { ownerId, deviceName: 'Chrome on Linux' });

  const booting = await bootingInstance(database.db, ownerId);
  const instanceId = booting.instance.id;
  const { devicePublicKey, pairingSecret } = await keyring.prepareInstance(instanceId);
  const identity = generateIdentity();
  const agentKeyPair = generateKeyPair();
  await database.db.machine.register(booting.tokenHash, {
    ...registrationOf(instanceId),
    identityPublicKey: toBase64Url(identity.publicKey),
    agentPublicKey: toBase64Url(agentKeyPair.publicKey),
  });
  const recoveryCode = generateRecoveryCode().use((code) => code);
  const recovery = {
    publicKey: toBase64Url(recoveryKeyPair(recoveryCode).publicKey),
    secret: recoverySecretOf(recoverySecret(recoveryCode), instanceId).use((bytes) => bytes.slice()),
  };
  const state = createState(devicePublicKey, recovery.publicKey);
  const agent = createPretendedAgent({
    instanceId,
    agentKeyPair,
    pairingSecret,
    recovery,
    state,
    tools: {
      attest: (nonce) => attest(nonce, instanceId, identity),
      encrypted: encryptArchive,
    },
  });
  let tunnel: TestAgent;
  const dial = async () => {
    tunnel = await dialTunnel({ url, instanceId, identity, onStream: agent.serve });
    await until(
      () => client.getInstance(instanceId),
      (instance) => instance.online && instance.state === 'ready',
      20_000,
    );
  };
  await dial();

  return {
    url,
    agent,
    recoveryCode,
    instanceId,
    ownerId,
    keyring,
    client,
    database,
    /** An address that signs the owner in with the keys of the browser that deployed. */
    async signInLink(): Promise<string> {
      const response = await fetch(`${url}/v1/local/sign-in-links`, {
        method: 'POST',
        headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ email: account.email }),
        signal: AbortSignal.timeout(10_000),
      });
      const { token } = (await response.json()) as { token: string };
      return signInLink(url, token, await keyring.export());
    },
    /** The server's connection is cut, and made again. */
    hangUp: () => tunnel.close(),
    dial,
    async stop() {
      tunnel.close();
      await api.stop();
      await database.stop();
    },
  };
}
export type PretendedPlatform = Awaited<ReturnType<typeof startPretendedPlatform>>;

function attest(nonce: string, instanceId: string, identity: Identity) {
  const statement = JSON.stringify({
    v: 1,
    instanceId,
    nonce,
    at: new Date().toISOString(),
    bootId: 'b0071d00-0000-4000-8000-000000000000',
    os: 'Debian GNU/Linux 13 (trixie)',
    kernel: '6.12.41+deb13-amd64',
    agent: { version: '0.4.0', sha256: publishedAgent, publishedSha256: publishedAgent },
    openclaw: { version: '2026.9.5', integrity: `sha512-${'A'.repeat(86)}==` },
    node: '24.21.0',
    sockets: [{ protocol: 'tcp', local: '127.0.0.1:18789', process: 'openclaw-gateway' }],
    usersWithShell: ['root (locked)'],
    authorisedKeys: [],
    timers: ['apt-daily-upgrade.timer', 'claw-backup.timer'],
    enabledUnits: ['claw-agent.service', 'openclaw-gateway.service', 'nftables.service'],
    sshd: 'masked',
    firewall: { sha256: createHash('sha256').update('rules').digest('hex'), inbound: 'drop' },
    lastUpgradeAt: new Date(Date.now() - 86_400_000).toISOString(),
    rebootRequired: false,
    grants: [],
  });
  return {
    statement,
    signature: toBase64Url(signAttestation(identity.privateKey, statement)),
    identityPublicKey: toBase64Url(identity.publicKey),
  };
}

/** What stands in for OpenClaw’s own archive: larger than a piece of a transfer. */
export const archive = Buffer.from('an archive of OpenClaw, '.repeat(8_000));

function encryptArchive(id: string, recipients: readonly string[]): Uint8Array {
  const encryptor = createBackupEncryptor({
    id,
    at: new Date().toISOString(),
    openclawVersion: '2026.9.5',
    recipients: recipients.map(fromBase64Url),
  });
  return Buffer.concat([encryptor.push(archive), encryptor.finish()]);
}
