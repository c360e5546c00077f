import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Refusal } from './answers.ts';

/** What an access key may do. */
export type Powers = 'full' | 'read';

/** Whoever an access key belongs to. */
export interface Identity {
  readonly account: string;
  /** What tests call the account. */
  readonly accountName: string;
  readonly arn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly powers: Powers;
  /** Actions that are refused whatever the powers are. */
  readonly denied: readonly string[];
  /** Of a role's session alone. */
  readonly session?: { readonly token: string; readonly expiresAt: Date };
}

/** A role that others may take on. */
export interface Role {
  readonly arn: string;
  readonly account: string;
  readonly accountName: string;
  /** Whom its trust policy names: an account or an identity; `*` is anyone. */
  readonly trusts: string;
  /** What its trust policy asks for as `sts:ExternalId`; `*` is any; null when it has no such condition. */
  readonly externalId: string | null;
  readonly powers: Powers;
  readonly maxSessionSeconds: number;
}

const keyAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const secretAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const random = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

/** The number of an account that tests call by a name; the same in every run. */
export const accountNumber = (name: string): string =>
  (BigInt(`0x${createHash('sha256').update(name).digest('hex').slice(0, 12)}`) % 1_000_000_000_000n)
    .toString()
    .padStart(12, '1');

const shortest = 900;

/** The users, roles and sessions of all accounts: who may call, and who may take on what. */
export function createIdentities(now: () => Date) {
  const keys = new Map<string, Identity>();
  const roles = new Map<string, Role>();

  function add(prefix: 'AKIA' | 'ASIA', rest: Omit<Identity, 'accessKeyId' | 'secretAccessKey'>): Identity {
    const identity: Identity = {
      ...rest,
      accessKeyId: `${prefix}${random(keyAlphabet, 16)}`,
      secretAccessKey: random(secretAlphabet, 40),
    };
    keys.set(identity.accessKeyId, identity);
    return identity;
  }

  const trusted = ({ trusts }: Role, caller: Identity): boolean =>
    trusts === '*' ||
    trusts === caller.arn ||
    trusts === caller.account ||
    trusts === `arn:aws:iam::${caller.account}:root`;

  return {
    addUser(accountName: string, name: string, powers: Powers, denied: readonly string[] = []): Identity {
      const account = accountNumber(accountName);
      return add('AKIA', {
        account,
        accountName,
        arn: `arn:aws:iam::${account}:user/${name}`,
        powers,
        denied,
      });
    },

    addRole(role: Omit<Role, 'arn' | 'account' | 'maxSessionSeconds'> & { name: string }): Role {
      const { name, ...rest } = role;
      const account = accountNumber(role.accountName);
      const arn = `arn:aws:iam::${account}:role/${name}`;
      const made = { ...rest, account, arn, maxSessionSeconds: 3600 };
      roles.set(made.arn, made);
      return made;
    },

    removeRole: (arn: string): boolean => roles.delete(arn),
    removeKey: (accessKeyId: string): boolean => keys.delete(accessKeyId),

    /** Ends every session of a role, as its owner can in the console. */
    endSessions(roleArn: string): void {
      const name = roleArn.split('role/')[1];
      for (const [id, { arn }] of keys) if (arn.includes(`:assumed-role/${name}/`)) keys.delete(id);
    },

    /** The identity of a key; a refusal says why there is none. */
    identify(accessKeyId: string, token: string | undefined): Identity | 'unknown' | 'expired' {
      const identity = keys.get(accessKeyId);
      if (!identity || identity.session?.token !== token) return 'unknown';
      if (identity.session && identity.session.expiresAt <= now()) return 'expired';
      return identity;
    },

    /** A session of a role, when its trust policy lets the caller have one. */
    assume(
      caller: Identity,
      wish: { roleArn: string; externalId: string | null; sessionName: string; seconds: number },
    ): Identity | Refusal {
      const role = roles.get(wish.roleArn);
      const conditionHolds =
        role?.externalId == null ||
        (role.externalId === '*' ? wish.externalId !== null : role.externalId === wish.externalId);
      if (!role || !trusted(role, caller) || !conditionHolds) {
        return {
          status: 403,
          code: 'AccessDenied',
          message: `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${wish.roleArn}`,
        };
      }
      if (wish.seconds < shortest || wish.seconds > role.maxSessionSeconds) {
        return {
          status: 400,
          code: 'ValidationError',
          message: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
        };
      }
      const name = role.arn.split('role/')[1];
      return add('ASIA', {
        account: role.account,
        accountName: role.accountName,
        arn: `arn:aws:sts::${role.account}:assumed-role/${name}/${wish.sessionName}`,
        powers: role.powers,
        denied: [],
        session: {
          token: `${randomUUID()}${randomUUID()}`.replaceAll('-', ''),
          expiresAt: new Date(now().getTime() + wish.seconds * 1000),
        },
      });
    },
  };
}

export type Identities = ReturnType<typeof createIdentities>;
