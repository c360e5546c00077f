import { bearerProtocolPrefix, ownerChannelProtocol } from '@claw-cloud/contracts';
import { fromBase64Url, type KeyPair, toBase64Url } from '@claw-cloud/crypto';
import { createInitiator } from '@claw-cloud/crypto/owner-channel';
import { type ChannelProblem, problemOfClose, problemOfCrypto, problems } from './problem.ts';

/** The part of the WebSocket interface that is used: the browser's and Node's are alike in it. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { code: number }) => void): void;
}
export type OpenSocket = (url: string, protocols: string[]) => Socket;

export interface AttemptOptions {
  readonly url: string;
  readonly token: string;
  readonly openSocket: OpenSocket;
  readonly instanceId: string;
  readonly deviceKeyPair: KeyPair;
  readonly clientName: string;
  /** base64url: pinned, or as told when `pairingSecret` is to prove it. */
  readonly agentPublicKey: string;
  readonly pairingSecret: string | undefined;
  /** Which secret it is, where it is an invite's. */
  readonly pairingId: string | undefined;
  readonly timeoutMs: number;
  /**
   * The agent has proven its key by the pairing secret: store it durably before this resolves. Until then
   * the agent is not told that pairing succeeded, so a crash in between costs nothing.
   */
  pin(agentPublicKey: string): Promise<void>;
  onOpen(agentVersion: string): void;
  onMessage(text: string): void;
  /** Once, at the end; never after `close` of the handle. */
  onEnd(problem: ChannelProblem): void;
}

export interface Attempt {
  /** Raises CryptoError `channel_not_open`, `channel_message_too_large`. */
  send(text: string): void;
  /** Ends it without `onEnd`. */
  close(): void;
  /** Ends it with `onEnd`, as if the connection were lost. */
  drop(problem: ChannelProblem): void;
}

/** One connection through the relay: a WebSocket with the encrypted channel inside. */
export function connectOnce(options: AttemptOptions): Attempt {
  const { instanceId, pairingSecret } = options;
  const agentKey = fromBase64Url(options.agentPublicKey);
  const socket = options.openSocket(options.url, [
    ownerChannelProtocol,
    `${bearerProtocolPrefix}${options.token}`,
  ]);
  socket.binaryType = 'arraybuffer';

  let over = false;
  let open = false;
  // Everything after the first handshake message would tell the agent that pairing has succeeded.
  let held: Uint8Array[] | undefined;
  let started = false;

  const end = (problem: ChannelProblem | null): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    held = undefined;
    channel.close();
    socket.close(1000);
    if (problem) options.onEnd(problem);
  };
  const timer = setTimeout(() => end(problems.timedOut), options.timeoutMs);

  const write = (bytes: Uint8Array): void => {
    if (held) held.push(bytes);
    else if (socket.readyState === 1) socket.send(new Uint8Array(bytes));
    if (!started && pairingSecret !== undefined) held = [];
    started = true;
  };
  const opened = (agentVersion: string): void => {
    if (over) return;
    clearTimeout(timer);
    open = true;
    const waiting = held ?? [];
    held = undefined;
    for (const bytes of waiting) write(bytes);
    options.onOpen(agentVersion);
  };

  const channel = createInitiator({
    mode: pairingSecret === undefined ? 'IK' : 'IKpsk2',
    instanceId,
    deviceKeyPair: options.deviceKeyPair,
    agentPublicKey: agentKey,
    ...(pairingSecret === undefined ? {} : { pairingSecret: fromBase64Url(pairingSecret) }),
    ...(options.pairingId === undefined ? {} : { pairingId: options.pairingId }),
    clientName: options.clientName,
    write,
    onMessage: (text) => {
      if (!over) options.onMessage(text);
    },
    onClose: (error) => end(problemOfCrypto(error)),
    onOpen: ({ agentVersion }) => {
      if (pairingSecret === undefined) return opened(agentVersion);
      options.pin(toBase64Url(agentKey)).then(
        () => opened(agentVersion),
        () => end(problems.connectionLost),
      );
    },
  });

  socket.addEventListener('open', () => {
    if (!over) channel.start();
  });
  socket.addEventListener('message', ({ data }) => {
    if (over) return;
    if (data instanceof ArrayBuffer) channel.receive(new Uint8Array(data));
    else end(problems.connectionLost);
  });
  socket.addEventListener('close', ({ code }) => {
    const problem = problemOfClose(code);
    // A cut that says nothing of itself is the channel's to judge: it knows whether a message is missing.
    if (problem === problems.connectionLost && open) channel.end();
    end(problem);
  });
  // An error is always followed by a close, which says more.
  socket.addEventListener('error', () => undefined);

  return {
    send: channel.send,
    close: () => end(null),
    drop: end,
  };
}
