import type { ServerHttp2Stream } from 'node:http2';
import { OwnerFrame } from '@claw-cloud/contracts';
import { type KeyPair, toBase64Url } from '@claw-cloud/crypto';
import { createResponder, encodeRefusal, type OwnerChannel } from '@claw-cloud/crypto/owner-channel';
import type { Log } from '../log.ts';
import type { Gateway } from '../openclaw/gateway.ts';
import type { Owner, Owners } from '../owners/owners.ts';
import { agentVersion } from '../version.ts';
import type { CommandContext } from './commands/context.ts';
import { answerCommand } from './commands.ts';
import { createGatewayRelay, type GatewayRelay } from './gateway-relay.ts';
import type { Notices } from './notices.ts';

export interface OwnerStreamOptions {
  instanceId: string;
  /** The current key pair of the channel, then former ones that are still answered to; asked at each call. */
  agentKeyPairs: () => readonly [KeyPair, ...KeyPair[]];
  /** Calls `listener` after each change of the current one, until the returned function is called. */
  onKeyChange?: (listener: () => void) => () => void;
  owners: Owners;
  notices: Notices;
  gateway: Gateway;
  /** What commands may use besides: the same for every device. */
  context: Omit<CommandContext, 'gateway' | 'owners' | 'notices' | 'device' | 'progress' | 'log'>;
  log: Log;
  /** How long a caller may take to prove itself. @default 15000 */
  handshakeLimitMs?: number;
}

const maxChannels = 32;
const maxCommandsAtOnce = 4;
/** More than one message of the largest kind waiting: an owner who has stopped reading for good. */
const maxUnreadBytes = 64 * 1024 * 1024;

/** Serves `POST /owner` streams: each is one owner channel with its own connection to OpenClaw. */
export function createOwnerStreams(options: OwnerStreamOptions): (stream: ServerHttp2Stream) => void {
  const { owners, context, log, handshakeLimitMs = 15_000 } = options;
  let channels = 0;
  owners.events.on('added', ({ name, publicKey }) => {
    log('a device was enrolled');
    context.audit.record({
      actor: `owner:${name}`,
      action: 'device.enter',
      outcome: 'allowed',
      detail: { name, publicKey },
    });
  });
  return (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    if (channels >= maxChannels) {
      stream.end(encodeRefusal('busy'));
      return;
    }
    channels += 1;
    stream.once('close', () => {
      channels -= 1;
    });
    serve(stream, options, handshakeLimitMs, log);
  };
}

function serve(
  stream: ServerHttp2Stream,
  options: OwnerStreamOptions,
  handshakeLimitMs: number,
  log: Log,
): void {
  const { instanceId, agentKeyPairs, owners, notices, gateway, context } = options;
  let relay: GatewayRelay | null = null;
  let commands = 0;
  let device: CommandContext['device'] = { publicKey: '', name: '', kind: 'device' };
  let revoked = false;
  const subscriptions: (() => void)[] = [];

  const handshakeLimit = setTimeout(() => stream.close(), handshakeLimitMs);

  const sendText = (channel: OwnerChannel, text: string): void => {
    if (channel.state() !== 'open') return;
    if (stream.writableLength > maxUnreadBytes) return void stream.close();
    channel.send(text);
    // What is written waits in this stream until the owner reads: stop asking the gateway for more.
    if (stream.writableNeedDrain) relay?.pause();
  };
  const send = (channel: OwnerChannel, frame: OwnerFrame): void => sendText(channel, JSON.stringify(frame));

  const onCommand = async (frame: Extract<OwnerFrame, { type: 'command' }>): Promise<void> => {
    if (commands >= maxCommandsAtOnce) {
      const error = {
        code: 'rate_limited',
        message: 'Too many commands at once.',
        fix: 'Wait for the answers of those before.',
      };
      return send(channel, { type: 'error', id: frame.id, ok: false, error });
    }
    commands += 1;
    const { id } = frame;
    const progress = (step: string, message: string, fraction?: number): void =>
      send(channel, {
        type: 'progress',
        id,
        step,
        message: message.slice(0, 500),
        ...(fraction === undefined ? {} : { fraction }),
      });
    const answer = await answerCommand(
      { ...context, gateway, owners, notices, log, device, progress },
      frame,
    );
    commands -= 1;
    send(channel, answer);
  };

  /** A device that pinned a former key, or has the current one pinned when it changes, is told the new one. */
  const sayKey = (): void =>
    send(channel, { type: 'agent.key', publicKey: toBase64Url(agentKeyPairs()[0].publicKey) });
  const whileOpen = (): void => {
    const { events } = owners;
    const onAdded = ({ name, publicKey }: Owner): void => {
      if (publicKey !== device.publicKey)
        send(channel, { type: 'notice', notice: { kind: 'device_added', name, publicKey } });
    };
    const onRevoked = (publicKey: string): void => {
      if (publicKey !== device.publicKey) return;
      revoked = true;
      // After this turn, so that a device which revokes itself hears that it was done.
      setImmediate(() => channel.close('device_revoked'));
    };
    events.on('added', onAdded);
    events.on('revoked', onRevoked);
    subscriptions.push(
      () => events.off('added', onAdded),
      () => events.off('revoked', onRevoked),
      notices.onNotice((notice) => send(channel, { type: 'notice', notice })),
    );
    if (options.onKeyChange) subscriptions.push(options.onKeyChange(sayKey));
  };

  const channel = createResponder({
    instanceId,
    agentKeyPairs: agentKeyPairs(),
    agentVersion,
    isEnrolled: owners.isEnrolled,
    pairing: owners.pairing,
    onOpen(peer, client, { agentKey }) {
      clearTimeout(handshakeLimit);
      const publicKey = toBase64Url(peer);
      const known = owners.find(publicKey);
      device = { publicKey, name: known?.name ?? client.name, kind: known?.kind ?? 'device' };
      owners.seen(publicKey);
      log(`owner channel open, by a ${device.kind === 'recovery' ? 'recovery code' : 'device'}`);
      whileOpen();
      if (agentKey > 0) sayKey();
      relay = createGatewayRelay({
        gateway,
        onFrame: (frameJson) => sendText(channel, `{"type":"gateway","frame":${frameJson}}`),
        onStatus: (status, detail) => send(channel, { type: 'gateway.status', status, ...detail }),
        onCongestion: (congested) => (congested ? stream.pause() : stream.resume()),
      });
    },
    onMessage(text) {
      if (revoked) return;
      const frame = OwnerFrame.safeParse(parseJson(text));
      if (!frame.success) return channel.close();
      if (frame.data.type === 'gateway') relay?.send(frame.data.frame);
      if (frame.data.type === 'command') void onCommand(frame.data);
    },
    onClose(error) {
      clearTimeout(handshakeLimit);
      for (const unsubscribe of subscriptions.splice(0)) unsubscribe();
      if (device.publicKey) owners.seen(device.publicKey);
      relay?.close();
      relay = null;
      if (error) log(`owner channel ended: ${error.code}`);
      stream.end();
    },
    write: (bytes) => void stream.write(bytes),
  });

  stream.on('drain', () => relay?.resume());
  stream.on('data', (chunk: Buffer) => {
    try {
      channel.receive(chunk);
    } catch (error) {
      log(`owner channel failed: ${error instanceof Error ? error.name : 'unknown'}`);
      relay?.close();
      stream.close();
    }
  });
  stream.on('end', () => channel.end());
  stream.on('close', () => channel.end());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
