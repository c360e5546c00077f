import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hex, type PythonPeer, startPythonPeer, unhex } from '../../test/python-peer.ts';
import { EMPTY, randomBytes, utf8 } from '../bytes.ts';
import { generateKeyPair } from '../key-pair.ts';
import { ready } from '../sodium.ts';
import { createHandshakeState, type NoisePattern } from './index.ts';

let python: PythonPeer;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
});
afterAll(() => python.stop());

const roles = (['IK', 'IKpsk2'] as const).flatMap((pattern) => [
  { pattern, weAre: 'initiator' as const },
  { pattern, weAre: 'responder' as const },
]);

describe.each(roles)('$pattern with Python noiseprotocol, we as $weAre', ({ pattern, weAre }) => {
  it('shakes hands with payloads, talks both ways and rekeys', async () => {
    const { ours, theirs } = await start(pattern, weAre === 'initiator');
    const payloads = [randomBytes(40), EMPTY];
    if (weAre === 'initiator') {
      expect(await theirs('noise_read', ours.writeMessage(payloads[0] ?? EMPTY))).toBe(
        hex(payloads[0] ?? EMPTY),
      );
      expect(hex(ours.readMessage(unhex(await theirs('noise_write', EMPTY))))).toBe('');
    } else {
      expect(hex(ours.readMessage(unhex(await theirs('noise_write', utf8('hello')))))).toBe(
        hex(utf8('hello')),
      );
      expect(await theirs('noise_read', ours.writeMessage(utf8('hi')))).toBe(hex(utf8('hi')));
    }
    expect(await python.call('noise_hash')).toBe(hex(ours.handshakeHash()));
    const { send, receive } = ours.split();
    for (const size of [0, 1, 200, 65_519]) {
      const plaintext = randomBytes(size);
      expect(await theirs('noise_decrypt', send.encryptWithAd(EMPTY, plaintext))).toBe(hex(plaintext));
      const back = unhex(await theirs('noise_encrypt', plaintext));
      expect(hex(receive.decryptWithAd(EMPTY, back))).toBe(hex(plaintext));
    }
    send.rekey();
    receive.rekey();
    await python.call('noise_rekey_in');
    await python.call('noise_rekey_out');
    expect(await theirs('noise_decrypt', send.encryptWithAd(EMPTY, utf8('after')))).toBe(hex(utf8('after')));
    expect(hex(receive.decryptWithAd(EMPTY, unhex(await theirs('noise_encrypt', utf8('after')))))).toBe(
      hex(utf8('after')),
    );
  });

  it('is refused by Python where the prologue differs', async () => {
    const { ours, theirs } = await start(pattern, weAre === 'initiator', 'another prologue');
    if (weAre === 'initiator') await expect(theirs('noise_read', ours.writeMessage(EMPTY))).rejects.toThrow();
    else {
      const message = unhex(await theirs('noise_write', EMPTY));
      expect(() => ours.readMessage(message)).toThrow('could not be authenticated');
    }
  });
});

/** Our end and Python's, with keys that fit. */
async function start(pattern: NoisePattern, weInitiate: boolean, theirPrologue = 'prologue') {
  const [we, they] = [generateKeyPair(), generateKeyPair()];
  const psk = randomBytes(32);
  await python.call('noise_start', {
    pattern,
    initiator: !weInitiate,
    prologue: hex(utf8(theirPrologue)),
    static: they.privateKey.use(hex),
    ...(weInitiate ? {} : { remote: hex(we.publicKey) }),
    ...(pattern === 'IKpsk2' ? { psk: hex(psk) } : {}),
  });
  const ours = createHandshakeState({
    pattern,
    initiator: weInitiate,
    prologue: utf8('prologue'),
    staticKeyPair: we,
    ...(weInitiate ? { remotePublicKey: they.publicKey } : {}),
    ...(pattern === 'IKpsk2' ? { psk } : {}),
  });
  const names = {
    noise_write: 'payload',
    noise_read: 'message',
    noise_encrypt: 'plaintext',
    noise_decrypt: 'ciphertext',
  };
  const theirs = (op: keyof typeof names, bytes: Uint8Array) => python.call(op, { [names[op]]: hex(bytes) });
  return { ours, theirs };
}
