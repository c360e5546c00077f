import { beforeAll, describe, expect, it } from 'vitest';
import { type Keys, makeAgent, makeBrowser, makeEnds, makeKeys } from '../../test/channel-ends.ts';
import { expectCode } from '../../test/expect-code.ts';
import { generateKeyPair } from '../key-pair.ts';
import { type CipherState, createCipherState } from '../noise/index.ts';
import { ready } from '../sodium.ts';
import { createChannel, type OwnerChannel } from './channel.ts';
import { encodeFrame, MAX_RECORD_PAYLOAD_BYTES, RECORDS_PER_KEY } from './wire.ts';

beforeAll(ready);

describe.each(['IKpsk2', 'IK'] as const)('the owner channel (%s)', (mode) => {
  it('opens at both ends, each knowing the other', () => {
    const ends = makeEnds({ browser: { mode } });
    expect(ends.browser.channel.state()).toBe('handshake');
    ends.connect();
    expect([ends.browser.channel.state(), ends.agent.channel.state()]).toEqual(['open', 'open']);
    expect([ends.browser.log.opens, ends.agent.log.opens]).toEqual([1, 1]);
    expect(ends.agent.log.peers).toEqual([ends.keys.device.publicKey]);
    expect(ends.agent.log.clients).toEqual(['test browser']);
    expect(ends.agent.log.paired).toBe(mode === 'IKpsk2' ? 1 : 0);
  });

  it('carries texts of every size both ways, in order and whole', () => {
    const texts = [
      '',
      'a',
      '\u0000\ufeffü€😀',
      '\ufeffstarts with a byte order mark',
      'x'.repeat(MAX_RECORD_PAYLOAD_BYTES),
      'y'.repeat(MAX_RECORD_PAYLOAD_BYTES + 1),
      'ü'.repeat(500_000),
    ];
    const ends = makeEnds({ browser: { mode } });
    ends.connect();
    for (const text of texts) {
      ends.browser.channel.send(text);
      ends.agent.channel.send(text);
    }
    ends.pump();
    expect(ends.agent.log.messages.length).toBe(texts.length);
    expect(ends.agent.log.messages.every((text, index) => text === texts[index])).toBe(true);
    expect(ends.browser.log.messages.every((text, index) => text === texts[index])).toBe(true);
  });

  it('does not mind how the stream cuts its bytes', () => {
    const ends = makeEnds({ browser: { mode } });
    ends.setRelay((_, bytes) => Array.from(bytes, (_byte, index) => bytes.subarray(index, index + 1)));
    ends.connect();
    ends.browser.channel.send('byte by byte');
    ends.browser.channel.send('z'.repeat(70_000));
    ends.pump();
    expect(ends.agent.log.messages).toEqual(['byte by byte', 'z'.repeat(70_000)]);
    for (let text = 0; text < 20; text += 1) ends.agent.channel.send(`joined ${text}`);
    ends.browser.channel.receive(Buffer.concat(ends.waiting.toBrowser.splice(0)));
    expect(ends.browser.log.messages).toHaveLength(20);
  });
});

