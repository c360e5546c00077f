import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AgentOptions,
  type BrowserOptions,
  type Invite,
  makeAgent,
  makeBrowser,
  makeEnds,
  makeKeys,
} from '../../test/channel-ends.ts';
import { expectCode } from '../../test/expect-code.ts';
import { concat, randomBytes } from '../bytes.ts';
import { generateKeyPair } from '../key-pair.ts';
import { ready } from '../sodium.ts';

beforeAll(ready);

const newInvite = (over: Partial<Invite> = {}): Invite => ({
  id: 'invite-1',
  secret: randomBytes(32),
  left: 10,
  ...over,
});
/** Somebody with a key of their own who calls an agent that knows another device. */
function guest(invite: Invite, browser: BrowserOptions = {}, agent: AgentOptions = {}) {
  const keys = makeKeys();
  const known = [generateKeyPair()];
  const ends = makeEnds({
    keys,
    browser: { mode: 'IKpsk2', pairingId: invite.id, pairingSecret: invite.secret, ...browser },
    agent: { enrolled: known, invite, ...agent },
  });
  return { ...ends, known };
}
const codes = (log: { errors: { code: string; detail: { reason?: string } }[] }) =>
  log.errors.map(({ code, detail }) => detail.reason ?? code);

describe('a device that comes with an invite', () => {
  it('enters once by its secret, and from then on by its key', () => {
    const invite = newInvite();
    const { keys, known, browser, agent, connect } = guest(invite);
    connect();
    expect([browser.log.opens, agent.log.opens, invite.left]).toEqual([1, 1, 0]);
    expect(agent.log.peers).toEqual([keys.device.publicKey]);
    // The pairing secret of the first connection is another thing, and still there.
    expect(agent.log.paired).toBe(0);
    const again = makeEnds({ keys, agent: { enrolled: known, invite } });
    again.connect();
    expect([again.browser.log.opens, again.agent.log.opens]).toEqual([1, 1]);
  });

  it('is turned away by name where the invite was used, ran out or never was', () => {
    for (const [invite, pairingId] of [
      [newInvite({ left: 0 }), 'invite-1'],
      [newInvite(), 'invite-2'],
    ] as const) {
      const { browser, agent, known, connect } = guest(invite, { pairingId });
      connect();
      expect([codes(browser.log), codes(agent.log)]).toEqual([['invite_unknown'], ['invite_unknown']]);
      expect([agent.log.opens, known.length]).toEqual([0, 1]);
    }
  });

  it('with a wrong secret is not enrolled, and the invite dies of too many tries', () => {
    const invite = newInvite({ left: 3 });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { browser, agent, known, connect, hangUp } = guest(invite, { pairingSecret: randomBytes(32) });
      connect();
      hangUp();
      expect([browser.log.closes, agent.log.closes]).toEqual([['agent_key_unproven'], ['channel_truncated']]);
      expect([agent.log.opens, known.length]).toEqual([0, 1]);
    }
    const { browser, connect } = guest(invite);
    connect();
    expect(codes(browser.log)).toEqual(['invite_unknown']);
  });

  it('cannot use it without the secret of its mode: IK has none', () => {
    const { agent, known, connect } = guest(newInvite(), { mode: 'IK' });
    connect();
    expect([codes(agent.log), known.length]).toEqual([['device_not_enrolled'], 1]);
  });

  it('enters once even when two try at the same moment', () => {
    const invite = newInvite();
    const known = [generateKeyPair()];
    const [one, other] = [guest(invite, {}, { enrolled: known }), guest(invite, {}, { enrolled: known })];
    for (const ends of [one, other]) {
      ends.browser.channel.start();
      ends.agent.channel.receive(ends.waiting.toAgent.shift() as Uint8Array);
    }
    one.pump();
    other.pump();
    expect([one.agent.log.opens, other.agent.log.opens, known.length]).toEqual([1, 0, 2]);
    expect(codes(other.browser.log)).toEqual(['pairing_used']);
  });
});

