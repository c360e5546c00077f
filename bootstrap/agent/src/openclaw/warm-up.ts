import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { GatewayDevice } from '../keys.ts';
import { type WarmUpModel, warmUpProvider } from './config.ts';
import { connectGateway, type GatewayConnection } from './gateway-client.ts';
import { patchConfig } from './patch-config.ts';

export interface StandInModel {
  baseUrl: string;
  close(): void;
}

/**
 * A model on loopback that answers every question with "ready": so the first turn, which loads OpenClaw's
 * plugins, costs the owner no tokens, needs no key and tells nobody anything.
 */
export async function startStandInModel(): Promise<StandInModel> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const chunk = (delta: object, finish: string | null) =>
        `data: ${JSON.stringify({ id: 'warm-up', object: 'chat.completion.chunk', created: 0, model: 'stand-in', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(
        `${chunk({ role: 'assistant', content: 'ready' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`,
      );
    });
  });
  server.unref();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const ChatEvent = z.object({
  event: z.literal('chat'),
  payload: z.object({ sessionKey: z.string(), state: z.string(), errorMessage: z.string().optional() }),
});

export interface WarmUpOptions {
  port: number;
  token: string;
  device: GatewayDevice;
  model: WarmUpModel;
  limitMs: number;
}

/** What remains after the turn: may run while the instance registers. */
export type CleanUp = () => Promise<void>;

async function removeTraces(
  connection: GatewayConnection,
  sessionKey: string,
  model: WarmUpModel,
): Promise<void> {
  try {
    await connection.request('sessions.delete', { key: sessionKey }, 60_000);
    if (model === 'default') return;
    await patchConfig(connection, {
      patch: { models: { providers: { [warmUpProvider]: null } } },
      replacedLists: [`models.providers.${warmUpProvider}.models`],
      note: 'warmed up',
    });
  } finally {
    connection.close();
  }
}

/**
 * One turn in a session of its own, answered by the stand-in or the image's own model; the returned clean-up deletes session
 * and stand-in. Raises where the turn fails or takes longer than `limitMs`.
 */
export async function warmUp({ port, token, device, model, limitMs }: WarmUpOptions): Promise<CleanUp> {
  const sessionKey = `agent:main:claw-warm-up-${randomBytes(6).toString('hex')}`;
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const limit = setTimeout(
    () => reject(new Error(`the first turn took longer than ${limitMs / 1000} s`)),
    limitMs,
  );
  // It may end before anybody waits for it.
  ended.catch(() => undefined);
  const connection = await connectGateway({
    port,
    token,
    device,
    scopes: ['operator.read', 'operator.write', 'operator.admin'],
    caps: ['tool-events'],
    onFrame(text) {
      const event = ChatEvent.safeParse(JSON.parse(text));
      if (!event.success || event.data.payload.sessionKey !== sessionKey) return;
      const { state, errorMessage } = event.data.payload;
      if (state === 'final') resolve();
      if (state === 'error' || state === 'aborted') reject(new Error(errorMessage ?? 'the turn was aborted'));
    },
  }).catch((error: unknown) => {
    clearTimeout(limit);
    throw error;
  });
  connection.socket.once('close', () => reject(new Error('OpenClaw closed the connection')));
  try {
    await connection.request('sessions.create', { key: sessionKey, label: 'warm-up' });
    if (model === 'stand-in') {
      await connection.request('sessions.patch', { key: sessionKey, model: `${warmUpProvider}/stand-in` });
    }
    await connection.request('chat.send', {
      sessionKey,
      message: 'Say ready.',
      idempotencyKey: randomBytes(12).toString('hex'),
    });
    await ended;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    clearTimeout(limit);
  }
  return () => removeTraces(connection, sessionKey, model);
}
