import { describe, expect, test } from 'vitest';
import { readConfig } from './env.ts';

const whole = {
  SUPABASE_URL: 'http://127.0.0.1:54321',
  SUPABASE_SECRET_KEY: 'CANARY-secret',
  SUPABASE_PUBLISHABLE_KEY: 'p',
  SUPABASE_JWT_SECRET: 'j',
  QUEUE_DATABASE_URL: 'postgres://q:q@127.0.0.1:1/queue',
  PULUMI_BACKEND_URL: 'postgres://p:p@127.0.0.1:1/pulumi',
  PUBLIC_URL: 'https://claw.example/',
  KEK_FILE: '/k',
  INTAKE_KEY_FILE: '/i',
  AGENT_DIR: '/a',
};

describe('the settings', () => {
  test('are read once, with defaults', () => {
    expect(readConfig(whole)).toMatchObject({
      machineUrl: 'https://claw.example',
      instanceNpmRegistry: null,
      queue: { kind: 'postgres' },
      kek: { kind: 'file', path: '/k' },
      concurrency: 2,
      leaseMs: 10_000,
      endpoints: {},
    });
    expect(readConfig({ ...whole, REDIS_URL: 'redis://r:1' }).queue).toEqual({
      kind: 'redis',
      url: 'redis://r:1',
    });
  });

  test('send machines elsewhere than browsers where they say so', () => {
    const elsewhere = {
      ...whole,
      MACHINE_URL: 'https://machines.claw.example/',
      INSTANCE_NPM_REGISTRY: 'https://packages.example/npm/',
    };
    expect(readConfig(elsewhere)).toMatchObject({
      machineUrl: 'https://machines.claw.example',
      instanceNpmRegistry: 'https://packages.example/npm',
    });
    expect(() => readConfig({ ...whole, INSTANCE_NPM_REGISTRY: 'file:///packages' })).toThrow(
      'INSTANCE_NPM_REGISTRY',
    );
  });

  test('let the engine reach a Postgres on loopback, and nothing else, without TLS', () => {
    expect(readConfig(whole).pulumiBackendUrl).toContain('sslmode=disable');
    const remote = 'postgres://p:p@db.example:5432/pulumi';
    expect(readConfig({ ...whole, PULUMI_BACKEND_URL: remote }).pulumiBackendUrl).toBe(remote);
    const bucket = 's3://states';
    expect(readConfig({ ...whole, PULUMI_BACKEND_URL: bucket }).pulumiBackendUrl).toBe(bucket);
  });

  test.each([
    ['PUBLIC_URL', { PUBLIC_URL: undefined }],
    ['KEK_FILE or KEK_KEYS', { KEK_FILE: undefined }],
    ['KEK_FILE or KEK_KEYS', { KEK_KEYS: '{}' }],
    ['QUEUE_DATABASE_URL or REDIS_URL', { QUEUE_DATABASE_URL: undefined }],
    ['LEASE_MS', { LEASE_MS: '5' }],
  ])('name what is wrong (%s) and no value', (name, change) => {
    expect(() => readConfig({ ...whole, ...change })).toThrow(name);
    expect(() => readConfig({ ...whole, ...change })).not.toThrow('CANARY');
  });
});
