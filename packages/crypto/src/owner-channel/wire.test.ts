import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentOptions, makeAgent, makeBrowser, makeKeys } from '../../test/channel-ends.ts';
import { hex, type PythonPeer, startPythonPeer, unhex } from '../../test/python-peer.ts';
import { concat, EMPTY, utf8 } from '../bytes.ts';
import { createHandshakeState, type NoisePattern } from '../noise/index.ts';
import { ready } from '../sodium.ts';
import { encodeFrame, encodeRefusal, MODE_BYTES, prologue, RECORD } from './wire.ts';

let python: PythonPeer;
beforeAll(async () => {
  await ready();
  python = startPythonPeer();
});
afterAll(() => python.stop());

const HELLO = '{"v":1,"client":{"name":"raw"}}';

/** A peer that holds the right keys and says whatever it likes. */
function rawBrowser(hello = HELLO, mode: NoisePattern = 'IK', options: AgentOptions = {}) {
  const keys = makeKeys();
  const answers: Uint8Array[] = [];
  const agent = makeAgent(keys, (bytes) => answers.push(bytes), options);
  const handshake = createHandshakeState({
    pattern: mode,
    initiator: true,
    prologue: prologue('ins_1', mode),
    staticKeyPair: keys.device,
    remotePublicKey: keys.agent.publicKey,
    psk: keys.psk,
  });
  const first = encodeFrame(handshake.writeMessage(utf8(hello)));
  agent.channel.receive(concat(Uint8Array.of(MODE_BYTES[mode]), first));
  const finish = () => {
    handshake.readMessage((answers[0] ?? EMPTY).slice(2));
    const { send } = handshake.split();
    return (...record: (number | Uint8Array)[]) =>
      agent.channel.receive(
        encodeFrame(
          send.encryptWithAd(
            EMPTY,
            concat(...record.map((part) => (part instanceof Uint8Array ? part : Uint8Array.of(part)))),
          ),
        ),
      );
  };
  return { agent, answers, finish };
}

describe('records', () => {
  it('of padding are dropped, before, between and after pieces', () => {
    const { agent, finish } = rawBrowser();
    const say = finish();
    say(RECORD.padding, utf8('ignored'));
    say(RECORD.more, utf8('one '));
    say(RECORD.padding, new Uint8Array(1000));
    say(RECORD.last, utf8('message'));
    expect(agent.log.messages).toEqual(['one message']);
    say(RECORD.close);
    expect(agent.log.closes).toEqual(['clean']);
  });

  it('open the channel whatever their type, once they are authentic', () => {
    const { agent, finish } = rawBrowser();
    expect([agent.log.opens, agent.channel.state()]).toEqual([0, 'confirming']);
    finish()(RECORD.last, utf8('first'));
    expect([agent.log.opens, agent.log.messages]).toEqual([1, ['first']]);
  });

  it('that come with the opening are not delivered where the agent closes at once', () => {
    const { agent, finish } = rawBrowser(HELLO, 'IK', { onOpen: () => agent.channel.close() });
    finish()(RECORD.last, utf8('too late'));
    expect([agent.log.opens, agent.log.messages, agent.log.closes]).toEqual([1, [], ['clean']]);
  });

  it('of a second pairing are not delivered, although its handshake was in time', () => {
    const pairing = { open: true };
    const { agent, finish } = rawBrowser(HELLO, 'IKpsk2', { pairing });
    pairing.open = false;
    finish()(RECORD.last, utf8('too late'));
    expect([agent.log.opens, agent.log.messages, agent.log.closes]).toEqual([0, [], ['channel_refused']]);
  });

  it.each<[string, (number | Uint8Array)[]]>([
    ['nothing in it', []],
    ['an unknown type', [4]],
    ['an empty piece', [RECORD.more]],
    ['bytes that are no text', [RECORD.last, Uint8Array.of(0xff, 0xfe)]],
    ['a surrogate in UTF-8', [RECORD.last, Uint8Array.of(0xed, 0xa0, 0x80)]],
    ['an unknown reason to close', [RECORD.close, 99]],
  ])('with %s are garbage', (_, record) => {
    const { agent, finish } = rawBrowser();
    const say = finish();
    say(RECORD.padding);
    say(...record);
    expect(agent.log.closes).toEqual(['channel_protocol']);
    say(RECORD.last, utf8('more'));
    expect(agent.log.messages).toEqual([]);
  });
});

