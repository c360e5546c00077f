import { ProductError } from '@claw-cloud/contracts';
import { exportSPKI, generateKeyPair, SignJWT } from 'jose';

export interface SignOptions {
  readonly kid?: string | undefined;
  readonly header?: Record<string, unknown>;
}

export const isProductError = (value: unknown): value is ProductError => value instanceof ProductError;

/** A key of its own that signs session tokens in the shape of Clerk's (v2); what a claim is set to replaces it. */
export async function signer(about: { issuer: string; party: string; kid?: string }) {
  const { publicKey, privateKey } = await generateKeyPair('RS256', {
    modulusLength: 2048,
    extractable: true,
  });
  const sign = (claims: Record<string, unknown> = {}, options: SignOptions = {}): Promise<string> => {
    const now = Math.floor(Date.now() / 1000);
    const kid = 'kid' in options ? options.kid : (about.kid ?? 'ins_test');
    return new SignJWT({
      azp: about.party,
      exp: now + 60,
      iat: now - 2,
      nbf: now - 10,
      iss: about.issuer,
      sub: 'user_2xhFjEI5X2qWRvtV13BzSj8H6Dk',
      sid: 'sess_2xhFk1hY0z4mVbqYk8m1',
      jti: '0a1b2c3d4e5f',
      v: 2,
      sts: 'active',
      fva: [0, -1],
      ...claims,
    })
      .setProtectedHeader({
        alg: 'RS256',
        typ: 'JWT',
        cat: 'cl_B7d4PD111AAA',
        ...(kid === undefined ? {} : { kid }),
        ...options.header,
      })
      .sign(privateKey);
  };
  return { sign, pem: await exportSPKI(publicKey) };
}
