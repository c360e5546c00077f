import { beforeAll, describe, expect, it } from 'vitest';
import { type Direction, makeAgent, makeBrowser, makeEnds, makeKeys } from '../../test/channel-ends.ts';
import { expectCode, flip } from '../../test/expect-code.ts';
import { concat, randomBytes } from '../bytes.ts';
import { generateKeyPair } from '../key-pair.ts';
import { ready } from '../sodium.ts';
import { encodeFrame, encodeRefusal, MODE_BYTES } from './wire.ts';

beforeAll(ready);

type Ends = ReturnType<typeof makeEnds>;
const modes = ['IKpsk2', 'IK'] as const;
const directions: Direction[] = ['toAgent', 'toBrowser'];
/** Who receives, and who sends, in a direction. */
const receiver = (ends: Ends, direction: Direction) => (direction === 'toAgent' ? ends.agent : ends.browser);
const sender = (ends: Ends, direction: Direction) => (direction === 'toAgent' ? ends.browser : ends.agent);

function connected(mode: 'IK' | 'IKpsk2' = 'IK'): Ends {
  const ends = makeEnds({ browser: { mode } });
  ends.connect();
  expect([ends.browser.log.opens, ends.agent.log.opens]).toEqual([1, 1]);
  return ends;
}

/** The frames of messages that wait to be relayed. */
function framesOf(ends: Ends, direction: Direction, ...texts: string[]): Uint8Array[] {
  for (const text of texts) sender(ends, direction).channel.send(text);
  return ends.waiting[direction].splice(0);
}

/** After an error: nothing comes in, nothing goes out, and it was said once. */
function expectDead(end: Ends['browser'] | Ends['agent'], code: string, delivered: string[] = []) {
  expect(end.log.closes).toEqual([code]);
  expect(end.log.messages).toEqual(delivered);
  expect(end.channel.state()).toBe('closed');
  expectCode('channel_not_open', () => end.channel.send('x'));
  end.channel.receive(randomBytes(100));
  end.channel.end();
  end.channel.close();
  expect(end.log.closes).toEqual([code]);
  expect(end.log.messages).toEqual(delivered);
}

describe('a relay that swaps the agent key', () => {
  it('at registration, and plays the agent without the pairing secret: agent_key_unproven', () => {
    const keys = makeKeys();
    const relayKey = generateKeyPair();
    // The browser was told the relay's key, and the relay accepts every device.
    const told = { ...keys, agent: relayKey };
    const relay = makeAgent({ ...told, psk: randomBytes(32) }, (bytes) => browser.channel.receive(bytes));
    const browser = makeBrowser(told, (bytes) => relay.channel.receive(bytes), { mode: 'IKpsk2' });
    browser.channel.start();
    expect(browser.log.opens).toBe(0);
    expectDead(browser, 'agent_key_unproven');
    expect([relay.log.opens, relay.log.messages]).toEqual([0, []]);
  });

  it('at registration, and passes the connection on: the agent cannot be made to answer', () => {
    const keys = makeKeys();
    const agent = makeAgent(keys, (bytes) => browser.channel.receive(bytes));
    const told = { ...keys, agent: generateKeyPair() };
    const browser = makeBrowser(told, (bytes) => agent.channel.receive(bytes), { mode: 'IKpsk2' });
    browser.channel.start();
    expectDead(browser, 'channel_refused');
    expect(browser.log.errors[0]?.detail.reason).toBe('handshake_failed');
    expectDead(agent, 'channel_handshake_failed');
    expect(agent.log.paired).toBe(0);
  });

  it('at registration, and speaks to the agent as a device of its own: device_not_enrolled', () => {
    const keys = makeKeys();
    for (const mode of modes) {
      const agent = makeAgent(keys, (bytes) => relay.channel.receive(bytes));
      const own = { ...keys, device: generateKeyPair(), psk: randomBytes(32) };
      const relay = makeBrowser(own, (bytes) => agent.channel.receive(bytes), { mode });
      relay.channel.start();
      expectDead(agent, 'channel_refused');
      expect(agent.log.errors[0]?.detail.reason).toBe('device_not_enrolled');
      expect([agent.log.opens, agent.log.paired, relay.log.opens]).toEqual([0, 0, 0]);
    }
  });

  it.each([
    ['at the first connection', 'IKpsk2', 'agent_key_unproven'],
    ['later', 'IK', 'agent_key_mismatch'],
  ] as const)('%s, and makes up an answer: %s gives %s', (_, mode, code) => {
    const sent: Uint8Array[] = [];
    const browser = makeBrowser(makeKeys(), (bytes) => sent.push(bytes), { mode });
    browser.channel.start();
    browser.channel.receive(encodeFrame(concat(generateKeyPair().publicKey, randomBytes(60))));
    expect(browser.log.opens).toBe(0);
    expectDead(browser, code);
    expect(sent).toHaveLength(1);
  });

  it('later, with a real agent of another key: neither end goes on', () => {
    const keys = makeKeys();
    const other = makeAgent({ ...keys, agent: generateKeyPair() }, (bytes) => browser.channel.receive(bytes));
    const browser = makeBrowser(keys, (bytes) => other.channel.receive(bytes));
    browser.channel.start();
    expectDead(other, 'channel_handshake_failed');
    expectDead(browser, 'channel_refused');
  });

  it('for the same key in another instance: the handshake binds the instance', () => {
    const ends = makeEnds({ browser: { instanceId: 'ins_2' } });
    ends.connect();
    expectDead(ends.agent, 'channel_handshake_failed');
    expectDead(ends.browser, 'channel_refused');
  });
});

