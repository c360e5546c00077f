import { rmSync } from 'node:fs';
import { ProductError, PublicKey } from '@claw-cloud/contracts';
import {
  fromBase64Url,
  generateKeyPair,
  type KeyPair,
  keyPairFromPrivateKey,
  toBase64Url,
} from '@claw-cloud/crypto';
import { generateIdentity, type Identity, identityFromPrivateKey } from '@claw-cloud/crypto/signing';
import { z } from 'zod';
import type { AgentKeys } from './keys.ts';
import type { Log } from './log.ts';
import type { Paths } from './paths.ts';
import { readIfThere, readOrSetAside, writePrivate, writeTwice } from './private-file.ts';

/** How long a channel key is still answered to after it was replaced. */
const formerKeySeconds = 30 * 24 * 60 * 60;
const countEveryMs = 60 * 60_000;

/** Seconds that are left, not a date: the machine's clock may be set to anything. */
const FormerKeys = z.array(z.object({ privateKey: PublicKey, secondsLeft: z.number() })).max(20);

export interface Keyring {
  /** The identity the control plane knows, then the next one while it may know it already. */
  identities(): readonly [Identity, ...Identity[]];
  /** The channel's key, then former ones that are still answered to. */
  channelKeys(): readonly [KeyPair, ...KeyPair[]];
  /**
   * Makes new keys. The channel's serves at once, beside the former; the identity once the control plane has been
   * told through a tunnel that the former proved. Raises `conflict` while an earlier change is under way.
   */
  rotate(): { identityPublicKey: string; agentPublicKey: string };
  /** The control plane knows this identity: a former one is thrown away. */
  settle(identityPublicKey: string): void;
  /** Calls `listener` after each change of the channel's key, until the returned function is called. */
  onChannelKey(listener: () => void): () => void;
  /** Takes the time that has passed from the former keys. Called by itself every hour. */
  count(): void;
}

export interface KeyringOptions {
  paths: Pick<Paths, 'identityKey' | 'identityNext' | 'channelKey' | 'formerChannelKeys'>;
  keys: Pick<AgentKeys, 'identity' | 'channel'>;
  log: Log;
  /** Milliseconds that never jump. @default performance.now */
  clock?: () => number;
}

const privateText = (key: { privateKey: KeyPair['privateKey'] }): string => key.privateKey.use(toBase64Url);

/** The agent's keys over the years: which serve now, and which are on their way in or out. */
export function openKeyring({ paths, keys, log, clock = () => performance.now() }: KeyringOptions): Keyring {
  const readKey = (text: string): Identity => identityFromPrivateKey(fromBase64Url(text.trim()));
  let identity = keys.identity;
  let next = readOrSetAside(paths.identityNext, readKey, log);
  let channel = keys.channel;
  let former = (
    readOrSetAside(paths.formerChannelKeys, (text) => FormerKeys.parse(JSON.parse(text)), log) ?? []
  ).map(({ privateKey, secondsLeft }) => ({
    pair: keyPairFromPrivateKey(fromBase64Url(privateKey)),
    secondsLeft,
  }));
  const listeners = new Set<() => void>();
  let countedAt = clock();

  const save = (): void => {
    const file = former.map(({ pair, secondsLeft }) => ({ privateKey: privateText(pair), secondsLeft }));
    if (file.length > 0 || readIfThere(paths.formerChannelKeys) !== null)
      writePrivate(paths.formerChannelKeys, JSON.stringify(file));
  };

  const count = (): void => {
    const seconds = (clock() - countedAt) / 1000;
    countedAt = clock();
    if (former.length === 0) return;
    former = former
      .map((key) => ({ ...key, secondsLeft: key.secondsLeft - seconds }))
      .filter(({ secondsLeft }) => secondsLeft > 0);
    save();
  };
  setInterval(count, countEveryMs).unref();

  return {
    count,
    identities: () => (next === null ? [identity] : [identity, next]),
    channelKeys: () => [channel, ...former.map(({ pair }) => pair)],
    rotate() {
      if (next !== null) {
        throw new ProductError(
          'conflict',
          'The keys are being changed already; the control plane has not heard of it yet.',
          'Wait until the server is online and try again.',
        );
      }
      count();
      const madeIdentity = generateIdentity();
      const madeChannel = generateKeyPair();
      // The former is kept first: a power cut in between leaves it there twice, and nobody locked out.
      former = [{ pair: channel, secondsLeft: formerKeySeconds }, ...former].slice(0, 20);
      save();
      writePrivate(paths.identityNext, `${privateText(madeIdentity)}\n`);
      writeTwice(paths.channelKey, `${privateText(madeChannel)}\n`);
      next = madeIdentity;
      channel = madeChannel;
      for (const listener of listeners) listener();
      return {
        identityPublicKey: toBase64Url(madeIdentity.publicKey),
        agentPublicKey: toBase64Url(madeChannel.publicKey),
      };
    },
    settle(identityPublicKey) {
      if (next === null || toBase64Url(next.publicKey) !== identityPublicKey) return;
      writeTwice(paths.identityKey, `${privateText(next)}\n`);
      rmSync(paths.identityNext, { force: true });
      identity = next;
      next = null;
      log('the control plane knows the new identity');
    },
    onChannelKey(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
