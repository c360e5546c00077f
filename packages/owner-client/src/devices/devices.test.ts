import type { Instance } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { recoverySecretOf } from '@claw-cloud/crypto/owner-keys';
import { beforeEach, describe, expect, it } from 'vitest';
import type { OpenSocket } from '../channel/attempt.ts';
import { openOwnerChannel } from '../channel/owner-channel.ts';
import { createKeyring, type Keyring } from '../keyring.ts';
import { createMemoryStorage } from '../storage.ts';
import { createTestAgent, type TestAgent } from '../testing/agent.ts';
import type { InstanceOutcome } from './each-instance.ts';
import { inviteDevice, inviteLink, parseInviteLink } from './invite.ts';
import { linkDevice } from './link.ts';
import { recover } from './recover.ts';

const ids = ['ins_000000000000000000000001', 'ins_000000000000000000000002'] as const;
const baseUrl = 'https://claw.example';

let first: Keyring;
let second: Keyring;
let code: string;
let agents: Map<string, TestAgent>;
/** What the control plane says of each server. */
let told: Map<string, Partial<Instance>>;

const agentOf = (id: string): TestAgent => {
  const agent = agents.get(id);
  if (!agent) throw new Error(`no agent ${id}`);
  return agent;
};
const openSocket: OpenSocket = (url, protocols) =>
  agentOf(/instances\/([^/]+)\//.exec(url)?.[1] ?? '').openSocket(url, protocols);
const instance = (id: string): Instance =>
  ({
    id,
    name: `Claw ${id.at(-1)}`,
    state: 'ready',
    online: true,
    ejectedAt: null,
    agentPublicKey: agentOf(id).publicKey(),
    ...told.get(id),
  }) as Instance;
const api = {
  listInstances: async () => [...agents.keys()].map(instance),
  getInstance: async (id: string) => instance(id),
  getToken: async () => 'a.b.c',
};
const flow = (keyring: Keyring) => ({ baseUrl, api, keyring, openSocket, timeoutMs: 3000 });
const codesOf = (outcomes: readonly InstanceOutcome[]) =>
  outcomes.map(({ problem }) => problem?.code ?? 'ok');

/** Opens by what the keyring holds, and says how that ended. */
async function entry(keyring: Keyring, instanceId: string): Promise<string> {
  const channel = openOwnerChannel({ baseUrl, api, keyring, instanceId, openSocket });
  try {
    await channel.whenOpen({ timeoutMs: 3000 });
    await channel.command('devices.list', {});
    return 'open';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    channel.close();
  }
}

beforeEach(async () => {
  first = createKeyring(createMemoryStorage(), { ownerId: 'owner', deviceName: 'First' });
  second = createKeyring(createMemoryStorage(), { ownerId: 'owner', deviceName: 'Second' });
  const recovery = await first.recovery();
  await first.acknowledgeRecovery(recovery.publicKey);
  code = recovery.code?.use((text) => text) ?? '';
  told = new Map();
  agents = new Map();
  for (const id of ids) {
    const keys = await first.prepareInstance(id);
    const secret = recoverySecretOf(fromBase64Url(recovery.secret), id).use(toBase64Url);
    const agent = createTestAgent({
      instanceId: id,
      ...keys,
      recovery: { publicKey: recovery.publicKey, secret },
    });
    agents.set(id, agent);
    expect(await entry(first, id)).toBe('open');
  }
});

describe('an invite', () => {
  it('lets a second device into every server by one code, once', async () => {
    const now = () => Date.parse('2026-11-25T10:00:00.000Z');
    const invitation = await inviteDevice({ ...flow(first), now });
    expect(codesOf(invitation.outcomes)).toEqual(['ok', 'ok']);
    expect(invitation.expiresAt).toEqual(new Date('2026-11-25T10:10:00.000Z'));
    const heard: string[] = [];
    const outcomes = await linkDevice(parseInviteLink(invitation.link) ?? '', {
      ...flow(second),
      onOutcome: ({ name }) => heard.push(name),
    });
    expect(outcomes).toMatchObject([
      { name: 'Claw 1', problem: null },
      { name: 'Claw 2', problem: null },
    ]);
    expect(heard).toHaveLength(2);
    for (const id of ids) {
      expect(await second.instance(id)).toMatchObject({ pinnedAgentKey: agentOf(id).publicKey() });
      expect(await entry(second, id)).toBe('open');
      expect(await entry(first, id)).toBe('open');
    }
    // Servers deployed from either are recovered by the one code the owner has.
    expect(await second.recovery()).toEqual(await first.recovery());
    expect(JSON.stringify(agentOf(ids[0]).received)).not.toContain((await first.recovery()).secret);
    const third = createKeyring(createMemoryStorage(), { ownerId: 'owner', deviceName: 'Third' });
    expect(codesOf(await linkDevice(invitation.code, flow(third)))).toEqual([
      'invite_unknown',
      'invite_unknown',
    ]);
    expect(await third.knows(ids[0])).toBe(false);
    // Who is in already stays in, and needs no invite.
    expect(codesOf(await linkDevice(invitation.code, flow(second)))).toEqual(['ok', 'ok']);
  });

  it('is not sent to the control plane, nor the code to any server', async () => {
    const { code: shown } = await inviteDevice(flow(first));
    for (const id of ids)
      expect(JSON.stringify(agentOf(id).received)).not.toContain(shown.replaceAll('-', '').slice(0, 16));
    const secrets = ids.flatMap((id) => [...agentOf(id).invites.values()]);
    expect(new Set(secrets).size).toBe(2);
  });

  it('is refused where a code is mistyped, before anybody is asked', async () => {
    const { code: shown } = await inviteDevice(flow(first));
    const dialled = agentOf(ids[0]).calls.dialled;
    const wrong = shown.startsWith('7') ? `8${shown.slice(1)}` : `7${shown.slice(1)}`;
    await expect(linkDevice(wrong, flow(second))).rejects.toMatchObject({ code: 'invite_code_invalid' });
    await expect(linkDevice(code, flow(second))).rejects.toMatchObject({ code: 'invite_code_invalid' });
    expect(agentOf(ids[0]).calls.dialled).toBe(dialled);
  });

  it('believes no key the control plane tells', async () => {
    const { code: shown } = await inviteDevice(flow(first));
    const stranger = createTestAgent({ instanceId: ids[0], devicePublicKey: 'x', pairingSecret: code });
    // It answers in the server's place with a key of its own, and takes any invite.
    stranger.invites.set([...agentOf(ids[0]).invites.keys()][0] ?? '', toBase64Url(new Uint8Array(32)));
    const real = agentOf(ids[0]);
    agents.set(ids[0], stranger);
    expect(codesOf(await linkDevice(shown, flow(second)))).toEqual(['agent_key_unproven', 'ok']);
    expect(await second.knows(ids[0])).toBe(false);
    agents.set(ids[0], real);
    expect(codesOf(await linkDevice(shown, flow(second)))).toEqual(['ok', 'ok']);
  });

  it('lets in where the answer that it did was lost', async () => {
    const { code: shown } = await inviteDevice(flow(first));
    const agent = agentOf(ids[0]);
    const answer = agent.answer;
    agent.answer = (frame) => {
      agent.answer = answer;
      agent.cut(1006);
      return answer(frame).slice(1);
    };
    expect(codesOf(await linkDevice(shown, flow(second)))).toEqual(['ok', 'ok']);
    expect(await entry(second, ids[0])).toBe('open');
  });

  it('keeps nothing of a server that never heard the end of the handshake', async () => {
    const { code: shown } = await inviteDevice(flow(first));
    const agent = agentOf(ids[0]);
    const dialled = agent.calls.dialled + 1;
    agent.relay = {
      toAgent: (bytes, count) => (agent.calls.dialled === dialled && count > 1 ? undefined : bytes),
    };
    const outcomes = await linkDevice(shown, { ...flow(second), timeoutMs: 2000 });
    expect(codesOf(outcomes)).toEqual(['timed_out', 'ok']);
    expect(await second.knows(ids[0])).toBe(false);
    expect(codesOf(await linkDevice(shown, flow(second)))).toEqual(['ok', 'ok']);
  });

  it('goes on without servers that are offline or gone, and says which', async () => {
    told.set(ids[0], { online: false });
    const invitation = await inviteDevice(flow(first));
    expect(codesOf(invitation.outcomes)).toEqual(['instance_offline', 'ok']);
    told.set(ids[0], { ejectedAt: '2026-11-25T10:00:00.000Z' });
    expect(codesOf(await linkDevice(invitation.code, flow(second)))).toEqual(['ok']);
    told.set(ids[1], { online: false });
    await expect(inviteDevice(flow(first))).rejects.toMatchObject({ code: 'instance_offline' });
    const stranger = createKeyring(createMemoryStorage(), { ownerId: 'owner', deviceName: 'Third' });
    await expect(inviteDevice(flow(stranger))).rejects.toMatchObject({ code: 'device_unknown' });
  });

  it('travels as a link or as text', () => {
    const shown = 'ABCD-1234-ABCD-1234-ABCD-1234-ABCD-1234-WXYZ';
    expect(parseInviteLink(inviteLink(baseUrl, shown))).toBe(shown);
    expect(parseInviteLink(`#/link?code=${shown}`)).toBe(shown);
    expect(parseInviteLink(shown.toLowerCase())).toBe(shown.toLowerCase());
    for (const other of ['', 'https://claw.example/#/sign-in?link=x', '#/link?other=1', 'x'.repeat(5000)])
      expect(parseInviteLink(other)).toBeUndefined();
  });
});

describe('recovery', () => {
  it('gets back in with nothing but the code, and keeps the code for servers to come', async () => {
    const outcomes = await recover(code.toLowerCase(), { ...flow(second), revokeOthers: true });
    expect(codesOf(outcomes)).toEqual(['ok', 'ok']);
    const own = await second.device();
    for (const id of ids) {
      expect(agentOf(id).received.at(-1)).toMatchObject({
        name: 'devices.enrol',
        params: { publicKey: own.publicKey, name: 'Second', revokeOthers: true },
      });
      expect(await entry(second, id)).toBe('open');
    }
    expect(await second.recovery()).toEqual(await first.recovery());
  });

  it('with a code of somebody else opens nothing', async () => {
    const other = (await second.recovery()).code?.use((text) => text) ?? '';
    expect(codesOf(await recover(other, flow(second)))).toEqual([
      'recovery_code_unknown',
      'recovery_code_unknown',
    ]);
    await expect(recover('ABCD', flow(second))).rejects.toMatchObject({ code: 'recovery_code_invalid' });
    expect(await second.knows(ids[0])).toBe(false);
  });

  it('believes no server that can’t prove itself by the code', async () => {
    const { publicKey } = await first.recovery();
    const stranger = createTestAgent({
      instanceId: ids[0],
      devicePublicKey: 'x',
      pairingSecret: code,
      recovery: { publicKey, secret: toBase64Url(new Uint8Array(32)) },
    });
    agents.set(ids[0], stranger);
    expect(codesOf(await recover(code, flow(second)))).toEqual(['agent_key_unproven', 'ok']);
    expect([await second.knows(ids[0]), stranger.received]).toEqual([false, []]);
  });

  it('says of servers of before that they can’t be recovered', async () => {
    const { publicKey } = await first.recovery();
    const { devicePublicKey } = (await first.instance(ids[0])) ?? { devicePublicKey: '' };
    const recovery = { publicKey, secret: null };
    agents.set(
      ids[0],
      createTestAgent({ instanceId: ids[0], devicePublicKey, pairingSecret: code, recovery }),
    );
    expect(codesOf(await recover(code, flow(second)))).toEqual(['recovery_unsupported', 'ok']);
  });
});