describe('the end of a channel', () => {
  it.each(['browser', 'agent'] as const)('is clean at both ends when the %s closes', (who) => {
    const ends = makeEnds();
    ends.connect();
    ends[who].channel.send('last words');
    ends[who].channel.close();
    ends[who].channel.close();
    ends.pump();
    ends.hangUp();
    const other = who === 'browser' ? 'agent' : 'browser';
    expect(ends[other].log.messages).toEqual(['last words']);
    expect([ends.browser.log.closes, ends.agent.log.closes]).toEqual([['clean'], ['clean']]);
    expectCode('channel_not_open', () => ends.browser.channel.send('x'));
  });

  it('before the handshake is over is told too', () => {
    const ends = makeEnds();
    ends.browser.channel.start();
    ends.hangUp();
    expect([ends.browser.log.closes, ends.agent.log.closes]).toEqual([
      ['channel_truncated'],
      ['channel_truncated'],
    ]);
  });

  it('comes with an error of a callback, which goes to whoever fed the bytes', () => {
    const ends = makeEnds({
      browser: {
        onOpen() {
          throw new Error('mine');
        },
      },
    });
    ends.browser.channel.start();
    expect(() => ends.pump()).toThrow('mine');
    expect(ends.browser.channel.state()).toBe('closed');
    const failing = makeBrowser(makeKeys(), () => {
      throw new Error('no stream');
    });
    expect(() => failing.channel.start()).toThrow('no stream');
    expect(failing.channel.state()).toBe('closed');
  });

  it('is told once, even where the stream ends before the close is written', () => {
    const keys = makeKeys();
    const browser = makeBrowser(keys, (bytes) => {
      agent.channel.receive(bytes);
      if (agent.channel.state() === 'closed') browser.channel.end();
    });
    const agent = makeAgent(keys, (bytes) => browser.channel.receive(bytes));
    browser.channel.start();
    browser.channel.close();
    expect([browser.log.closes, agent.log.closes]).toEqual([['clean'], ['clean']]);
  });

  it.each<[string, (channel: OwnerChannel) => void]>([
    ['tampering', (channel) => channel.receive(encodeFrame(new Uint8Array(40)))],
    ['a cut', (channel) => channel.end()],
    ['closing', (channel) => channel.close()],
  ])('by %s leaves no key behind', (_, end) => {
    const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
    let wiped = 0;
    const channel = createChannel({ write() {}, onMessage() {}, onClose() {} }, (control) => ({
      onHandshakeFrame() {
        const [send, receive] = keys.map((key) => createCipherState(key)) as [CipherState, CipherState];
        control.establish({ send, receive }, 'open');
      },
      wipe() {
        wiped += 1;
      },
    }));
    channel.receive(encodeFrame(Uint8Array.of(0)));
    expect(channel.state()).toBe('open');
    end(channel);
    expect(wiped).toBeGreaterThan(0);
    for (const key of keys) expect([...key]).toEqual(new Array(32).fill(0));
  });

  it('is not reached by sending too early', () => {
    const ends = makeEnds();
    expectCode('channel_not_open', () => ends.browser.channel.send('x'));
    expectCode('channel_not_open', () => ends.agent.channel.send('x'));
    ends.connect();
    ends.browser.channel.send('now');
    ends.pump();
    expect(ends.agent.log.messages).toEqual(['now']);
  });
});

describe('limits', () => {
  it('refuses to send what is too large before anything is sent, and stays open', () => {
    const ends = makeEnds({ browser: { maxMessageBytes: 1000 } });
    ends.connect();
    expectCode('channel_message_too_large', () => ends.browser.channel.send('x'.repeat(1001)));
    expectCode('channel_message_too_large', () => ends.browser.channel.send('ü'.repeat(501)));
    expect(ends.waiting.toAgent).toHaveLength(0);
    ends.browser.channel.send('ü'.repeat(500));
    ends.pump();
    expect(ends.agent.log.messages).toEqual(['ü'.repeat(500)]);
  });

  it('closes on a message of 100 MB long before it is all there, and says so to both', () => {
    const ends = makeEnds({ browser: { maxMessageBytes: 200_000_000 } });
    ends.connect();
    let read = 0;
    ends.setRelay((direction, bytes) => {
      if (direction === 'toAgent' && ends.agent.channel.state() === 'open') read += bytes.length;
      return [bytes];
    });
    ends.browser.channel.send('x'.repeat(100_000_000));
    ends.pump();
    expect(ends.agent.log.closes).toEqual(['channel_message_too_large']);
    expect(ends.browser.log.closes).toEqual(['channel_message_too_large']);
    expect(ends.agent.log.messages).toEqual([]);
    expect(read).toBeLessThan(27.1 * 1024 * 1024);
  });

  it('changes keys in both directions after 65,536 records, without a word', () => {
    const ends = makeEnds();
    ends.connect();
    // The browser's confirm record is its first, so its 65,536th is the last but one of these.
    for (let record = 0; record < RECORDS_PER_KEY + 2; record += 1) {
      ends.browser.channel.send('');
      ends.agent.channel.send('');
      ends.pump();
    }
    ends.browser.channel.send('after');
    ends.agent.channel.send('after');
    ends.pump();
    for (const { log } of [ends.browser, ends.agent]) {
      expect(log.closes).toEqual([]);
      expect(log.messages.length).toBe(RECORDS_PER_KEY + 3);
      expect(log.messages.at(-1)).toBe('after');
    }
  }, 60_000);
});

