import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ejectScript, ejectUnitText } from './eject-script.ts';

test('the script is one that a shell can read', () => {
  execFileSync('sh', ['-n'], { input: ejectScript });
});

test('the owner’s way in is open and tried before anything of ours goes', () => {
  const order = [
    'authorized_keys',
    'systemctl restart ssh.service',
    "grep -q '^SSH-2.0-'",
    'rm -rf /opt/claw/agent',
  ];
  const places = order.map((text) => ejectScript.indexOf(text));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places).not.toContain(-1);
});

test('goes on after a failure and at the next boot, until it has ended', () => {
  const unit = ejectUnitText('/var/lib/claw-eject');
  expect(unit).toMatch(/^Restart=on-failure$/m);
  expect(unit).toMatch(/^WantedBy=multi-user.target$/m);
  expect(ejectScript.trim().split('\n').at(-1)).toBe('systemctl daemon-reload');
});