describe('a relay that changes the handshake', () => {
  it.each(modes)('%s: cannot turn it into the other one', (mode) => {
    const other = mode === 'IK' ? MODE_BYTES.IKpsk2 : MODE_BYTES.IK;
    const ends = makeEnds({
      browser: { mode },
      relay: (direction, bytes, index) =>
        direction === 'toAgent' && index === 0 ? [Uint8Array.of(other, ...bytes.subarray(1))] : [bytes],
    });
    ends.connect();
    expectDead(ends.agent, 'channel_handshake_failed');
    expect(ends.agent.log.paired).toBe(0);
  });

  it.each(modes)('%s: every byte of message 1 flipped is refused by the agent', (mode) => {
    const length = firstWrite(mode).length;
    for (let index = 3; index < length; index += 1) {
      const ends = makeEnds({
        browser: { mode },
        relay: (direction, bytes) => [direction === 'toAgent' ? flip(bytes, index, index % 8) : bytes],
      });
      ends.connect();
      expectDead(ends.agent, 'channel_handshake_failed');
      expectDead(ends.browser, 'channel_refused');
      expect(ends.agent.log.opens + ends.agent.log.paired + ends.browser.log.opens).toBe(0);
    }
  });

  it('every bit of the mode flipped is unsupported', () => {
    for (let bit = 0; bit < 8; bit += 1) {
      const ends = makeEnds({
        relay: (direction, bytes) => [direction === 'toAgent' ? flip(bytes, 0, bit) : bytes],
      });
      ends.connect();
      expectDead(ends.agent, 'channel_refused');
      expect(ends.agent.log.errors[0]?.detail.reason).toBe('unsupported');
      expectDead(ends.browser, 'channel_refused');
    }
  });

  it.each([
    ['IKpsk2', 'agent_key_unproven'],
    ['IK', 'agent_key_mismatch'],
  ] as const)('%s: every byte of message 2 flipped is %s', (mode, code) => {
    const length = 32 + '{"v":1,"agentVersion":"1.2.3"}'.length + 16;
    for (let index = 2; index < 2 + length; index += 1) {
      const ends = makeEnds({
        browser: { mode },
        relay: (direction, bytes) => {
          if (direction === 'toAgent') return [bytes];
          expect(bytes).toHaveLength(2 + length);
          return [flip(bytes, index, index % 8)];
        },
      });
      ends.connect();
      expectDead(ends.browser, code);
      ends.hangUp();
      expectDead(ends.agent, 'channel_truncated');
      expect(ends.browser.log.opens + ends.agent.log.opens + ends.agent.log.paired).toBe(0);
    }
  });

  it.each(['toAgent', 'toBrowser'] as const)(
    'every bit of a handshake length %s flipped ends it',
    (direction) => {
      for (let bit = 0; bit < 16; bit += 1) {
        const at = (direction === 'toAgent' ? 1 : 0) + (bit < 8 ? 0 : 1);
        const ends = makeEnds({
          relay: (way, bytes, index) => [way === direction && index === 0 ? flip(bytes, at, bit % 8) : bytes],
        });
        ends.connect();
        ends.hangUp();
        const failed = direction === 'toAgent' ? 'channel_handshake_failed' : 'agent_key_mismatch';
        expect([failed, 'channel_truncated', 'channel_protocol']).toContain(
          receiver(ends, direction).log.closes[0],
        );
        expect(ends.browser.log.opens + ends.agent.log.opens).toBe(0);
      }
    },
  );

  it.each([
    ['IKpsk2', 'agent_key_unproven'],
    ['IK', 'agent_key_mismatch'],
  ] as const)('%s: sends message 1 back as its answer: %s', (mode, code) => {
    const browser = makeBrowser(makeKeys(), (bytes) => browser.channel.receive(bytes.subarray(1)), { mode });
    browser.channel.start();
    expectDead(browser, code);
  });

  it('can refuse in the name of the agent, and the browser takes it as no more than that', () => {
    const browser = makeBrowser(makeKeys(), () => {});
    browser.channel.start();
    browser.channel.receive(encodeRefusal('busy'));
    expectDead(browser, 'channel_refused');
    // Once the channel is open a refusal is not believed any more.
    const ends = connected();
    ends.browser.channel.receive(encodeRefusal('busy'));
    expectDead(ends.browser, 'channel_protocol');
  });

  it.each(modes)('%s: drops the confirm record: the agent does not open, and keeps the pairing', (mode) => {
    const ends = makeEnds({
      browser: { mode },
      relay: (direction, bytes, index) => (direction === 'toAgent' && index === 1 ? [] : [bytes]),
    });
    ends.connect();
    ends.browser.channel.send('after');
    ends.pump();
    expectDead(ends.agent, 'channel_tampered');
    expect([ends.agent.log.opens, ends.agent.log.paired]).toEqual([0, 0]);
  });
});