describe('a stream that answers before write returns', () => {
  it('does not mix messages or their order', () => {
    const keys = makeKeys();
    const big = (letter: string) => letter.repeat(200_000);
    let fromAgent = 0;
    const browser = makeBrowser(keys, (bytes) => agent.channel.receive(bytes), {
      onOpen() {
        // The agent's first message is there already, and waits for this to return.
        expect(browser.log.messages).toEqual([]);
        for (const letter of ['a', 'b', 'c']) browser.channel.send(big(letter));
      },
    });
    const agent = makeAgent(
      keys,
      (bytes) => {
        browser.channel.receive(bytes);
        // Speaks in the middle of what the browser is writing.
        if (agent.channel.state() === 'open' && fromAgent < 3) {
          fromAgent += 1;
          agent.channel.send(`answer ${fromAgent}${big('!')}`);
        }
      },
      { onOpen: () => agent.channel.send('first') },
    );
    browser.channel.start();
    expect(agent.log.messages.map((text) => text[0])).toEqual(['a', 'b', 'c']);
    expect(browser.log.messages.map((text) => text.slice(0, 8))).toEqual([
      'first',
      'answer 1',
      'answer 2',
      'answer 3',
    ]);
    expect([browser.log.closes, agent.log.closes]).toEqual([[], []]);
  });
});

describe('a device', () => {
  const codes = (ends: ReturnType<typeof makeEnds>) => [
    ends.browser.log.errors.map((error) => [error.code, error.detail.reason]),
    ends.agent.log.errors.map((error) => [error.code, error.detail.reason]),
  ];

  it.each(['IK', 'IKpsk2'] as const)('that is not enrolled is turned away (%s)', (mode) => {
    const ends = makeEnds({ browser: { mode }, agent: { enrolled: [generateKeyPair()] } });
    ends.connect();
    const refusal = [['channel_refused', 'device_not_enrolled']];
    expect(codes(ends)).toEqual([refusal, refusal]);
    expect([ends.browser.log.opens, ends.agent.log.opens, ends.agent.log.paired]).toEqual([0, 0, 0]);
  });

  it('pairs once: the secret does not serve again', () => {
    const keys: Keys = makeKeys();
    const pairing = { open: true };
    const first = makeEnds({ keys, browser: { mode: 'IKpsk2' }, agent: { pairing } });
    first.connect();
    expect([first.agent.log.paired, pairing.open]).toEqual([1, false]);
    for (const again of [pairing, null]) {
      const second = makeEnds({ keys, browser: { mode: 'IKpsk2' }, agent: { pairing: again } });
      second.connect();
      const refusal = [['channel_refused', 'pairing_used']];
      expect(codes(second)).toEqual([refusal, refusal]);
      expect([second.browser.log.opens, second.agent.log.paired]).toEqual([0, 0]);
    }
    const later = makeEnds({ keys, browser: { mode: 'IK' }, agent: { pairing: null } });
    later.connect();
    expect([later.browser.log.opens, later.agent.log.opens]).toEqual([1, 1]);
  });

  it('pairs once even when two try at the same moment', () => {
    const keys = makeKeys();
    const pairing = { open: true };
    const [one, other] = [0, 1].map(() =>
      makeEnds({ keys, browser: { mode: 'IKpsk2' }, agent: { pairing } }),
    );
    if (!one || !other) throw new Error('no ends');
    for (const ends of [one, other]) {
      ends.browser.channel.start();
      ends.agent.channel.receive(ends.waiting.toAgent.shift() as Uint8Array);
    }
    one.pump();
    other.pump();
    expect([one.agent.log.paired, one.agent.log.opens]).toEqual([1, 1]);
    expect([other.agent.log.paired, other.agent.log.opens]).toEqual([0, 0]);
    const refusal = [['channel_refused', 'pairing_used']];
    expect(codes(other)).toEqual([refusal, refusal]);
  });
});
