import { beforeAll, describe, expect, it } from 'vitest';
import { expectCode, flip } from '../../test/expect-code.ts';
import { hex, unhex } from '../../test/python-peer.ts';
import { readVectors } from '../../test/vectors.ts';
import { EMPTY, randomBytes, utf8 } from '../bytes.ts';
import { generateKeyPair, keyPairFromPrivateKey } from '../key-pair.ts';
import { ready } from '../sodium.ts';
import {
  createCipherState,
  createHandshakeState,
  type HandshakeOptions,
  type HandshakeState,
  MAX_NOISE_MESSAGE_BYTES,
  type NoisePattern,
  type TransportCiphers,
} from './index.ts';

interface Vector {
  pattern: NoisePattern;
  prologue: string;
  initiatorStatic: string;
  responderStatic: string;
  initiatorEphemeral: string;
  responderEphemeral: string;
  psk: string;
  handshakeHash: string;
  messages: { payload: string; ciphertext: string }[];
  afterRekey: { payload: string; ciphertext: string };
}

beforeAll(ready);

const psk = new Uint8Array(32).fill(9);

/** Two ends that should fit; `change` makes one of them not. */
function ends(
  pattern: NoisePattern,
  change: { initiator?: Partial<HandshakeOptions>; responder?: Partial<HandshakeOptions> } = {},
) {
  const device = generateKeyPair();
  const agent = generateKeyPair();
  const common = { pattern, prologue: utf8('test'), ...(pattern === 'IKpsk2' ? { psk } : {}) };
  const initiator = createHandshakeState({
    ...common,
    initiator: true,
    staticKeyPair: device,
    remotePublicKey: agent.publicKey,
    ...change.initiator,
  });
  const responder = createHandshakeState({
    ...common,
    initiator: false,
    staticKeyPair: agent,
    ...change.responder,
  });
  return { initiator, responder, device, agent };
}

function shake(initiator: HandshakeState, responder: HandshakeState): [TransportCiphers, TransportCiphers] {
  responder.readMessage(initiator.writeMessage(EMPTY));
  initiator.readMessage(responder.writeMessage(EMPTY));
  return [initiator.split(), responder.split()];
}

describe.each([0, 1])('fixed vector %# of Python noiseprotocol', (index) => {
  const vector = readVectors<Vector>('noise.json')[index] as Vector;
  const side = (initiator: boolean) => {
    const [own, ephemeral] = initiator
      ? [vector.initiatorStatic, vector.initiatorEphemeral]
      : [vector.responderStatic, vector.responderEphemeral];
    const responder = keyPairFromPrivateKey(unhex(vector.responderStatic));
    return createHandshakeState({
      pattern: vector.pattern,
      initiator,
      prologue: unhex(vector.prologue),
      staticKeyPair: keyPairFromPrivateKey(unhex(own)),
      ...(initiator ? { remotePublicKey: responder.publicKey } : {}),
      ...(vector.psk ? { psk: unhex(vector.psk) } : {}),
      generateEphemeral: () => keyPairFromPrivateKey(unhex(ephemeral)),
    });
  };

  it(`${vector.pattern}: every message has the same bytes and opens`, () => {
    const sides = [side(true), side(false)] as const;
    const transport: TransportCiphers[] = [];
    for (const [number, { payload, ciphertext }] of vector.messages.entries()) {
      const [from, to] = number % 2 === 0 ? [0, 1] : [1, 0];
      const handshake = number < 2;
      const sent = handshake
        ? sides[from as 0].writeMessage(unhex(payload))
        : transport[from]?.send.encryptWithAd(EMPTY, unhex(payload));
      expect(hex(sent as Uint8Array)).toBe(ciphertext);
      const got = handshake
        ? sides[to as 0].readMessage(unhex(ciphertext))
        : transport[to]?.receive.decryptWithAd(EMPTY, unhex(ciphertext));
      expect(hex(got as Uint8Array)).toBe(payload);
      if (number === 1) {
        for (const state of sides) {
          expect(hex(state.handshakeHash())).toBe(vector.handshakeHash);
          transport.push(state.split());
        }
      }
    }
    const { payload, ciphertext } = vector.afterRekey;
    transport[0]?.send.rekey();
    transport[1]?.receive.rekey();
    expect(hex(transport[0]?.send.encryptWithAd(EMPTY, unhex(payload)) as Uint8Array)).toBe(ciphertext);
    expect(hex(transport[1]?.receive.decryptWithAd(EMPTY, unhex(ciphertext)) as Uint8Array)).toBe(payload);
  });
});

