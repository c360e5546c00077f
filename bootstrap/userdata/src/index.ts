import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { BootstrapConfig, ProductError, userDataLimitBytes } from '@claw-cloud/contracts';
import { stringify } from 'yaml';
import sources from '../../sources.json' with { type: 'json' };

const script = readFileSync(new URL('../bootstrap.sh', import.meta.url), 'utf8');

/** What bootstrap.sh does without: lines that only say why. */
const lean = (text: string): string =>
  text
    .split('\n')
    .filter((line, index) => index === 0 || !/^\s*#/.test(line))
    .join('\n');

/** npm's own form of a digest as sha512sum has it. */
const hex = (integrity: string): string =>
  Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');

/** Node and npm as bootstrap.sh fetches them: a file of shell variables. */
const pins = `node_version=${sources.node.version}
node_x64=${hex(sources.node.packages.x64.integrity)}
node_arm64=${hex(sources.node.packages.arm64.integrity)}
npm_version=${sources.npm.version}
npm_sha512=${hex(sources.npm.integrity)}
`;

/** Runs bootstrap.sh until it is done: at its first start by cloud-init, at every later boot by itself. */
const unit = `[Unit]
Description=First boot of this server
Wants=network-online.target
After=network-online.target
ConditionPathExists=!/etc/claw/bootstrap.done
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh /opt/claw/bootstrap.sh run
Restart=on-failure
RestartSec=15
RestartPreventExitStatus=78
TimeoutStartSec=1h
StandardOutput=journal+console
`;

/** Enables the unit with no link to make: a cut between cloud-init's files and its commands leaves it enabled. */
const wants = '[Unit]\nWants=claw-bootstrap.service\n';

const packed = (text: string) => ({
  encoding: 'gz+b64',
  content: gzipSync(text, { level: 9 }).toString('base64'),
});

/**
 * The cloud-init user-data of an instance: its bootstrap configuration (0600), the script that starts it
 * (0700), the unit that runs it until it is done; no SSH key, no password, no user, no root login. Holds
 * secrets: treat it as one. Raises `user_data_too_large` above `limitBytes`, by default the smallest limit
 * of the clouds.
 */
export function buildUserData(config: BootstrapConfig, limitBytes: number = userDataLimitBytes): string {
  const parsed = BootstrapConfig.parse(config);
  const file = (path: string, permissions: string) => ({ path, owner: 'root:root', permissions });
  const document = {
    ssh_pwauth: false,
    disable_root: true,
    // Keys that the account puts on every server are not for this one.
    allow_public_ssh_keys: false,
    // Instead of the image's own user with its sudo; an empty list is no list to older releases of cloud-init.
    users: [{ name: 'root', lock_passwd: true }],
    bootcmd: [
      // Before sshd's first start. Once: a server given back to its owner has one again.
      'cloud-init-per instance claw-no-ssh systemctl mask --now --no-block ssh.service ssh.socket',
      // cloud-init writes files once, and counts a write that a power cut ended as done.
      '[ -s /opt/claw/bootstrap.sh ] || [ ! -e /var/lib/cloud/instance/sem/config_write_files ] || { cloud-init single --name write_files --frequency always && systemctl daemon-reload && systemctl start --no-block claw-bootstrap.service; }',
    ],
    write_files: [
      {
        ...file('/etc/claw/bootstrap.json', '0600'),
        // One field a line: bootstrap.sh reads it before there is a JSON parser.
        content: `${JSON.stringify(parsed, null, 1)}\n`,
      },
      { ...file('/etc/claw/sources.conf', '0644'), ...packed(pins) },
      { ...file('/etc/systemd/system/claw-bootstrap.service', '0644'), ...packed(unit) },
      { ...file('/etc/systemd/system/multi-user.target.d/claw.conf', '0644'), content: wants },
      // Last: where it is, everything before it is.
      { ...file('/opt/claw/bootstrap.sh', '0700'), ...packed(lean(script)) },
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
