import { SshPublicKey, supportMinutes } from '@claw-cloud/contracts';

export interface HandoverInput {
  readonly origin: string;
  readonly grantId: string;
  readonly name: string;
  readonly token: string;
  /** A line of OpenSSH's public keys. */
  readonly hostKey: string;
  readonly until: string;
  readonly root: boolean;
}

/** What the owner sends to whoever is let in: everything they need, and nothing that opens the server by itself. Pure. */
export function handoverText({ origin, grantId, name, token, hostKey, until, root }: HandoverInput): string {
  const [type = '', key = ''] = hostKey.trim().split(' ');
  const proxy = `node support-ssh.mjs ${origin} ${grantId} ${token}`;
  return [
    `${name}: you may enter this server until ${until}, ${root ? 'as root' : 'to look, without root'}. What you do is recorded.`,
    '',
    'You need Node 22 or later, your private key, and support-ssh.mjs of Claw Cloud (scripts/support-ssh.mjs).',
    'The first line notes the server’s own key, so that you know whom you talk to; the second enters.',
    '',
    `echo '${grantId} ${type} ${key}' > known_hosts.${grantId}`,
    `ssh -o UserKnownHostsFile=known_hosts.${grantId} -o StrictHostKeyChecking=yes -o ProxyCommand='${proxy}' root@${grantId}`,
    '',
  ].join('\n');
}

/** What is wrong with a key that was pasted; undefined when nothing is. */
export function sshKeyTrouble(typed: string): string | undefined {
  const key = typed.trim();
  if (key === '') return 'Paste the public key here: one line, often from a file that ends in .pub.';
  if (key.includes('PRIVATE KEY'))
    return 'This is a private key, which nobody else should ever see. The public one is in the file that ends in .pub.';
  return SshPublicKey.safeParse(key).success
    ? undefined
    : 'This is no public key of OpenSSH. It is one line, like ssh-ed25519 AAAA… name.';
}

export const durations: readonly (readonly [minutes: number, words: string])[] = [
  [supportMinutes.least, '15 minutes'],
  [30, '30 minutes'],
  [60, '1 hour'],
  [120, '2 hours'],
  [supportMinutes.askTwiceAbove, '4 hours'],
  [8 * 60, '8 hours'],
  [12 * 60, '12 hours'],
  [supportMinutes.most, '24 hours'],
];
