import { decodeKeyring, type ExportedKeyring, encodeKeyring } from './keyring.ts';

export interface SignInLinkParts {
  /** The one-time token. */
  readonly link: string;
  /** The keys of the owner it signs in, where the link carries them. */
  readonly keys: ExportedKeyring | undefined;
}

/**
 * A sign-in link that also carries the keys of this device. Everything stands in the fragment, which
 * browsers send to nobody. Whoever holds the link before it is used is the owner: print it on the owner's
 * own screen only.
 */
export async function signInLink(baseUrl: string, token: string, keys?: ExportedKeyring): Promise<string> {
  const query = new URLSearchParams({ link: token });
  if (keys) query.set('keys', await encodeKeyring(keys));
  return `${baseUrl}/#/sign-in?${query}`;
}

/** The parts of a link's fragment (with or without its #); undefined where it is no sign-in link. */
export async function parseSignInLink(fragment: string): Promise<SignInLinkParts | undefined> {
  const match = /^#?\/sign-in\?(.*)$/s.exec(fragment);
  if (!match) return undefined;
  const query = new URLSearchParams(match[1]);
  const link = query.get('link');
  if (link === null || link === '' || link.length > 500) return undefined;
  const keys = query.get('keys');
  return { link, keys: keys === null ? undefined : await decodeKeyring(keys) };
}