describe.each(directions)('a relay, %s,', (direction) => {
  it('that flips any bit of a frame: channel_tampered, or truncated where the length grew', () => {
    const probe = framesOf(connected(), direction, 'hello')[0] as Uint8Array;
    expect(probe).toHaveLength(2 + 1 + 5 + 16);
    const length = probe.length - 2;
    for (let bit = 0; bit < probe.length * 8; bit += 1) {
      const ends = connected();
      const end = receiver(ends, direction);
      const frame = framesOf(ends, direction, 'hello')[0] as Uint8Array;
      const altered = flip(frame, bit >> 3, bit & 7);
      end.channel.receive(altered);
      const claimed = ((altered[0] ?? 0) << 8) | (altered[1] ?? 0);
      if (claimed > length) {
        expect(end.log.closes).toEqual([]);
        end.channel.end();
        expectDead(end, 'channel_truncated');
      } else expectDead(end, 'channel_tampered');
    }
  });

  it('that repeats a frame: it counts once, then channel_tampered', () => {
    const ends = connected();
    const [frame] = framesOf(ends, direction, 'pay 10') as [Uint8Array];
    const end = receiver(ends, direction);
    end.channel.receive(frame);
    end.channel.receive(frame);
    expectDead(end, 'channel_tampered', ['pay 10']);
  });

  it('that swaps two frames: channel_tampered, and neither arrives', () => {
    const ends = connected();
    const [one, two] = framesOf(ends, direction, 'one', 'two') as [Uint8Array, Uint8Array];
    const end = receiver(ends, direction);
    end.channel.receive(concat(two, one));
    expectDead(end, 'channel_tampered');
  });

  it('that drops a frame: channel_tampered at the next', () => {
    const ends = connected();
    const [one, , three] = framesOf(ends, direction, 'one', 'two', 'three') as Uint8Array[];
    const end = receiver(ends, direction);
    end.channel.receive(concat(one as Uint8Array, three as Uint8Array));
    expectDead(end, 'channel_tampered', ['one']);
  });

  it('that drops a piece of a message: no part of it is delivered', () => {
    const ends = connected();
    const pieces = framesOf(ends, direction, 'x'.repeat(200_000));
    expect(pieces).toHaveLength(4);
    const end = receiver(ends, direction);
    end.channel.receive(concat(...pieces.slice(0, 2), ...pieces.slice(3)));
    expectDead(end, 'channel_tampered');
  });

  it('that cuts the stream at any byte: channel_truncated', () => {
    const frames = concat(...framesOf(connected(), direction, 'one', 'two'));
    const whole = frames.length / 2;
    for (let at = 0; at <= frames.length; at += 1) {
      const ends = connected();
      const end = receiver(ends, direction);
      end.channel.receive(concat(...framesOf(ends, direction, 'one', 'two')).subarray(0, at));
      end.channel.end();
      const delivered = ['one', 'two'].slice(0, Math.floor(at / whole));
      expectDead(end, 'channel_truncated', delivered);
    }
  });

  it('that cuts off the close: channel_truncated', () => {
    const ends = connected();
    sender(ends, direction).channel.close();
    ends.waiting[direction].splice(0);
    const end = receiver(ends, direction);
    end.channel.end();
    expectDead(end, 'channel_truncated');
  });

  it('that slips in a frame of its own: channel_tampered', () => {
    const ends = connected();
    const end = receiver(ends, direction);
    end.channel.receive(encodeFrame(randomBytes(40)));
    expectDead(end, 'channel_tampered');
  });

  it('that sends frames back to where they came from: channel_tampered', () => {
    const ends = connected();
    const other: Direction = direction === 'toAgent' ? 'toBrowser' : 'toAgent';
    const [frame] = framesOf(ends, other, 'mirror') as [Uint8Array];
    const end = receiver(ends, direction);
    end.channel.receive(frame);
    expectDead(end, 'channel_tampered');
  });

  it('that mixes in a frame of another session of the same keys: channel_tampered', () => {
    const first = connected();
    const second = makeEnds({ keys: first.keys });
    second.connect();
    const [frame] = framesOf(first, direction, 'old') as [Uint8Array];
    const end = receiver(second, direction);
    end.channel.receive(frame);
    expectDead(end, 'channel_tampered');
  });
});