describe.each(['IK', 'IKpsk2'] as const)('the %s handshake', (pattern) => {
  it('has messages of the sizes the pattern says, and tells the responder who called', () => {
    const { initiator, responder, device, agent } = ends(pattern);
    const one = initiator.writeMessage(utf8('hello'));
    expect(one).toHaveLength(32 + 48 + 5 + 16);
    expect(hex(responder.readMessage(one))).toBe(hex(utf8('hello')));
    expect(responder.remotePublicKey()).toEqual(device.publicKey);
    const two = responder.writeMessage(utf8('hi'));
    expect(two).toHaveLength(32 + 2 + 16);
    expect(hex(initiator.readMessage(two))).toBe(hex(utf8('hi')));
    expect(initiator.remotePublicKey()).toEqual(agent.publicKey);
    expect(initiator.handshakeHash()).toEqual(responder.handshakeHash());
  });

  it('fails at message 1 for another responder key or another prologue', () => {
    for (const change of [
      { initiator: { remotePublicKey: generateKeyPair().publicKey } },
      { initiator: { prologue: utf8('other') } },
    ]) {
      const { initiator, responder } = ends(pattern, change);
      const message = initiator.writeMessage(EMPTY);
      expectCode('noise_message_tampered', () => responder.readMessage(message));
      expectCode('noise_out_of_turn', () => responder.writeMessage(EMPTY));
    }
  });

  it('fails for every byte of either message flipped', () => {
    for (let index = 0; index < 96 + 1; index += 1) {
      const { initiator, responder } = ends(pattern);
      const message = initiator.writeMessage(utf8('x'));
      expectCode('noise_message_tampered', () => responder.readMessage(flip(message, index, index % 8)));
    }
    for (let index = 0; index < 49; index += 1) {
      const { initiator, responder } = ends(pattern);
      responder.readMessage(initiator.writeMessage(EMPTY));
      const message = responder.writeMessage(utf8('x'));
      expectCode('noise_message_tampered', () => initiator.readMessage(flip(message, index, index % 8)));
    }
  });

  it('fails for a message cut short, too long, or with a key of low order', () => {
    for (const length of [0, 31, 32, 79, 80, 95]) {
      const { initiator, responder } = ends(pattern);
      const message = initiator.writeMessage(EMPTY).slice(0, length);
      expectCode('noise_message_malformed', () => responder.readMessage(message));
    }
    const { responder } = ends(pattern);
    expectCode('noise_message_tampered', () => responder.readMessage(new Uint8Array(96)));
    const tooLong = new Uint8Array(MAX_NOISE_MESSAGE_BYTES + 1);
    expectCode('noise_message_too_large', () => ends(pattern).responder.readMessage(tooLong));
    expectCode('noise_message_too_large', () => ends(pattern).initiator.writeMessage(tooLong));
  });

  it('goes in turn, once', () => {
    const { initiator, responder } = ends(pattern);
    expectCode('noise_out_of_turn', () => responder.writeMessage(EMPTY));
    expectCode('noise_out_of_turn', () => initiator.readMessage(new Uint8Array(96)));
    expectCode('noise_out_of_turn', () => initiator.split());
    shake(initiator, responder);
    expectCode('noise_out_of_turn', () => initiator.split());
    expectCode('noise_out_of_turn', () => initiator.writeMessage(EMPTY));
  });

  it('wipes its ephemeral key when it is over', () => {
    const ephemeral = generateKeyPair();
    const { initiator, responder } = ends(pattern, { initiator: { generateEphemeral: () => ephemeral } });
    shake(initiator, responder);
    expectCode('secret_wiped', () => ephemeral.privateKey.use(hex));
  });

  it('gives fresh keys each time', () => {
    const { initiator, responder } = ends(pattern);
    const again = ends(pattern);
    const [one] = shake(initiator, responder);
    const [, other] = shake(again.initiator, again.responder);
    const message = one.send.encryptWithAd(EMPTY, utf8('x'));
    expectCode('noise_message_tampered', () => other.receive.decryptWithAd(EMPTY, message));
  });
});

