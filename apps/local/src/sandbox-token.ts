import type { Platform } from './platform.ts';

/** Asks the sandbox cloud for a token of a project of its own, as a person makes one in their cloud's console. */
export async function sandboxToken(
  { sandbox }: Pick<Platform, 'sandbox'>,
  options: { powers?: 'read' | 'read_write'; project?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const { powers = 'read_write', project, signal } = options;
  const timeout = AbortSignal.timeout(10_000);
  const response = await fetch(`${sandbox.controlUrl}/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.controlToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ powers, ...(project === undefined ? {} : { project }) }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  if (!response.ok) throw new Error(`The sandbox cloud gave no token (${response.status}).`);
  const { token } = (await response.json()) as { token: string };
  return token;
}
