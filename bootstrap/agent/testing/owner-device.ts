import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { OwnerFrame } from '@claw-cloud/contracts';
import type { CryptoError, KeyPair } from '@claw-cloud/crypto';
import { createInitiator } from '@claw-cloud/crypto/owner-channel';

export interface OwnerDevice {
  /** Everything that came, in order. */
  frames: OwnerFrame[];
  send(frame: OwnerFrame): void;
  /** The first frame, past or future, that `pick` gives something for. */
  wait<T>(
    what: string,
    pick: (frame: OwnerFrame) => T | null | undefined | false,
    limitMs?: number,
  ): Promise<T>;
  /** A gateway request and its payload; raises with the gateway's error. */
  request(
    method: string,
    params?: Record<string, unknown>,
    limitMs?: number,
  ): Promise<Record<string, unknown>>;
  command(name: string, params?: Record<string, unknown>, limitMs?: number): Promise<unknown>;
  /** How the channel ended: null in good order. */
  ended: Promise<CryptoError | null>;
  stream: ClientHttp2Stream;
  close(): void;
}

export interface DeviceOptions {
  instanceId: string;
  deviceKeyPair: KeyPair;
  agentPublicKey: Uint8Array;
  /** Proves the agent where its key isn't pinned: of the first connection, of an invite, or of recovery. */
  pairingSecret?: Uint8Array;
  pairingId?: string;
  clientName?: string;
}

/** An owner's device at the other end of a tunnel: opens `POST /owner` and the channel in it; for tests. */
export async function openOwnerDevice(
  session: ClientHttp2Session,
  options: DeviceOptions,
): Promise<OwnerDevice> {
  const stream = session.request({ ':method': 'POST', ':path': '/owner' });
  const frames: OwnerFrame[] = [];
  const watchers = new Set<(frame: OwnerFrame) => void>();
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<CryptoError | null>();
  let count = 0;
  const channel = createInitiator({
    mode: options.pairingSecret ? 'IKpsk2' : 'IK',
    instanceId: options.instanceId,
    deviceKeyPair: options.deviceKeyPair,
    agentPublicKey: options.agentPublicKey,
    ...(options.pairingSecret ? { pairingSecret: options.pairingSecret } : {}),
    ...(options.pairingId ? { pairingId: options.pairingId } : {}),
    ...(options.clientName ? { clientName: options.clientName } : {}),
    write: (bytes) => void stream.write(bytes),
    onOpen: () => opened.resolve(),
    onMessage(text) {
      const frame = OwnerFrame.parse(JSON.parse(text));
      frames.push(frame);
      for (const watcher of watchers) watcher(frame);
    },
    onClose(error) {
      opened.reject(error ?? new Error('closed'));
      ended.resolve(error);
      stream.end();
    },
  });
  stream.on('data', (chunk: Buffer) => channel.receive(chunk));
  stream.on('end', () => channel.end());
  stream.on('close', () => channel.end());
  stream.on('error', () => undefined);
  channel.start();
  await opened.promise;

  const device: OwnerDevice = {
    frames,
    stream,
    ended: ended.promise,
    send: (frame) => channel.send(JSON.stringify(frame)),
    wait(what, pick, limitMs = 60_000) {
      for (const frame of frames) {
        const found = pick(frame);
        if (found) return Promise.resolve(found);
      }
      const { promise, resolve, reject } =
        Promise.withResolvers<Exclude<ReturnType<typeof pick>, null | undefined | false>>();
      const timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what}`)), limitMs);
      const watcher = (frame: OwnerFrame) => {
        const found = pick(frame);
        if (!found) return;
        resolve(found as Exclude<ReturnType<typeof pick>, null | undefined | false>);
      };
      watchers.add(watcher);
      return promise.finally(() => {
        clearTimeout(timer);
        watchers.delete(watcher);
      });
    },
    async request(method, params = {}, limitMs = 60_000) {
      count += 1;
      const id = `t${count}`;
      const answer = device.wait(
        method,
        (frame) =>
          frame.type === 'gateway' &&
          frame.frame['type'] === 'res' &&
          frame.frame['id'] === id &&
          frame.frame,
        limitMs,
      );
      device.send({ type: 'gateway', frame: { type: 'req', id, method, params } });
      const frame = await answer;
      if (frame['ok'] !== true) throw new Error(`${method}: ${JSON.stringify(frame['error'])}`);
      return (frame['payload'] ?? {}) as Record<string, unknown>;
    },
    async command(name, params = {}, limitMs = 60_000) {
      count += 1;
      const id = `c${count}`;
      const answer = device.wait(
        name,
        (frame) => (frame.type === 'result' || frame.type === 'error') && frame.id === id && frame,
        limitMs,
      );
      device.send({ type: 'command', id, name, params });
      const frame = await answer;
      if (frame.type === 'error') throw Object.assign(new Error(frame.error.message), frame.error);
      return frame.type === 'result' ? frame.value : undefined;
    },
    close: () => channel.close(),
  };
  return device;
}
