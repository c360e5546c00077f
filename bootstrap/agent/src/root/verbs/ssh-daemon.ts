import { existsSync, mkdirSync } from 'node:fs';
import { ProductError } from '@claw-cloud/contracts';
import type { RootContext } from '../verb.ts';

/**
 * Has OpenSSH's daemon installed, and the system's own unit of it neither enabled nor running: who wants a daemon
 * brings units of their own. Raises with apt's last words.
 */
export async function ensureSshd({ must, progress }: RootContext): Promise<void> {
  if (!existsSync('/usr/sbin/sshd')) {
    progress('install', 'Installing OpenSSH’s daemon');
    // Before the package starts it.
    await must(['systemctl', 'mask', 'ssh.service', 'ssh.socket']);
    const apt = ['apt-get', '-o', 'DPkg::Lock::Timeout=120', '--assume-yes', '--no-install-recommends'];
    // In a unit of its own, because this daemon's sandbox is not for package scripts.
    const install = (...args: string[]) =>
      must(
        [
          ...['systemd-run', '--wait', '--pipe', '--collect', '--quiet'],
          ...['--setenv=DEBIAN_FRONTEND=noninteractive', '--', ...apt, ...args],
        ],
        { timeoutMs: 240_000 },
      );
    await install('update');
    await install('install', 'openssh-server');
  }
  // sshd looks for it before it gives up its privileges.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
}

/** A key as OpenSSH itself reads it: type and base64, and its fingerprint. Raises `invalid_request`. */
export async function requireSshKey(
  publicKey: string,
  { run }: RootContext,
): Promise<{ key: string; fingerprint: string }> {
  const key = publicKey.trim().split(' ').slice(0, 2).join(' ');
  const { code, stdout } = await run(['ssh-keygen', '-l', '-f', '-'], { input: `${key}\n` });
  const [, bits, fingerprint] = /^(\d+) (SHA256:[A-Za-z0-9+/]{43}) /.exec(stdout) ?? [];
  if (code !== 0 || bits === undefined || fingerprint === undefined)
    throw new ProductError(
      'invalid_request',
      'OpenSSH can’t read this public key.',
      'Copy the whole line of the .pub file, like ssh-ed25519 AAAA…',
    );
  if (key.startsWith('ssh-rsa ') && Number(bits) < 2048)
    throw new ProductError(
      'invalid_request',
      `An RSA key of ${bits} bits is too weak.`,
      'Use an Ed25519 key: ssh-keygen -t ed25519.',
    );
  return { key, fingerprint };
}
