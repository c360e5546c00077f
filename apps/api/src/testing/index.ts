export * from './agent.ts';
export * from './harness.ts';
export * from './instance.ts';
