import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type BootstrapConfig, ProductError, userDataLimitBytes } from '@claw-cloud/contracts';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { pinnedOpenClawVersion } from '../../agent/src/version.ts';
import sources from '../../sources.json' with { type: 'json' };
import { buildUserData } from './index.ts';

const key = (letter: string) => letter.repeat(43);
const config: BootstrapConfig = {
  v: 1,
  instanceId: 'ins_0123456789abcdefghijklmn',
  controlPlaneUrl: 'https://cloud.example',
  registrationToken: key('T'),
  agent: { sha256: 'a'.repeat(64), version: '0.1.0' },
  openclaw: { version: '2026.9.6' },
  owners: {
    devicePublicKey: key('D'),
    deviceName: 'Firefox on “Linux”: #1',
    recoveryPublicKey: key('R'),
    pairingSecret: key('P'),
  },
};

interface CloudConfig {
  ssh_pwauth: boolean;
  disable_root: boolean;
  write_files: { path: string; owner: string; permissions: string; content: string; encoding?: string }[];
  bootcmd: string[];
  runcmd: string[][];
}

const contentOf = ({ content, encoding }: CloudConfig['write_files'][number]): string =>
  encoding === 'gz+b64' ? gunzipSync(Buffer.from(content, 'base64')).toString() : content;

test('writes the configuration and the script, runs the script, and lets nobody in', () => {
  const text = buildUserData(config);
  expect(text.startsWith('#cloud-config\n')).toBe(true);
  // cloud-init reads YAML 1.1, where a bare 0600 is a number.
  const document = parse(text, { version: '1.1' }) as CloudConfig;
  const { write_files: files, bootcmd, ...rest } = document;
  expect(rest).toEqual({
    ssh_pwauth: false,
    disable_root: true,
    allow_public_ssh_keys: false,
    users: [{ name: 'root', lock_passwd: true }],
    runcmd: [['/bin/sh', '/opt/claw/bootstrap.sh']],
  });
  expect(bootcmd[0]).toContain('systemctl mask --now --no-block ssh.service ssh.socket');
  expect(files.map(({ path, owner, permissions }) => [path, owner, permissions])).toEqual([
    ['/etc/claw/bootstrap.json', 'root:root', '0600'],
    ['/etc/claw/sources.conf', 'root:root', '0644'],
    ['/etc/systemd/system/claw-bootstrap.service', 'root:root', '0644'],
    ['/etc/systemd/system/multi-user.target.d/claw.conf', 'root:root', '0644'],
    ['/opt/claw/bootstrap.sh', 'root:root', '0700'],
  ]);
  expect(JSON.parse(files[0]?.content ?? '')).toEqual(config);
});

test('carries the whole script without its comments, and the pins of the manifest', () => {
  const { write_files: files } = parse(buildUserData(config)) as CloudConfig;
  const carried = contentOf(files.at(-1)!).split('\n');
  const script = readFileSync(new URL('../bootstrap.sh', import.meta.url), 'utf8').split('\n');
  expect(carried[0]).toBe('#!/bin/sh');
  expect(carried).toEqual(script.filter((line, index) => index === 0 || !line.trimStart().startsWith('#')));
  const pins = contentOf(files[1]!);
  expect(pins).toContain(`node_version=${sources.node.version}\n`);
  const { integrity } = sources.node.packages.arm64;
  expect(pins).toContain(`node_arm64=${Buffer.from(integrity.slice(7), 'base64').toString('hex')}\n`);
});

test('the manifest pins the Node, npm and OpenClaw that this product is tested with', () => {
  const lock = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    packageManager: string;
  };
  for (const { name, integrity } of Object.values(sources.node.packages)) {
    expect(lock.packages[`node_modules/${name}`]).toMatchObject({ version: sources.node.version, integrity });
  }
  expect(manifest.packageManager).toBe(`npm@${sources.npm.version}`);
  expect(sources.openclaw.version).toBe(pinnedOpenClawVersion);
});

test('is the same text for the same machine, below the smallest limit with the longest of everything', () => {
  const text = buildUserData(config);
  expect(buildUserData(structuredClone(config))).toBe(text);
  const longest = buildUserData({
    ...config,
    controlPlaneUrl: `https://${'x'.repeat(280)}.example`,
    sources: { npm: `https://${'y'.repeat(280)}.example` },
    owners: { ...config.owners, deviceName: '\u{1F980}'.repeat(40) },
  });
  expect(Buffer.byteLength(longest)).toBeLessThan(userDataLimitBytes - 4096);
  expect(text.split('\n').slice(0, 20)).toMatchInlineSnapshot(`
    [
      "#cloud-config",
      "ssh_pwauth: false",
      "disable_root: true",
      "allow_public_ssh_keys: false",
      "users:",
      "  - name: root",
      "    lock_passwd: true",
      "bootcmd:",
      "  - cloud-init-per instance claw-no-ssh systemctl mask --now --no-block ssh.service ssh.socket",
      "  - "[ -s /opt/claw/bootstrap.sh ] || [ ! -e /var/lib/cloud/instance/sem/config_write_files ] || { cloud-init single --name write_files --frequency always && systemctl daemon-reload && systemctl start --no-block claw-bootstrap.service; }"",
      "write_files:",
      "  - path: /etc/claw/bootstrap.json",
      "    owner: root:root",
      "    permissions: "0600"",
      "    content: |",
      "      {",
      "       "v": 1,",
      "       "instanceId": "ins_0123456789abcdefghijklmn",",
      "       "controlPlaneUrl": "https://cloud.example",",
      "       "registrationToken": "TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT",",
    ]
  `);
});

test('keeps one field a line, so that no name can pass for another field', () => {
  const owners = { ...config.owners, deviceName: 'x"\n "registrationToken": "evil' };
  const [file] = (parse(buildUserData({ ...config, owners })) as CloudConfig).write_files;
  const lines = file?.content.split('\n').filter((line) => /^ *"registrationToken": *"/.test(line));
  expect(lines).toEqual([` "registrationToken": "${config.registrationToken}",`]);
});

test('says by how much it is too large', () => {
  const huge = { ...config, controlPlaneUrl: `https://cloud.example/${'x'.repeat(20_000)}` };
  // The contract's own limits keep such an address out; the clouds' limit is checked for what follows it.
  expect(() => buildUserData(huge)).toThrow();
  const long = { ...config, owners: { ...config.owners, deviceName: '\u{1F980}'.repeat(40) } };
  expect(Buffer.byteLength(buildUserData(long))).toBeLessThan(userDataLimitBytes);
  try {
    buildUserData(config, 1000);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ProductError);
    expect(error).toMatchObject({ code: 'user_data_too_large' });
    expect((error as ProductError).message).toMatch(/is \d{4,5} bytes; the clouds take at most 1000/);
  }
});
