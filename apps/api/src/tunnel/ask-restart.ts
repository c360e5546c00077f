import type { ClientHttp2Session } from 'node:http2';
import { ProductError } from '@claw-cloud/contracts';

/**
 * Asks the agent to restart its gateway; resolves when it has taken that on, not when the gateway is back. Raises
 * `gateway_unavailable`, and `rate_limited` when it did so within the last minute.
 */
export async function askRestart(session: ClientHttp2Session, timeoutMs = 15_000): Promise<void> {
  const status = await post(session, '/gateway/restart', '', timeoutMs).catch(() => 0);
  if (status >= 200 && status < 300) return;
  if (status === 429)
    throw new ProductError(
      'rate_limited',
      'The gateway was restarted a moment ago.',
      'Wait a minute, then try again.',
    );
  throw new ProductError(
    'gateway_unavailable',
    status === 404
      ? 'The agent on this server is too old to be asked for a restart.'
      : 'The server did not take the request.',
    'Try again in a moment; through the owner channel you can restart it too.',
  );
}

/** Sends a body to the agent and reads nothing but the status of its answer. Rejects after `timeoutMs`. */
export async function post(
  session: ClientHttp2Session,
  path: string,
  body: string,
  timeoutMs: number,
): Promise<number> {
  const stream = session.request(
    { ':method': 'POST', ':path': path, 'content-type': 'application/json' },
    { endStream: body === '', signal: AbortSignal.timeout(timeoutMs) },
  );
  if (body !== '') stream.end(body);
  return new Promise((resolve, reject) => {
    stream.once('response', (headers) => {
      resolve(Number(headers[':status']));
      stream.resume();
    });
    stream.on('error', reject);
    stream.once('close', () => reject(new Error('The instance hung up.')));
  });
}
