import { cacheDir } from './env.mjs';
import { ensureInstanceStore } from './instance-store.mjs';
import { createSteps } from './steps.mjs';
import { ensureWebBuild } from './web-build.mjs';

/**
 * Gets the engine, OpenClaw and the dashboard ready, side by side. Needs Node 24 and the dependencies.
 * The first failure ends the others.
 * @param {{ signal: AbortSignal, json?: boolean }} options
 */
export async function setUp({ signal: outer, json }) {
  const steps = createSteps({ json });
  const failure = new AbortController();
  const signal = AbortSignal.any([outer, failure.signal]);
  const step = async (name, work) => {
    try {
      await steps.run(name, work);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  };
  await Promise.allSettled([
    step('Pulumi engine', async (say) => {
      const { ensureEngine } = await import('../../engine/src/index.ts');
      const { pulumiVersion, source, plugins } = await ensureEngine({ cacheDir, log: say, signal });
      const others = plugins.map((plugin) => `${plugin.name} ${plugin.version} (${plugin.source})`);
      return [`Pulumi ${pulumiVersion} (${source})`, ...others].join(', ');
    }),
    step('OpenClaw', (say) => ensureInstanceStore({ say, signal })),
    step('dashboard', (say) => ensureWebBuild({ say, signal })),
  ]);
  outer.throwIfAborted();
  failure.signal.throwIfAborted();
}
