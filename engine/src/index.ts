export {
  type Engine,
  EngineNotReady,
  type EnsureOptions,
  engineFromCache,
  ensureEngine,
  type Served,
} from './ensure.ts';
export { defaultCacheDir } from './env.ts';
export type { Origin } from './manifest.ts';
export type { PluginName } from './pieces.ts';
export { stageStandIn } from './stand-in.ts';