describe('a control plane that was taken over', () => {
  it('cannot let itself in: not with IK, not with a made-up invite or secret', () => {
    const keys = makeKeys();
    const invite = newInvite();
    const tries: BrowserOptions[] = [
      { mode: 'IK' },
      { mode: 'IKpsk2', pairingSecret: randomBytes(32) },
      { mode: 'IKpsk2', pairingId: 'made-up', pairingSecret: randomBytes(32) },
      { mode: 'IKpsk2', pairingId: invite.id, pairingSecret: randomBytes(32) },
      { mode: 'IKpsk2', pairingId: invite.id, pairingSecret: new Uint8Array(32) },
    ];
    for (const browser of tries) {
      const intruder = { ...keys, device: generateKeyPair() };
      const ends = makeEnds({ keys: intruder, browser, agent: { enrolled: [keys.device], invite } });
      ends.connect();
      ends.hangUp();
      expect([ends.agent.log.opens, ends.agent.log.paired, ends.agent.log.peers]).toEqual([0, 0, []]);
    }
  });

  it('cannot play the server to a device that was invited, whatever key it tells', () => {
    const invite = newInvite();
    const keys = makeKeys();
    const told = { ...keys, agent: generateKeyPair() };
    // It holds the key it told, takes every device and knows everything but the code.
    const relay = makeAgent(told, (bytes) => browser.channel.receive(bytes), {
      invite: { ...invite, secret: randomBytes(32) },
    });
    const browser = makeBrowser(told, (bytes) => relay.channel.receive(bytes), {
      mode: 'IKpsk2',
      pairingId: invite.id,
      pairingSecret: invite.secret,
    });
    browser.channel.start();
    expect([browser.log.opens, browser.log.closes]).toEqual([0, ['agent_key_unproven']]);
    expect(relay.log.opens).toBe(0);
  });

  it('cannot put its own device in the place of the invited one', () => {
    const invite = newInvite();
    const { keys, known, agent, browser, waiting } = guest(invite);
    browser.channel.start();
    waiting.toAgent.splice(0);
    // The guest's first message is for the agent's eyes alone; the relay can only begin one of its own.
    const own = makeBrowser({ ...keys, device: generateKeyPair() }, (bytes) => agent.channel.receive(bytes), {
      mode: 'IKpsk2',
      pairingId: invite.id,
      pairingSecret: randomBytes(32),
    });
    own.channel.start();
    for (const bytes of waiting.toBrowser.splice(0)) browser.channel.receive(bytes);
    expect([browser.log.opens, browser.log.closes]).toEqual([0, ['agent_key_unproven']]);
    expect([agent.log.opens, known.length]).toEqual([0, 1]);
  });

  it('cannot reuse an invite by playing its recording, to this agent or to one set back in time', () => {
    const invite = newInvite();
    const heard: Uint8Array[] = [];
    const { keys, connect, setRelay } = guest(invite);
    setRelay((direction, bytes) => {
      if (direction === 'toAgent') heard.push(bytes);
      return [bytes];
    });
    connect();
    for (const left of [0, 10]) {
      const known = [generateKeyPair()];
      const agent = makeAgent(keys, () => undefined, { enrolled: known, invite: { ...invite, left } });
      agent.channel.receive(concat(...heard));
      agent.channel.end();
      expect([agent.log.opens, known.length]).toEqual([0, 1]);
    }
  });

  it('learns neither the code nor the name of the invite from what passes', () => {
    const invite = newInvite({ id: 'name-of-the-invite' });
    const passed: Uint8Array[] = [];
    const { connect, setRelay } = guest(invite);
    setRelay((_, bytes) => {
      passed.push(bytes);
      return [bytes];
    });
    connect();
    const all = Buffer.concat(passed);
    expect([all.includes(invite.id), all.includes(Buffer.from(invite.secret))]).toEqual([false, false]);
  });
});

