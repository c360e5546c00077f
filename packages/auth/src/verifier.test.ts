import { createHmac, createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { isProductError, type SignOptions, signer } from './testing/clerk-tokens.ts';
import { createVerifier, tokenLimitChars, type Verifier } from './verifier.ts';

const issuer = 'https://clean-mayfly-62.clerk.accounts.dev';
const party = 'https://cloud.example';

describe('createVerifier', () => {
  let sign: (claims?: Record<string, unknown>, options?: SignOptions) => Promise<string>;
  let pem: string;
  let verify: Verifier;

  beforeAll(async () => {
    const made = await signer({ issuer, party });
    sign = made.sign;
    pem = made.pem;
    verify = createVerifier({ jwtKey: pem, issuer, authorizedParties: [party, 'https://other.example'] });
  });

  const refusal = async (token: string | Promise<string>, by: Verifier = verify) => {
    const error: unknown = await by(await token).then(
      (claims) => claims,
      (reason: unknown) => reason,
    );
    if (!isProductError(error)) throw new Error(`was accepted: ${JSON.stringify(error)}`);
    expect(error.code).toBe('unauthenticated');
    return error.options.cause instanceof Error ? error.options.cause.message : undefined;
  };

  it('accepts a session token of Clerk and says whose it is', async () => {
    await expect(verify(await sign({ email: 'a@x.example' }))).resolves.toEqual({
      sub: 'user_2xhFjEI5X2qWRvtV13BzSj8H6Dk',
      sid: 'sess_2xhFk1hY0z4mVbqYk8m1',
      email: 'a@x.example',
    });
    await expect(verify(await sign())).resolves.toMatchObject({ email: null });
  });

  it('refuses a token signed by another key', async () => {
    const other = await signer({ issuer, party });
    expect(await refusal(other.sign())).toBe('token-invalid-signature');
  });

  it('refuses one whose claims were changed after signing', async () => {
    const [header, body = '', signature] = (await sign()).split('.');
    const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
    const forged = Buffer.from(JSON.stringify({ ...(claims as object), sub: 'user_other' })).toString(
      'base64url',
    );
    expect(await refusal(`${header}.${forged}.${signature}`)).toBe('token-invalid-signature');
  });

  it('refuses an expired one, and one that is not valid yet', async () => {
    const now = Math.floor(Date.now() / 1000);
    expect(await refusal(sign({ exp: now - 60 }))).toBe('token-expired');
    expect(await refusal(sign({ nbf: now + 600 }))).toBe('token-not-active-yet');
    expect(await refusal(sign({ exp: undefined }))).toBeDefined();
  });

  it('refuses one of another party or of none', async () => {
    expect(await refusal(sign({ azp: 'https://evil.example' }))).toBe('token-invalid-authorized-parties');
    expect(await refusal(sign({ azp: undefined }))).toBeDefined();
    expect(await refusal(sign({ azp: '' }))).toBeDefined();
    expect(await refusal(sign({ azp: [party] }))).toBeDefined();
  });

  it('refuses another issuer, a pending sign-in, and a token without a subject or session', async () => {
    expect(await refusal(sign({ iss: 'https://evil.clerk.accounts.dev' }))).toBe('iss');
    expect(await refusal(sign({ iss: undefined }))).toBe('iss');
    expect(await refusal(sign({ sts: 'pending' }))).toBe('sts');
    expect(await refusal(sign({ sub: undefined }))).toBeDefined();
    expect(await refusal(sign({ sid: undefined }))).toBe('sid');
  });

  it('refuses a token that uses the public key as a shared secret (HS256)', async () => {
    const token = await sign();
    const body = token.split('.')[1];
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'ins_test', typ: 'JWT' })).toString(
      'base64url',
    );
    for (const secret of [pem, createPublicKey(pem).export({ type: 'spki', format: 'der' })]) {
      const signature = createHmac('sha256', secret).update(`${header}.${body}`).digest('base64url');
      expect(await refusal(`${header}.${body}.${signature}`)).toBe('token-invalid-algorithm');
    }
  });

  it('refuses an unsigned token (alg none), in every spelling', async () => {
    const body = (await sign()).split('.')[1];
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = Buffer.from(JSON.stringify({ alg, kid: 'ins_test', typ: 'JWT' })).toString('base64url');
      expect(await refusal(`${header}.${body}.`)).toBeDefined();
      expect(await refusal(`${header}.${body}.AA`)).toBeDefined();
    }
  });

  it('refuses a machine token of Clerk', async () => {
    expect(await refusal(sign({}, { header: { cat: 'cl_B7d4PD333AAA' } }))).toBeDefined();
  });

  it('refuses what is no token, or is too long to be one', async () => {
    for (const token of ['', 'x', 'a.b.c', '...', 'ey.ey.ey']) expect(await refusal(token)).toBeDefined();
    expect(await refusal(sign({ filler: 'x'.repeat(tokenLimitChars) }))).toBe('length');
  });

  it('chooses the key by its id and refuses an unknown id', async () => {
    const second = await signer({ issuer, party, kid: 'ins_second' });
    const byId = createVerifier({
      jwtKey: { ins_test: pem, ins_second: second.pem },
      issuer,
      authorizedParties: [party],
    });
    await expect(byId(await sign())).resolves.toBeDefined();
    await expect(byId(await second.sign())).resolves.toBeDefined();
    expect(await refusal(sign({}, { kid: 'ins_third' }), byId)).toBe('kid');
    expect(await refusal(sign({}, { kid: 'constructor' }), byId)).toBe('kid');
    expect(await refusal(sign({}, { kid: 'ins_second' }), byId)).toBe('token-invalid-signature');
    expect(await refusal(sign({}, { kid: undefined }), byId)).toBe('kid');
  });

  it('cannot be made without a party or an issuer', () => {
    expect(() => createVerifier({ jwtKey: pem, issuer, authorizedParties: [] })).toThrow('authorizedParties');
    expect(() => createVerifier({ jwtKey: pem, issuer: '', authorizedParties: [party] })).toThrow('issuer');
  });
});
