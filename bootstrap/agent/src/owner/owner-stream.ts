import type { ServerHttp2Stream } from 'node:http2';
import { type InstanceHealth, OwnerFrame } from '@claw-cloud/contracts';
import type { KeyPair } from '@claw-cloud/crypto';
import { createResponder, encodeRefusal, type OwnerChannel } from '@claw-cloud/crypto/owner-channel';
import type { Log } from '../log.ts';
import type { Gateway } from '../openclaw/gateway.ts';
import type { Owners } from '../owners.ts';
import { agentVersion } from '../version.ts';
import { answerCommand } from './commands.ts';
import { createGatewayRelay, type GatewayRelay } from './gateway-relay.ts';

export interface OwnerStreamOptions {
  instanceId: string;
  agentKeyPair: KeyPair;
  owners: Owners;
  gateway: Gateway;
  health: () => InstanceHealth;
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
  const { log, handshakeLimitMs = 15_000 } = options;
  let channels = 0;
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
  const { instanceId, agentKeyPair, owners, gateway, health } = options;
  let relay: GatewayRelay | null = null;
  let commands = 0;

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
    const answer = await answerCommand({ gateway, health }, frame);
    commands -= 1;
    send(channel, answer);
  };

  const channel = createResponder({
    instanceId,
    agentKeyPair,
    agentVersion,
    isEnrolled: owners.isEnrolled,
    pairing: owners.pairing(),
    onPaired: owners.erasePairing,
    onOpen() {
      clearTimeout(handshakeLimit);
      log('owner channel open');
      relay = createGatewayRelay({
        gateway,
        onFrame: (frameJson) => sendText(channel, `{"type":"gateway","frame":${frameJson}}`),
        onStatus: (status, detail) => send(channel, { type: 'gateway.status', status, ...detail }),
        onCongestion: (congested) => (congested ? stream.pause() : stream.resume()),
      });
    },
    onMessage(text) {
      const frame = OwnerFrame.safeParse(parseJson(text));
      if (!frame.success) return channel.close();
      if (frame.data.type === 'gateway') relay?.send(frame.data.frame);
      if (frame.data.type === 'command') void onCommand(frame.data);
    },
    onClose(error) {
      clearTimeout(handshakeLimit);
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
