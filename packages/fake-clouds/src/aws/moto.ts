import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { images } from './images.ts';

/** Pinned where the tests' Python is made: scripts/lib/test-needs.mjs. */
export const motoRequirement = 'moto[server]==5.2.5';

const startLimitMs = 120_000;
const requestLimitMs = 60_000;
const endLimitMs = 5_000;

export interface Moto {
  readonly origin: string;
  /** One request of AWS's query protocol, signed in name only: moto looks at nothing but the key. */
  send(request: { service: string; region: string; accessKeyId: string; body: string }): Promise<Response>;
  close(): Promise<void>;
}

/**
 * Starts moto, https://github.com/getmoto/moto, as a child of this process on a free loopback port. Raises an error
 * that says what to do when the Python doesn't exist or has no moto.
 */
export async function startMoto(python: string): Promise<Moto> {
  const advice = `Make it: python3 -m venv there and pip install '${motoRequirement}', or name another Python in CLAW_TEST_PYTHON.`;
  if (!existsSync(python))
    throw new Error(`The pretend AWS needs a Python with moto, and there is none at ${python}. ${advice}`);
  const dir = mkdtempSync(join(tmpdir(), 'claw-moto-'));
  const list = join(dir, 'images.json');
  writeFileSync(list, JSON.stringify(images));
  // It takes a free port itself, and says which: nobody else can be given that one in between.
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: '/usr/bin:/bin',
      MOTO_AMIS_PATH: list,
      MOTO_ENABLE_AMI_VALIDATION: 'true',
      MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION: 'true',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  let said = '';
  let origin = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
    if (origin === '') origin = /Running on (http:\/\/127\.0\.0\.1:\d+)\s/.exec(said)?.[1] ?? '';
  });
  const ended = once(child, 'exit');
  let over = false;
  ended.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  // A child must not outlive the process that asked for it, however that ends.
  const endChild = () => child.kill('SIGKILL');
  process.once('exit', endChild);

  async function close(): Promise<void> {
    process.off('exit', endChild);
    if (!over) {
      child.kill('SIGTERM');
      await Promise.race([ended, delay(endLimitMs, undefined, { ref: false })]);
      child.kill('SIGKILL');
    }
    rmSync(dir, { recursive: true, force: true });
  }

  const limit = Date.now() + startLimitMs;
  for (;;) {
    if (over) {
      await close();
      throw new Error(`moto did not start. ${advice}\n${said}`);
    }
    const up =
      origin !== '' &&
      (await fetch(`${origin}/moto-api/`, { signal: AbortSignal.timeout(2_000) }).then(
        (answer) => answer.body?.cancel().then(() => true) ?? true,
        () => false,
      ));
    if (up) break;
    if (Date.now() > limit) {
      await close();
      throw new Error(`moto did not answer within ${startLimitMs / 1000} s.\n${said}`);
    }
    await delay(100);
  }

  return {
    origin,
    close,
    send: ({ service, region, accessKeyId, body }) =>
      fetch(`${origin}/`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
          authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=none`,
        },
        body,
        signal: AbortSignal.timeout(requestLimitMs),
      }),
  };
}