describe('the psk', () => {
  it('shows at message 2: the initiator does not accept who has another one', () => {
    const { initiator, responder } = ends('IKpsk2', { responder: { psk: new Uint8Array(32) } });
    responder.readMessage(initiator.writeMessage(EMPTY));
    const second = responder.writeMessage(EMPTY);
    expectCode('noise_message_tampered', () => initiator.readMessage(second));
  });

  it('must be there, and 32 bytes', () => {
    expectCode('input_invalid', () => ends('IKpsk2', { initiator: { psk: new Uint8Array(31) } }));
    const { psk: _, ...without } = { psk, pattern: 'IKpsk2' as const, initiator: true, prologue: EMPTY };
    const keys = { staticKeyPair: generateKeyPair(), remotePublicKey: generateKeyPair().publicKey };
    expectCode('input_invalid', () => createHandshakeState({ ...without, ...keys }));
  });

  it('may be named by the responder once it knows who calls, and no later', () => {
    const { initiator, responder } = ends('IKpsk2', { responder: { psk: undefined } });
    responder.readMessage(initiator.writeMessage(EMPTY));
    expect(responder.remotePublicKey()).toBeDefined();
    expectCode('input_invalid', () => responder.setPsk(new Uint8Array(31)));
    responder.setPsk(psk);
    initiator.readMessage(responder.writeMessage(EMPTY));
    expectCode('noise_out_of_turn', () => responder.setPsk(psk));
    const forgot = ends('IKpsk2', { responder: { psk: undefined } });
    forgot.responder.readMessage(forgot.initiator.writeMessage(EMPTY));
    expectCode('noise_out_of_turn', () => forgot.responder.writeMessage(EMPTY));
    expectCode('noise_out_of_turn', () => ends('IK').responder.setPsk(psk));
  });
});

describe('a cipher', () => {
  const pair = () => {
    const key = randomBytes(32);
    return [createCipherState(key.slice()), createCipherState(key.slice())] as const;
  };

  it('refuses a message twice, early or late, and keeps its count when it refuses', () => {
    const [send, receive] = pair();
    const [one, two] = [send.encryptWithAd(EMPTY, utf8('1')), send.encryptWithAd(EMPTY, utf8('2'))];
    expectCode('noise_message_tampered', () => receive.decryptWithAd(EMPTY, two));
    expect(receive.nonce()).toBe(0n);
    expect(hex(receive.decryptWithAd(EMPTY, one))).toBe(hex(utf8('1')));
    expectCode('noise_message_tampered', () => receive.decryptWithAd(EMPTY, one));
    expect(hex(receive.decryptWithAd(EMPTY, two))).toBe(hex(utf8('2')));
    expect(receive.nonce()).toBe(2n);
  });

  it('stops before the reserved last nonce', () => {
    const [send, receive] = pair();
    for (const cipher of [send, receive]) cipher.setNonce(2n ** 64n - 2n);
    expect(hex(receive.decryptWithAd(EMPTY, send.encryptWithAd(EMPTY, utf8('last'))))).toBe(
      hex(utf8('last')),
    );
    expectCode('noise_nonce_exhausted', () => send.encryptWithAd(EMPTY, utf8('x')));
    expectCode('noise_nonce_exhausted', () => receive.decryptWithAd(EMPTY, new Uint8Array(17)));
  });

  it('carries 65,535 bytes and no more', () => {
    const [send, receive] = pair();
    const most = new Uint8Array(MAX_NOISE_MESSAGE_BYTES - 16);
    expect(receive.decryptWithAd(EMPTY, send.encryptWithAd(EMPTY, most))).toHaveLength(most.length);
    expectCode('noise_message_too_large', () => send.encryptWithAd(EMPTY, new Uint8Array(most.length + 1)));
    expectCode('noise_message_too_large', () => receive.decryptWithAd(EMPTY, new Uint8Array(65_536)));
  });

  it('changes its key on rekey, at both ends alike, and keeps its count', () => {
    const [send, receive] = pair();
    const before = send.encryptWithAd(EMPTY, utf8('1'));
    receive.decryptWithAd(EMPTY, before);
    send.rekey();
    const after = send.encryptWithAd(EMPTY, utf8('2'));
    expectCode('noise_message_tampered', () => receive.decryptWithAd(EMPTY, after));
    receive.rekey();
    expect(receive.nonce()).toBe(1n);
    expect(hex(receive.decryptWithAd(EMPTY, after))).toBe(hex(utf8('2')));
  });

  it('is of no use once wiped', () => {
    const [send, receive] = pair();
    const message = send.encryptWithAd(EMPTY, utf8('x'));
    for (const cipher of [send, receive]) cipher.wipe();
    expectCode('noise_nonce_exhausted', () => send.encryptWithAd(EMPTY, utf8('x')));
    expectCode('noise_nonce_exhausted', () => receive.decryptWithAd(EMPTY, message));
  });
});