describe('what is not a handshake', () => {
  it.each<[string, Uint8Array, string[], Uint8Array[]]>([
    ['an unknown mode', Uint8Array.of(3), ['channel_refused'], [encodeRefusal('unsupported')]],
    ['HTTP', utf8('GET / HTTP/1.1\r\n\r\n'), ['channel_refused'], [encodeRefusal('unsupported')]],
    ['an empty frame', Uint8Array.of(1, 0, 0), ['channel_protocol'], []],
    ['a frame too long', Uint8Array.of(1, 0x10, 0x01), ['channel_protocol'], []],
    [
      'a frame too short',
      Uint8Array.of(1, 0, 1, 9),
      ['channel_handshake_failed'],
      [encodeRefusal('handshake_failed')],
    ],
    [
      'zeros',
      concat(Uint8Array.of(1, 0, 96), new Uint8Array(96)),
      ['channel_handshake_failed'],
      [encodeRefusal('handshake_failed')],
    ],
  ])('is told apart: %s', (_, bytes, closes, answers) => {
    const written: Uint8Array[] = [];
    const agent = makeAgent(makeKeys(), (part) => written.push(part));
    agent.channel.receive(bytes);
    expect(agent.log.closes).toEqual(closes);
    expect(written.map(hex)).toEqual(answers.map(hex));
    expect(agent.channel.state()).toBe('closed');
  });

  it.each([
    '',
    'null',
    '{}',
    '{"v":2,"client":{"name":"x"}}',
    '{"v":1}',
    '{"v":1,"client":{"name":7}}',
    `{"v":1,"client":{"name":"${'x'.repeat(65)}"}}`,
  ])('is refused with the hello %#', (hello) => {
    const { agent, answers } = rawBrowser(hello);
    expect(agent.log.closes).toEqual(['channel_protocol']);
    expect(answers.map(hex)).toEqual([hex(encodeRefusal('unsupported'))]);
  });

  it('at the browser: an unknown refusal, a long frame, a welcome of another form', () => {
    const start = () => {
      const browser = makeBrowser(makeKeys(), () => {});
      browser.channel.start();
      return browser;
    };
    const [one, two] = [start(), start()];
    one.channel.receive(Uint8Array.of(0, 0, 99));
    two.channel.receive(Uint8Array.of(0xff, 0xff));
    expect([one.log.closes, two.log.closes]).toEqual([['channel_protocol'], ['channel_protocol']]);

    const keys = makeKeys();
    const sent: Uint8Array[] = [];
    const three = makeBrowser(keys, (bytes) => sent.push(bytes));
    three.channel.start();
    const handshake = createHandshakeState({
      pattern: 'IK',
      initiator: false,
      prologue: prologue('ins_1', 'IK'),
      staticKeyPair: keys.agent,
    });
    handshake.readMessage((sent[0] ?? EMPTY).slice(3));
    three.channel.receive(encodeFrame(handshake.writeMessage(utf8('{"v":1}'))));
    expect([three.log.closes, three.log.opens]).toEqual([['channel_protocol'], 0]);
  });

  it.each(['device_not_enrolled', 'pairing_used', 'unsupported', 'busy', 'handshake_failed'] as const)(
    'the refusal %s reaches the browser as a hint with a fix',
    (reason) => {
      const browser = makeBrowser(makeKeys(), () => {});
      browser.channel.start();
      browser.channel.receive(encodeRefusal(reason));
      expect(browser.log.closes).toEqual(['channel_refused']);
      expect(browser.log.errors[0]?.detail.reason).toBe(reason);
    },
  );
});

describe('the wire as documented', () => {
  it.each(['IK', 'IKpsk2'] as const)('is spoken by a Python browser (%s)', async (mode) => {
    const keys = makeKeys();
    const answers: Uint8Array[] = [];
    const agent = makeAgent(keys, (bytes) => answers.push(bytes));
    await python.call('noise_start', {
      pattern: mode,
      initiator: true,
      prologue: hex(Buffer.from(`claw.owner.v1\0ins_1\0${mode === 'IK' ? '\u0001' : '\u0002'}`, 'latin1')),
      static: keys.device.privateKey.use(hex),
      remote: hex(keys.agent.publicKey),
      ...(mode === 'IKpsk2' ? { psk: hex(keys.psk) } : {}),
    });
    const frame = (message: string) => {
      const bytes = Buffer.from(message, 'hex');
      return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
    };
    const first = await python.call('noise_write', { payload: hex(utf8(HELLO)) });
    agent.channel.receive(Buffer.concat([Buffer.from([mode === 'IK' ? 1 : 2]), frame(first)]));
    const welcome = await python.call('noise_read', { message: hex((answers.shift() ?? EMPTY).slice(2)) });
    expect(JSON.parse(Buffer.from(welcome, 'hex').toString())).toEqual({ v: 1, agentVersion: '1.2.3' });
    for (const record of ['03', `00${hex(utf8('from '))}`, `01${hex(utf8('Python'))}`]) {
      agent.channel.receive(frame(await python.call('noise_encrypt', { plaintext: record })));
    }
    expect(agent.log.clients).toEqual(['raw']);
    expect(agent.log.messages).toEqual(['from Python']);
    agent.channel.send('to Python');
    const got = await python.call('noise_decrypt', { ciphertext: hex((answers.shift() ?? EMPTY).slice(2)) });
    expect(Buffer.from(got, 'hex').toString()).toBe('\u0001to Python');
    agent.channel.close();
    expect(await python.call('noise_decrypt', { ciphertext: hex((answers.shift() ?? EMPTY).slice(2)) })).toBe(
      '02',
    );
    expect(unhex('02')).toEqual(Uint8Array.of(RECORD.close));
  });
});
