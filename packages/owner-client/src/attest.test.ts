import type { AttestStatement } from '@claw-cloud/contracts';
import { ready, toBase64Url } from '@claw-cloud/crypto';
import { canonicalJson } from '@claw-cloud/crypto/audit';
import { generateIdentity, type Identity, signAttestation } from '@claw-cloud/crypto/signing';
import { beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { checkAttestation } from './attest.ts';

let identity: Identity;
beforeAll(async () => {
  await ready();
  identity = generateIdentity();
});

const nonce = 'N'.repeat(43);
const now = new Date('2026-11-25T12:00:00.000Z');
const expected = { instanceId: 'ins_1', nonce, now: now.getTime() };
const good: z.input<typeof AttestStatement> = {
  v: 1,
  instanceId: 'ins_1',
  nonce,
  at: now.toISOString(),
  bootId: 'b',
  os: 'Debian GNU/Linux 13',
  kernel: '6.12',
  agent: { version: '0.1.0', sha256: 'a'.repeat(64), publishedSha256: 'a'.repeat(64) },
  openclaw: { version: '2026.9.6', integrity: 'sha512-x' },
  node: 'v24.21.0',
  sockets: [{ protocol: 'tcp', local: '127.0.0.1:18789', process: 'openclaw-gateway.service' }],
  usersWithShell: ['root'],
  authorisedKeys: [],
  timers: [],
  enabledUnits: [],
  sshd: 'masked',
  firewall: { sha256: 'f'.repeat(64), inbound: 'drop' },
  lastUpgradeAt: null,
  rebootRequired: false,
  grants: [],
};
const answerOf = (statement: unknown, by = identity) => {
  const text = canonicalJson(statement);
  return {
    statement: text,
    signature: toBase64Url(signAttestation(by.privateKey, text)),
    identityPublicKey: toBase64Url(by.publicKey),
  };
};

test('an answer of this server to this question is taken', async () => {
  expect(await checkAttestation(answerOf(good), expected)).toEqual({ ok: true, statement: good });
});

test.each([
  [
    'changed after signing',
    () => ({ ...answerOf(good), statement: canonicalJson({ ...good, sshd: 'active' }) }),
  ],
  [
    'signed by another',
    () => ({ ...answerOf(good, generateIdentity()), identityPublicKey: toBase64Url(identity.publicKey) }),
  ],
  ['an older one', () => answerOf({ ...good, nonce: 'O'.repeat(43) })],
  ['of another server', () => answerOf({ ...good, instanceId: 'ins_2' })],
  ['of another form', () => answerOf({ hello: 1 })],
  ['of another time', () => answerOf({ ...good, at: '2026-11-25T11:00:00.000Z' })],
  ['with no signature', () => ({ ...answerOf(good), signature: '!' })],
])('one that is %s is refused', async (_, answer) => {
  expect(await checkAttestation(answer(), expected)).toMatchObject({ ok: false });
});
