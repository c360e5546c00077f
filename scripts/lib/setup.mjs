import { cacheDir } from './env.mjs';
import { ensureInstanceStore } from './instance-store.mjs';
import { ensureLabImages } from './lab-images.mjs';
import { createSteps } from './steps.mjs';
import { ensureWebBuild } from './web-build.mjs';

/**
 * Gets the engine, OpenClaw and the dashboard ready, side by side. Needs Node 24 and the dependencies.
 * The first failure ends the others.
 * @param {{ signal: AbortSignal, json?: boolean, machineImages?: readonly ('trixie' | 'bookworm')[] }} options
 */
export async function setUp({ signal: outer, json, machineImages = [] }) {
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
      const engine = await ensureEngine({ cacheDir, log: say, signal });
      const who = ({ source, fromCache }) => `(${fromCache ? `${source}, cached` : source})`;
      const plugins = engine.plugins.map((plugin) => `${plugin.name} ${plugin.version} ${who(plugin)}`);
      return [`Pulumi ${engine.pulumiVersion} ${who(engine)}`, ...plugins].join(', ');
    }),
    step('OpenClaw', (say) => ensureInstanceStore({ say, signal })),
    step('dashboard', (say) => ensureWebBuild({ say, signal })),
    ...(machineImages.length > 0
      ? [step('Debian machines', (say) => ensureLabImages({ releases: machineImages, say, signal }))]
      : []),
  ]);
  outer.throwIfAborted();
  failure.signal.throwIfAborted();
}
