import { readFileSync } from 'node:fs';
import { type BootstrapConfig, ProductError, userDataLimitBytes } from '@claw-cloud/contracts';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
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
  write_files: { path: string; owner: string; permissions: string; content: string }[];
  runcmd: string[][];
}

test('writes the configuration and the script, runs the script, and lets nobody in', () => {
  const text = buildUserData(config);
  expect(text.startsWith('#cloud-config\n')).toBe(true);
  // cloud-init reads YAML 1.1, where a bare 0600 is a number.
  const document = parse(text, { version: '1.1' }) as CloudConfig;
  const { write_files: files, ...rest } = document;
  expect(rest).toEqual({
    ssh_pwauth: false,
    disable_root: true,
    runcmd: [['/bin/sh', '/opt/claw/bootstrap.sh']],
  });
  expect(files.map(({ path, owner, permissions }) => [path, owner, permissions])).toEqual([
    ['/etc/claw/bootstrap.json', 'root:root', '0600'],
    ['/opt/claw/bootstrap.sh', 'root:root', '0700'],
  ]);
  expect(JSON.parse(files[0]?.content ?? '')).toEqual(config);
  expect(files[1]?.content).toBe(readFileSync(new URL('../bootstrap.sh', import.meta.url), 'utf8'));
});

test('is the same text for the same machine, well below the smallest limit', () => {
  const text = buildUserData(config);
  expect(buildUserData(structuredClone(config))).toBe(text);
  expect(Buffer.byteLength(text)).toBeLessThan(userDataLimitBytes / 2);
  expect(text.split('\n').slice(0, 32)).toMatchInlineSnapshot(`
    [
      "#cloud-config",
      "ssh_pwauth: false",
      "disable_root: true",
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
      "       "agent": {",
      "        "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",",
      "        "version": "0.1.0"",
      "       },",
      "       "openclaw": {",
      "        "version": "2026.9.6"",
      "       },",
      "       "owners": {",
      "        "devicePublicKey": "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD",",
      "        "deviceName": "Firefox on “Linux”: #1",",
      "        "recoveryPublicKey": "RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR",",
      "        "pairingSecret": "PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPP"",
      "       }",
      "      }",
      "  - path: /opt/claw/bootstrap.sh",
      "    owner: root:root",
      "    permissions: "0700"",
      "    content: |",
      "      #!/bin/sh",
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
