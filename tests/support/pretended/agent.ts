import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type InstanceReport, OwnerFrame, ownerCommands, ProductError } from '@claw-cloud/contracts';
import { fromBase64Url, type KeyPair, toBase64Url } from '@claw-cloud/crypto';
import { createResponder, type OwnerChannel } from '@claw-cloud/crypto/owner-channel';
import { ZodError } from 'zod';
import { type Command, type CommandTools, handlers } from './commands.ts';
import type { MachineState, Notice } from './state.ts';

export interface PretendedAgentOptions {
  readonly instanceId: string;
  readonly agentKeyPair: KeyPair;
  readonly pairingSecret: string;
  /** What the owner's recovery code is to this server. */
  readonly recovery: { readonly publicKey: string; readonly secret: Uint8Array };
  readonly state: MachineState;
  readonly tools: Pick<CommandTools, 'attest' | 'encrypted'>;
}

export interface Asked {
  readonly name: string;
  readonly params: Record<string, unknown>;
}

/** An agent's owner end out of a script: the real channel and the real schemas, answers from memory. */
export function createPretendedAgent(options: PretendedAgentOptions) {
  const { state } = options;
  const open = new Set<{ channel: OwnerChannel; device: string }>();
  const asked: Asked[] = [];
  const failures = new Map<string, ProductError>();
  const gates = new Map<string, Promise<void>>();
  const files = new Map<string, Uint8Array>();
  let paired = false;
  let restarts = 0;
  let reports: ServerHttp2Stream | undefined;
  let reported = 0;

  const say = (frame: OwnerFrame) => {
    for (const { channel } of open) if (channel.state() === 'open') channel.send(JSON.stringify(frame));
  };
  const notice = (said: Notice) => say({ type: 'notice', notice: said });

  const answer = async (
    { id, name, params }: Command,
    channel: OwnerChannel,
    device: string,
  ): Promise<OwnerFrame> => {
    if (name !== 'instance.health') asked.push({ name, params });
    const progress: CommandTools['progress'] = (step, message, fraction) =>
      channel.send(
        JSON.stringify({
          type: 'progress',
          id,
          step,
          message,
          ...(fraction === undefined ? {} : { fraction }),
        }),
      );
    try {
      if (!Object.hasOwn(handlers, name)) throw new ProductError('not_found', `No command "${name}".`, '');
      await gates.get(name);
      const failure = failures.get(name);
      failures.delete(name);
      if (failure) throw failure;
      const known = name as keyof typeof handlers;
      // The table pairs each handler with its own parameters; here the name is known at run time only.
      const handler = handlers[known] as (params: unknown, tools: CommandTools) => unknown;
      const tools = { ...options.tools, state, device, progress, notice, files };
      return {
        type: 'result',
        id,
        ok: true,
        value: await handler(ownerCommands[known].parse(params), tools),
      };
    } catch (error) {
      if (error instanceof ProductError) {
        const { code, message, fix } = error;
        return { type: 'error', id, ok: false, error: { code, message, fix } };
      }
      const message = error instanceof ZodError ? (error.issues[0]?.message ?? '') : String(error);
      return { type: 'error', id, ok: false, error: { code: 'invalid_request', message, fix: '' } };
    }
  };

  const serve = (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    const entry = { device: '' };
    const channel = createResponder({
      instanceId: options.instanceId,
      agentKeyPairs: [options.agentKeyPair],
      agentVersion: state.health.agentVersion,
      isEnrolled: (key) => state.devices.some(({ publicKey }) => publicKey === toBase64Url(key)),
      pairing: ({ peer, pairingId }) => {
        if (pairingId === undefined && toBase64Url(peer) === options.recovery.publicKey)
          return { secret: options.recovery.secret, isOpen: () => true, onPaired: () => undefined };
        if (pairingId === undefined)
          return {
            secret: fromBase64Url(options.pairingSecret),
            isOpen: () => !paired,
            onPaired: () => {
              paired = true;
            },
          };
        const invite = state.invites.get(pairingId);
        if (!invite) return null;
        return {
          secret: fromBase64Url(invite.secret),
          isOpen: () => state.invites.has(pairingId) && Date.parse(invite.expiresAt) > Date.now(),
          onPaired: (peer, { name }) => {
            state.invites.delete(pairingId);
            const publicKey = toBase64Url(peer);
            const at = new Date().toISOString();
            state.devices.push({
              publicKey,
              kind: 'device',
              name,
              addedAt: at,
              lastSeenAt: at,
              current: false,
            });
            notice({ kind: 'device_added', name, publicKey });
          },
        };
      },
      onOpen(peer) {
        entry.device = toBase64Url(peer);
        open.add(served);
        channel.send(JSON.stringify({ type: 'gateway.status', status: 'connected', hello: {} }));
      },
      onMessage(text) {
        const frame = OwnerFrame.parse(JSON.parse(text));
        if (frame.type === 'gateway') {
          const { id, method } = frame.frame;
          const payload = method === 'sessions.list' ? { sessions: [] } : { messages: [] };
          const said = JSON.stringify({ type: 'gateway', frame: { type: 'res', id, ok: true, payload } });
          void Promise.resolve(gates.get(String(method))).then(() => {
            if (channel.state() === 'open') channel.send(said);
          });
        }
        if (frame.type === 'command')
          void answer(frame, channel, entry.device).then(
            (said) => channel.state() === 'open' && channel.send(JSON.stringify(said)),
          );
      },
      onClose() {
        open.delete(served);
        stream.end();
      },
      write: (bytes) => void stream.write(bytes),
    });
    const served = Object.assign(entry, { channel });
    stream.on('data', (chunk: Buffer) => channel.receive(chunk));
    stream.on('end', () => channel.end());
    stream.on('close', () => channel.end());
  };

  return {
    state,
    /** Every command in its order, health aside (the browser asks for it by itself). */
    asked,
    lastAsked: (name: string) => asked.findLast((one) => one.name === name)?.params,
    files,
    notice,
    /** How often the control plane asked for a restart. */
    restarts: () => restarts,
    /** Tells the control plane something, as an instance does by itself. */
    report(report: InstanceReport): void {
      reported += 1;
      const id = `${Date.now()}`.padStart(16, '0') + reported;
      reports?.write(`${JSON.stringify({ n: reported, id, at: new Date().toISOString(), report })}\n`);
    },
    /** The next command of this name is refused so, once. */
    failOnce: (name: string, error: ProductError) => void failures.set(name, error),
    /** Commands and gateway's requests of this name wait until the returned function is called. */
    hold(name: string): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      gates.set(name, promise);
      return () => {
        gates.delete(name);
        resolve();
      };
    },
    serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
      const path = headers[':path'];
      if (path === '/owner') {
        serve(stream);
        return;
      }
      if (path === '/reports') {
        stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
        stream.resume();
        reports = stream;
        reported = 0;
        return;
      }
      if (path === '/gateway/restart') {
        restarts += 1;
        stream.respond({ ':status': 202 });
        stream.end();
        return;
      }
      const body = path === '/health' ? JSON.stringify(state.health) : '{}';
      stream.respond({ ':status': path === '/health' ? 200 : 404, 'content-type': 'application/json' });
      stream.end(body);
    },
  };
}
export type PretendedAgent = ReturnType<typeof createPretendedAgent>;
