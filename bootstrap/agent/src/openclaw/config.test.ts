import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPaths, type Paths } from '../paths.ts';
import { gatewayToken, writeOpenClawConfig } from './config.ts';

let root: string;
let paths: Paths;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'claw-config-'));
  paths = createPaths(root, null);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Config {
  gateway: { bind: string; port: number; auth: { token: string }; terminal: object; controlUi: object };
  tools: { exec: { mode: string }; elevated: { enabled: boolean } };
  models: { providers?: Record<string, { baseUrl: string; apiKey: string }> };
  agents: { defaults: { model?: { primary: string }; heartbeat: { every: string } } };
  channels?: object;
}
const write = () => writeOpenClawConfig({ paths, port: 18_789, standInUrl: 'http://127.0.0.1:1/v1' });
const read = () => JSON.parse(readFileSync(paths.openclawConfig, 'utf8')) as Config;
const change = (config: object) => writeFileSync(paths.openclawConfig, JSON.stringify(config));
const bringModel = (id = 'm-1') => {
  mkdirSync(dirname(paths.modelJson), { recursive: true });
  const provider = {
    id: 'sandbox',
    baseUrl: 'http://127.0.0.1:2/v1',
    apiKey: 'key',
    api: 'openai-completions',
  };
  writeFileSync(paths.modelJson, JSON.stringify({ provider, model: { id, name: 'Small' } }));
};

test('a first configuration is closed to the network, asks before commands, and names no secret', () => {
  expect(write()).toBe('stand-in');
  const { gateway, tools, agents } = read();
  expect(gateway).toMatchObject({
    bind: 'loopback',
    port: 18_789,
    terminal: { enabled: false },
    controlUi: { enabled: false },
  });
  expect(gateway.auth.token).toBe('${OPENCLAW_GATEWAY_TOKEN}');
  expect(tools).toEqual({ exec: { mode: 'ask' }, elevated: { enabled: false } });
  expect(agents.defaults).toEqual({ heartbeat: { every: '0m' } });
  expect(statSync(paths.openclawConfig).mode & 0o777).toBe(0o600);
});

test('keeps what the owner changed, and enforces what nobody may change', () => {
  write();
  const config = read();
  change({
    ...config,
    gateway: { ...config.gateway, bind: 'lan', terminal: { enabled: true } },
    tools: { exec: { mode: 'full' }, web: { enabled: true } },
    agents: { defaults: { heartbeat: { every: '1h' }, model: { primary: 'openai/x' } } },
    channels: { telegram: { enabled: true } },
  });
  write();
  const after = read();
  expect(after.gateway).toMatchObject({ bind: 'loopback', terminal: { enabled: false } });
  expect(after.tools).toEqual({
    exec: { mode: 'ask' },
    elevated: { enabled: false },
    web: { enabled: true },
  });
  expect(after.agents.defaults).toEqual({ heartbeat: { every: '1h' }, model: { primary: 'openai/x' } });
  expect(after.channels).toEqual({ telegram: { enabled: true } });
});

test("takes the image's model as the default until the owner sets one, and warms up on it", () => {
  bringModel();
  expect(write()).toBe('default');
  expect(read().agents.defaults.model?.primary).toBe('sandbox/m-1');
  expect(Object.keys(read().models.providers ?? {})).toEqual(['sandbox']);
  const config = read();
  change({
    ...config,
    agents: { defaults: { ...config.agents.defaults, model: { primary: 'anthropic/x' } } },
  });
  expect(write()).toBe('stand-in');
  expect(read().agents.defaults.model?.primary).toBe('anthropic/x');
});

test('leaves no stand-in of a former start behind', () => {
  write();
  expect(Object.keys(read().models.providers ?? {})).toEqual(['claw-warm-up']);
  bringModel();
  write();
  expect(Object.keys(read().models.providers ?? {})).toEqual(['sandbox']);
});

test('the gateway token is made once', () => {
  const sandbox = { service: false, credentialsDir: null };
  const token = gatewayToken(sandbox, paths);
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(gatewayToken(sandbox, paths)).toBe(token);
  expect(statSync(paths.gatewayToken).mode & 0o777).toBe(0o600);
});

test('a server’s unit gets the token as a credential, and has it in no file of the agent', () => {
  expect(() => gatewayToken({ service: true, credentialsDir: null }, paths)).toThrow('gateway-token');
  writeFileSync(join(root, 'gateway-token'), 'given\n');
  expect(gatewayToken({ service: true, credentialsDir: root }, paths)).toBe('given');
  expect(existsSync(paths.gatewayToken)).toBe(false);
});

test('a configuration that can’t be read is kept aside, and a new one begun', () => {
  mkdirSync(dirname(paths.openclawConfig), { recursive: true });
  writeFileSync(paths.openclawConfig, '{"gateway":');
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  writeOpenClawConfig({ paths, port: 18_789, standInUrl: null, token: 'given', log });
  expect(read().gateway).toMatchObject({ bind: 'loopback', auth: { token: 'given' } });
  expect(readFileSync(`${paths.openclawConfig}.damaged`, 'utf8')).toBe('{"gateway":');
  expect(lines).toEqual([expect.stringContaining('is damaged; kept as')]);
});
