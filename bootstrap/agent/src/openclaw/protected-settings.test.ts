import { expect, test } from 'vitest';
import { protectedSetting } from './protected-settings.ts';

test.each<[string, Record<string, unknown>]>([
  ['gateway', { gateway: { bind: 'lan' } }],
  ['gateway', { gateway: null }],
  ['gateway', { gateway: [] }],
  ['gateway', { gateway: { auth: { token: null } } }],
  ['discovery', { discovery: { mdns: { mode: 'full' } } }],
  ['tools.exec', { tools: { exec: { mode: 'auto' } } }],
  // A parent that goes takes it along.
  ['tools.exec', { tools: null }],
  ['tools.exec', { tools: 'none' }],
  ['tools.elevated', { tools: { elevated: { enabled: true } } }],
  ['agents.defaults.tools', { agents: null }],
  ['agents.list.*.tools.exec', { agents: { list: [{ id: 'a' }, { id: 'b', tools: { exec: {} } }] } }],
  ['update', { update: { channel: 'beta' } }],
  ['logging.file', { logging: { file: '/tmp/x' } }],
  ['env', { env: { vars: { NODE_OPTIONS: '--inspect' } } }],
])('%s is not touched by %j', (path, patch) => {
  expect(protectedSetting(patch)?.path).toBe(path);
});

test.each<[Record<string, unknown>]>([
  [{}],
  [{ agents: { defaults: { heartbeat: { every: '30m' } } } }],
  [{ agents: { list: [{ id: 'main', name: 'Main' }] } }],
  [{ tools: { web: { enabled: true } } }],
  [{ logging: { level: 'debug' } }],
  [{ channels: { telegram: { enabled: true, gateway: 'x' } } }],
  [{ models: { providers: { custom: null } } }],
])('%j is the owner’s to decide', (patch) => {
  expect(protectedSetting(patch)).toBeNull();
});
