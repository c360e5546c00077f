import { readFileSync } from 'node:fs';
import { BootstrapConfig, ProductError, userDataLimitBytes } from '@claw-cloud/contracts';
import { stringify } from 'yaml';

const script = readFileSync(new URL('../bootstrap.sh', import.meta.url), 'utf8');

/**
 * The cloud-init user-data of an instance: its bootstrap configuration (0600), the script that starts it
 * (0700) and the command that runs it; no SSH key, no password, no root login. Holds secrets: treat it as
 * one. Raises `user_data_too_large` above `limitBytes`, by default the smallest limit of the clouds.
 */
export function buildUserData(config: BootstrapConfig, limitBytes: number = userDataLimitBytes): string {
  const parsed = BootstrapConfig.parse(config);
  const document = {
    ssh_pwauth: false,
    disable_root: true,
    write_files: [
      {
        path: '/etc/claw/bootstrap.json',
        owner: 'root:root',
        permissions: '0600',
        // One field a line: bootstrap.sh reads it before there is a JSON parser.
        content: `${JSON.stringify(parsed, null, 1)}\n`,
      },
      { path: '/opt/claw/bootstrap.sh', owner: 'root:root', permissions: '0700', content: script },
    ],
    runcmd: [['/bin/sh', '/opt/claw/bootstrap.sh']],
  };
  // lineWidth 0: folding would change the script.
  const text = `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
  const size = Buffer.byteLength(text);
  if (size > limitBytes) {
    throw new ProductError(
      'user_data_too_large',
      `The start-up data of this server is ${size} bytes; the clouds take at most ${limitBytes}.`,
      'Use a shorter control plane address or device name, and deploy again.',
    );
  }
  return text;
}