describe('recovery', () => {
  const make = () => {
    const keys = makeKeys();
    const recovery = { key: generateKeyPair(), secret: randomBytes(32) };
    return { keys, recovery, enrolled: [generateKeyPair()] };
  };

  it('enters by the code’s key and secret, as often as needed, and pairs nothing', () => {
    const { keys, recovery, enrolled } = make();
    for (let time = 0; time < 2; time += 1) {
      const ends = makeEnds({
        keys: { ...keys, device: recovery.key, psk: recovery.secret },
        browser: { mode: 'IKpsk2' },
        agent: { enrolled, recovery },
      });
      ends.connect();
      expect([ends.browser.log.opens, ends.agent.log.opens, ends.agent.log.paired]).toEqual([1, 1, 0]);
      expect(ends.agent.log.peers).toEqual([recovery.key.publicKey]);
    }
  });

  it('needs both: the secret without the key is nobody, the key without the secret learns of no server', () => {
    const { keys, recovery, enrolled } = make();
    const withoutKey = makeEnds({
      keys: { ...keys, psk: recovery.secret },
      browser: { mode: 'IKpsk2' },
      agent: { enrolled, recovery },
    });
    withoutKey.connect();
    expect(codes(withoutKey.agent.log)).toEqual(['device_not_enrolled']);
    const withoutSecret = makeEnds({
      keys: { ...keys, device: recovery.key, psk: randomBytes(32) },
      browser: { mode: 'IKpsk2' },
      agent: { enrolled, recovery },
    });
    withoutSecret.connect();
    withoutSecret.hangUp();
    expect([withoutSecret.browser.log.closes, withoutSecret.agent.log.opens]).toEqual([
      ['agent_key_unproven'],
      0,
    ]);
  });
});

describe('a key of the agent that was changed', () => {
  it.each(['IK', 'IKpsk2'] as const)('is answered to where it is kept, and said so (%s)', (mode) => {
    const keys = makeKeys();
    const former = [generateKeyPair(), generateKeyPair()];
    const called = [keys.agent, ...former];
    for (const [index, agent] of called.entries()) {
      const ends = makeEnds({
        keys: { ...keys, agent },
        browser: { mode },
        agent: { formerKeys: former },
      });
      // The agent's own current key stays; only what the browser pinned differs.
      const current = makeAgent(keys, (bytes) => ends.browser.channel.receive(bytes), { formerKeys: former });
      ends.browser.channel.start();
      for (let bytes = ends.waiting.toAgent.shift(); bytes; bytes = ends.waiting.toAgent.shift()) {
        current.channel.receive(bytes);
      }
      expect([ends.browser.log.opens, current.log.agentKeys]).toEqual([1, [index]]);
      ends.browser.channel.send('to a former key');
      current.channel.receive(ends.waiting.toAgent.shift() as Uint8Array);
      expect(current.log.messages).toEqual(['to a former key']);
    }
  });

  it('is worth nothing once it is thrown away', () => {
    const keys = makeKeys();
    const former = generateKeyPair();
    const agent = makeAgent(keys, (bytes) => browser.channel.receive(bytes));
    const browser = makeBrowser({ ...keys, agent: former }, (bytes) => agent.channel.receive(bytes));
    browser.channel.start();
    expect(codes(browser.log)).toEqual(['handshake_failed']);
  });
});

describe('a device that is revoked', () => {
  it('hears it on its open channel, and can believe it', () => {
    const ends = makeEnds();
    ends.connect();
    ends.agent.channel.close('device_revoked');
    ends.pump();
    expect(codes(ends.browser.log)).toEqual(['device_not_enrolled']);
    expect(ends.agent.log.closes).toEqual(['clean']);
    expectCode('channel_not_open', () => ends.browser.channel.send('x'));
  });

  it('does not slip in with a call that was under way', () => {
    const keys = makeKeys();
    const enrolled = [keys.device];
    const ends = makeEnds({ keys, agent: { enrolled } });
    ends.browser.channel.start();
    ends.agent.channel.receive(ends.waiting.toAgent.shift() as Uint8Array);
    enrolled.length = 0;
    ends.pump();
    expect([codes(ends.agent.log), ends.agent.log.opens]).toEqual([['device_not_enrolled'], 0]);
    expect(codes(ends.browser.log)).toEqual(['device_not_enrolled']);
  });
});
