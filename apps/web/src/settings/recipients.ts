import type { Answer } from './ask.ts';

type Device = Answer<'devices.list'>['devices'][number];

const most = 10;
const rank = ({ current, kind }: Device) => (current ? 0 : kind === 'recovery' ? 1 : 2);

/** Whose keys open a new backup: this browser's, the recovery code's, and the other devices' as far as they fit. */
export const recipientsOf = (devices: readonly Device[]): string[] =>
  [...devices]
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, most)
    .map(({ publicKey }) => publicKey);
