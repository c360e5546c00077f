import { type ErrorCode, ProductError, TunnelAnswer, type TunnelChallenge } from '@claw-cloud/contracts';
import { fromBase64Url, toBase64Url } from '@claw-cloud/crypto';
import { verifyTunnelChallenge } from '@claw-cloud/crypto/signing';
import type { WebSocket } from 'ws';

export interface ProofOptions {
  /** Who asks: the host under which the machine has dialled this api. */
  readonly audience: string;
  /** The instance's registered Ed25519 key as base64url; null when it has none. */
  readonly identityKey: (instanceId: string) => Promise<string | null>;
  readonly randomBytes: (size: number) => Uint8Array;
  /** How long the answer may take. */
  readonly timeoutMs: number;
}

/** An answer is two short strings. */
const answerLimitBytes = 1024;

/** Who is at the other end, and by which key that was shown. */
export interface ProvenInstance {
  readonly instanceId: string;
  readonly identityPublicKey: string;
}

/**
 * Sends a challenge and checks the answer against the registered key. Raises
 * `tunnel_key_unknown`, `tunnel_signature_invalid`, and `invalid_request` for what is no answer or comes too late.
 */
export async function proveInstance(socket: WebSocket, options: ProofOptions): Promise<ProvenInstance> {
  const nonce = options.randomBytes(32);
  const { audience } = options;
  const answered = nextText(socket, options.timeoutMs);
  socket.send(
    JSON.stringify({ type: 'challenge', nonce: toBase64Url(nonce), audience } satisfies TunnelChallenge),
  );
  const answer = TunnelAnswer.safeParse(parseJson(await answered));
  if (!answer.success) throw refusal('invalid_request', 'That was no answer to a tunnel challenge.');
  const { instanceId, signature } = answer.data;
  const key = await options.identityKey(instanceId);
  if (key === null)
    throw refusal(
      'tunnel_key_unknown',
      'This instance is not registered, has been ejected, or is being destroyed.',
    );
  if (!verifyTunnelChallenge(fromBase64Url(key), { instanceId, nonce, audience }, decode(signature)))
    throw refusal(
      'tunnel_signature_invalid',
      'The signature is not of the key this instance has registered.',
    );
  return { instanceId, identityPublicKey: key };
}

function decode(signature: string): Uint8Array {
  try {
    return fromBase64Url(signature);
  } catch {
    // Not canonical base64url: a signature of no length verifies against no key.
    return new Uint8Array();
  }
}

function nextText(socket: WebSocket, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (work: () => void) => {
      clearTimeout(timer);
      socket.off('message', onMessage);
      socket.off('close', onClose);
      work();
    };
    const onMessage = (data: unknown, isBinary: boolean) =>
      settle(() => {
        if (isBinary || !Buffer.isBuffer(data) || data.length > answerLimitBytes)
          return reject(
            refusal('invalid_request', 'The answer to a tunnel challenge is one short text message.'),
          );
        resolve(data.toString('utf8'));
      });
    const onClose = () => settle(() => reject(refusal('invalid_request', 'The instance hung up.')));
    const timer = setTimeout(
      () =>
        settle(() => reject(refusal('invalid_request', 'The answer to the tunnel challenge took too long.'))),
      timeoutMs,
    );
    socket.on('message', onMessage);
    socket.once('close', onClose);
  });
}

function refusal(code: ErrorCode, message: string): ProductError {
  const fix =
    code === 'invalid_request'
      ? 'Check the clock and the connection of the machine; the agent tries again by itself.'
      : 'Destroy the instance and deploy it again; its keys can not be registered twice.';
  return new ProductError(code, message, fix);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