describe('a relay with a recording', () => {
  const record = (mode: 'IK' | 'IKpsk2') => {
    const heard: Record<Direction, Uint8Array[]> = { toAgent: [], toBrowser: [] };
    const pairing = { open: true };
    const ends = makeEnds({
      browser: { mode },
      agent: { pairing },
      relay: (direction, bytes) => {
        heard[direction].push(bytes);
        return [bytes];
      },
    });
    ends.connect();
    ends.browser.channel.send('transfer everything');
    ends.agent.channel.send('done');
    ends.pump();
    ends.browser.channel.close();
    ends.pump();
    expect(ends.agent.log.messages).toEqual(['transfer everything']);
    return { keys: ends.keys, heard };
  };

  it.each(modes)('%s: plays the whole session to a fresh agent: nothing opens, pairs or arrives', (mode) => {
    const { keys, heard } = record(mode);
    // As if the agent had been set back to before the pairing.
    const agent = makeAgent(keys, () => {}, { pairing: { open: true } });
    agent.channel.receive(concat(...heard.toAgent));
    expectDead(agent, 'channel_tampered');
    expect([agent.log.opens, agent.log.paired]).toEqual([0, 0]);
  });

  it.each([
    ['IKpsk2', 'agent_key_unproven'],
    ['IK', 'agent_key_mismatch'],
  ] as const)('%s: plays the agent’s side to the browser: %s', (mode, code) => {
    const { keys, heard } = record(mode);
    const browser = makeBrowser(keys, () => {}, { mode });
    browser.channel.start();
    browser.channel.receive(concat(...heard.toBrowser));
    expect(browser.log.opens).toBe(0);
    expectDead(browser, code);
  });

  it.each(modes)('%s: repeats message 1 within a session, or alone: nothing opens', (mode) => {
    const { keys, heard } = record(mode);
    const first = heard.toAgent[0] as Uint8Array;
    const twice = makeAgent(keys, () => {});
    twice.channel.receive(concat(first, first.subarray(1)));
    expectDead(twice, 'channel_tampered');
    const alone = makeAgent(keys, () => {});
    alone.channel.receive(first);
    alone.channel.end();
    expectDead(alone, 'channel_truncated');
    expect([twice.log.opens, twice.log.paired, alone.log.opens, alone.log.paired]).toEqual([0, 0, 0, 0]);
  });
});

function firstWrite(mode: 'IK' | 'IKpsk2'): Uint8Array {
  const sent: Uint8Array[] = [];
  makeBrowser(makeKeys(), (bytes) => sent.push(bytes), { mode }).channel.start();
  return sent[0] as Uint8Array;
}
