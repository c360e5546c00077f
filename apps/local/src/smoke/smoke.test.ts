import { knownClouds } from '@claw-cloud/providers/clouds';
import { expect, test } from 'vitest';
import { parseSmokeArguments } from './arguments.ts';
import { credentialFrom, variableOf } from './credential.ts';
import { checkSmoke } from './smoke.ts';

const token = 'a'.repeat(64);
const check = (argv: string[], env: NodeJS.ProcessEnv) => () => checkSmoke(parseSmokeArguments(argv), env);

test.each([
  ['no cloud', [], {}, 'Name the cloud.'],
  ['a cloud that is not known', ['--cloud', 'moon'], {}, "'moon' is no cloud that Claw Cloud knows"],
  ['an unknown option', ['--cloud=hetzner', '--now'], {}, "'--now' is not an option"],
  ['an option without its value', ['--cloud'], {}, '--cloud needs a value'],
  ['an address with a path', ['--cloud=hetzner', '--machine-url=https://a.example/b'], {}, 'without a path'],
  ['no credential', ['--cloud', 'hetzner'], {}, 'Set CLAW_SMOKE_TOKEN to your API token of Hetzner Cloud'],
  ['half a credential', ['--cloud', 'hetzner'], { CLAW_SMOKE_TOKEN: 'short' }, 'exactly 64 letters'],
  ['no way home', ['--cloud', 'hetzner'], { CLAW_SMOKE_TOKEN: token }, '--machine-url https://'],
] as const)('%s is said, with what to set', (_, argv, env, words) => {
  expect(check([...argv], env)).toThrow(words);
});

test('the sandbox, a stand-in and a server that finds home need nothing more', () => {
  expect(check(['--cloud', 'sandbox'], {})()).toBe(null);
  const env = { CLAW_SMOKE_TOKEN: token };
  expect(check(['--cloud', 'hetzner', '--machine-url', 'https://home.example/'], env)()).toBe(null);
  expect(check(['--cloud', 'hetzner'], { ...env, MACHINE_URL: 'https://home.example' })()).toBe(null);
  expect(check(['--cloud', 'hetzner'], { ...env, CLOUD_API_URLS: 'hetzner=http://127.0.0.1:1/v1' })()).toBe(
    null,
  );
});

test('every cloud’s fields have variables of their own', () => {
  expect(variableOf('accessKeyId')).toBe('CLAW_SMOKE_ACCESS_KEY_ID');
  for (const cloud of knownClouds()) {
    for (const method of cloud.methods) {
      const names = method.fields.map(({ name }) => variableOf(name));
      expect(new Set(names).size).toBe(names.length);
    }
    expect(() => credentialFrom(cloud, {})).toThrow(/CLAW_SMOKE_/);
  }
});

test('a role, which trusts one platform, is no way into one that is new each time', () => {
  for (const cloud of knownClouds())
    for (const { id } of cloud.methods.filter(({ fields }) => fields.every(({ secret }) => !secret)))
      expect(() => credentialFrom(cloud, { CLAW_SMOKE_METHOD: id })).toThrow(
        'the smoke test signs in with keys',
      );
});

test('a wrong value is never repeated', () => {
  const [hetzner] = knownClouds().filter(({ id }) => id === 'hetzner');
  if (!hetzner) throw new Error('no such cloud');
  const attempt = () => credentialFrom(hetzner, { CLAW_SMOKE_TOKEN: 'secret-but-wrong' });
  expect(attempt).toThrow();
  expect(attempt).not.toThrow('secret-but-wrong');
});
