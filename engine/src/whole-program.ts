import { setTimeout as delay } from 'node:timers/promises';
import type { Output, Resource } from '@pulumi/pulumi';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';

type Answer = (error: Error | null | undefined, response?: unknown) => void;
interface Runner {
  readonly program: PulumiFn;
  run(call: unknown, answer: Answer): Promise<void>;
}

/** What the engine is told instead of success; it passes the sentence on in its own error. */
export const cutOff = 'the program was cut off from the engine';

/** A program whose engine is gone ends in a moment, or never. */
const formerLimitMs = 5_000;

const whole = new WeakSet<PulumiFn>();
let guarded = false;

const settled = (output: Output<unknown>): Promise<unknown> =>
  (output as unknown as { promise(): Promise<unknown> }).promise();

/**
 * The program, which counts as run only when everything it wants has been registered. The SDK (3.259,
 * `automation/server.js`) reports success to the engine when its connection to it breaks, even before the program was
 * called; the engine then deletes whatever the program did not name: a server with all that is on it. With this, such a
 * run fails with {@link cutOff} and deletes nothing. It also waits for the program of the run before: the SDK keeps one
 * connection per process, and who ends late closes it for everybody.
 */
export async function wholeProgram(program: PulumiFn): Promise<PulumiFn> {
  await guardRunner();
  const { registerStackTransformation } = (await import('@pulumi/pulumi')).runtime;
  const watched: PulumiFn = async () => {
    const resources: Resource[] = [];
    registerStackTransformation(({ resource }) => {
      resources.push(resource);
      return undefined;
    });
    const outputs = await program();
    // What is registered last may have been wished for by what was registered before.
    for (let at = 0; at < resources.length; at += 1) await settled((resources[at] as Resource).urn);
    whole.add(watched);
    return outputs;
  };
  return watched;
}

async function guardRunner(): Promise<void> {
  if (guarded) return;
  guarded = true;
  const { LanguageServer } = (await import('@pulumi/pulumi/automation/server.js')) as unknown as {
    LanguageServer: { prototype: Runner };
  };
  const { run } = LanguageServer.prototype;
  let former: Promise<unknown> = Promise.resolve();
  LanguageServer.prototype.run = async function (this: Runner, call, answer) {
    const before = former;
    const { promise, resolve } = Promise.withResolvers<void>();
    former = promise;
    await Promise.race([before, delay(formerLimitMs, undefined, { ref: false })]);
    whole.delete(this.program);
    let answered = false;
    try {
      await run.call(this, call, (error, response) => {
        // It answers a second time after an error.
        if (answered) return;
        answered = true;
        if (error || whole.has(this.program)) answer(error, response);
        else answer(new Error(cutOff));
      });
    } finally {
      resolve();
    }
  };
}
