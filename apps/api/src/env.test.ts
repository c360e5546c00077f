import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './env.ts';

const local = {
  PUBLIC_URL: 'https://cloud.example/',
  SUPABASE_URL: 'http://127.0.0.1:54321',
  SUPABASE_SECRET_KEY: 'sb_secret_0123456789',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_0123456789',
  SUPABASE_JWT_SECRET: 'j'.repeat(32),
  QUEUE_DATABASE_URL: 'postgres://u:p@127.0.0.1/queue',
  AUTH_DATABASE_URL: 'postgresql://u:p@127.0.0.1/auth',
  AUTH_SECRET: 's'.repeat(32),
};
const clerk = {
  ...local,
  AUTH_KIND: 'clerk',
  CLERK_JWT_KEY: '-----BEGIN PUBLIC KEY-----\\nMIIB\\n-----END PUBLIC KEY-----',
  CLERK_ISSUER: 'https://clerk.cloud.example/',
  CLERK_PUBLISHABLE_KEY: 'pk_live_x',
};

const complaint = (env: Record<string, string | undefined>) => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  throw new Error('was accepted');
};

describe('readConfig', () => {
  it('needs only what has no sensible default', () => {
    expect(readConfig(local)).toMatchObject({
      host: '127.0.0.1',
      port: 4600,
      publicUrl: 'https://cloud.example',
      authorizedParties: ['https://cloud.example'],
      queue: { kind: 'postgres' },
      auth: { kind: 'local', operatorToken: null },
      sandbox: false,
      agentDir: null,
      webDir: null,
      trustedProxyHops: 0,
    });
  });

  it('takes what the guides of clouds leave open', () => {
    const config = readConfig({
      ...local,
      EGRESS_ADDRESSES: '192.0.2.1, 2001:db8::1',
      CLOUD_FACTS: 'awsAccount=123456789012 link=https://x.example/?a=b',
    });
    expect(config.egressAddresses).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(config.cloudFacts).toEqual({ awsAccount: '123456789012', link: 'https://x.example/?a=b' });
    expect(complaint({ ...local, EGRESS_ADDRESSES: 'here', CLOUD_FACTS: 'x' })).toEqual([
      expect.stringMatching(/^EGRESS_ADDRESSES is not valid/),
      expect.stringMatching(/^CLOUD_FACTS is not valid/),
    ]);
  });

  it('takes an address of the machines’ own', () => {
    expect(readConfig(local)).not.toHaveProperty('machineUrl');
    const config = readConfig({ ...local, MACHINE_URL: 'https://machines.cloud.example:8443/' });
    expect(config).toMatchObject({
      publicUrl: 'https://cloud.example',
      machineUrl: 'https://machines.cloud.example:8443',
      authorizedParties: ['https://cloud.example'],
    });
    expect(complaint({ ...local, MACHINE_URL: 'machines' })).toEqual([
      expect.stringMatching(/^MACHINE_URL is not valid/),
    ]);
  });

  it('takes Clerk, Redis and further origins', () => {
    const config = readConfig({
      ...clerk,
      REDIS_URL: 'rediss://r:6379',
      AUTHORIZED_PARTIES: 'https://www.cloud.example, https://cloud.example',
      SANDBOX: '1',
    });
    expect(config.queue).toEqual({ kind: 'redis', url: 'rediss://r:6379' });
    expect(config.auth).toMatchObject({ kind: 'clerk', issuer: 'https://clerk.cloud.example' });
    expect(config.auth.kind === 'clerk' && config.auth.jwtKey.split('\n')).toHaveLength(3);
    expect(config.authorizedParties).toEqual(['https://cloud.example', 'https://www.cloud.example']);
    expect(config.sandbox).toBe(true);
  });

  it.each(Object.keys(local))('names %s when it is not set', (name) => {
    const lines = complaint({ ...local, [name]: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${name} is not set\\. Set it to \\S`));
    expect(complaint({ ...local, [name]: '  ' })).toEqual(lines);
  });

  it.each([
    ['PORT', '70000'],
    ['PORT', 'http'],
    ['PUBLIC_URL', 'ftp://x'],
    ['SUPABASE_JWT_SECRET', 'short'],
    ['QUEUE_DATABASE_URL', 'redis://x'],
    ['AUTH_KIND', 'none'],
    ['AUTH_SECRET', 'short'],
    ['LOCAL_OPERATOR_TOKEN', 'short'],
    ['AUTHORIZED_PARTIES', 'https://a.example,nonsense'],
    ['NODE_NAME', 'a b'],
    ['SANDBOX', 'yes'],
    ['TRUSTED_PROXY_HOPS', '9'],
  ])('names %s when it is %s, without the value', (name, value) => {
    const lines = complaint({ ...local, [name]: value });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${name} is not valid\\. Set it to \\S`));
    if (value.length > 4) expect(lines[0]).not.toContain(value);
  });

  it.each(['CLERK_JWT_KEY', 'CLERK_ISSUER', 'CLERK_PUBLISHABLE_KEY'])('names %s for Clerk', (name) => {
    expect(complaint({ ...clerk, [name]: undefined })[0]).toContain(`${name} is not set`);
  });
});
