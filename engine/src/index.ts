export {
  type Engine,
  EngineNotReady,
  type EnsureOptions,
  engineFromCache,
  ensureEngine,
  type PieceSource,
} from './ensure.ts';
export { defaultCacheDir } from './env.ts';
