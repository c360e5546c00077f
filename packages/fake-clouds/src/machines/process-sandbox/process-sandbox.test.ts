import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRecord } from './machine-record.ts';
import type { ProcessSandbox } from './process-sandbox.ts';
import { openProcessSandbox } from './process-sandbox.ts';
import { machineProcesses, processTable } from './processes.ts';

const WAIT = { timeout: 10_000, interval: 25 };
let home: string;
let sandbox: ProcessSandbox;

function options() {
  return {
    stateDir: join(home, 'state'),
    storeDir: join(home, 'store'),
    nodeBinDir: dirname(process.execPath),
    graceMs: 500,
    imageFiles: { '/etc/claw/model.json': '{"model":"m"}' },
  };
}

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'process-sandbox-'));
  sandbox = await openProcessSandbox(options());
});

afterEach(async () => {
  await sandbox.stopAll();
  await sandbox.close();
  await rm(home, { recursive: true, force: true });
});

const spec = (id: number, userData: string) => ({
  id,
  name: `server-${id}`,
  userData,
  serverType: 'cx23',
  image: 'debian-13',
  location: 'fsn1',
  publicIpv4: null,
});

const inRoot = (id: number, path: string) => join(sandbox.folder(id), 'root', path);

async function boot(id: number, userData: string) {
  await sandbox.create(spec(id, userData));
  await sandbox.powerOn(id);
}

/** The text of a file the machine writes, once it is there. */
async function written(id: number, path: string): Promise<string> {
  await expect.poll(() => existsSync(inRoot(id, path)), WAIT).toBe(true);
  await expect.poll(() => readFileSync(inRoot(id, path), 'utf8').endsWith('\n'), WAIT).toBe(true);
  return readFile(inRoot(id, path), 'utf8');
}

async function alive(pid: number): Promise<boolean> {
  return (await processTable()).some((entry) => entry.pid === pid);
}

async function identity(id: number) {
  const record = await readRecord(sandbox.folder(id));
  return { marker: record?.marker ?? '', root: inRoot(id, '').replace(/\/$/, '') };
}

/**
 * Leaves processes behind in every way a daemon may: in the background, in a session of its own, with an empty
 * environment, deaf to SIGTERM, and as a child that shares nothing with the machine but its parent.
 */
const ESCAPES = `#cloud-config
write_files:
  - path: /opt/x/run.sh
    content: |
      export PIDS="$HOME/pids"
      sh -c 'echo $$ >> $PIDS; exec sleep 900' &
      setsid sh -c 'echo $$ >> $PIDS; exec sleep 901' &
      (setsid env -i /bin/sh -c 'echo $$ >> '"$PIDS"'; exec sleep 902' &)
      setsid sh -c 'trap "" TERM; echo $$ >> $PIDS; sleep 903; sleep 904' &
      setsid sh -c 'cd /; setsid env -i /bin/sh -c "trap \\"\\" TERM; echo \\$\\$ >> $PIDS; sleep 905; sleep 906" & wait' &
      while [ "$(cat $PIDS | wc -l)" -lt 5 ]; do sleep 0.05; done
      echo up > "$HOME/up.new"; mv "$HOME/up.new" "$HOME/up"
runcmd:
  - [/bin/sh, /opt/x/run.sh]
`;

test('boots the user-data it was given, in its own root, with its own ports and the image files', async () => {
  await boot(
    1,
    `#cloud-config
users: []
write_files:
  - path: /opt/x/run.sh
    permissions: '0755'
    content: |
      #!/bin/sh
      echo "$CLAW_ROOT|$CLAW_STORE|$CLAW_PROCESS_SANDBOX|$CLAW_PORT_BASE|$HOME|$TMPDIR|$1|$(cat "$CLAW_ROOT/etc/claw/model.json")|\${SECRET:-none}" > "$HOME/out"
  - {path: ../../../etc/escape, content: x}
  - {path: /../../escape, content: x}
runcmd:
  - false
  - [/opt/x/run.sh, "it's"]
  - node --version > "$HOME/node" && cat /opt/x/run.sh > "$HOME/copy"
`,
  );
  const root = inRoot(1, '').replace(/\/$/, '');
  const [claw, store, flag, base, homeDir, tmp, argument, model, secret] = (await written(1, 'root/out'))
    .trim()
    .split('|');
  expect([claw, homeDir, tmp]).toEqual([root, `${root}/root`, `${root}/tmp`]);
  expect(store).toBe(join(home, 'store'));
  expect([flag, argument, model, secret]).toEqual(['1', "it's", '{"model":"m"}', 'none']);
  expect(Number(base)).toBeGreaterThanOrEqual(12_000);
  expect((await written(1, 'root/node')).trim()).toBe(process.version);
  expect(await written(1, 'root/copy')).toContain('#!/bin/sh');
  expect(existsSync(inRoot(1, 'escape'))).toBe(true);
  expect((await stat(join(sandbox.folder(1), 'user-data'))).mode & 0o777).toBe(0o600);
  await expect.poll(() => sandbox.console(1), WAIT).toContain('first boot finished, last exit code 0');
  expect(await sandbox.console(1)).toContain('ignored: users');
  expect(await sandbox.console(1)).toContain('no absolute path');
  expect((await sandbox.console(1, 10)).length).toBe(10);
});

test('destroy ends every process, however it got away, and takes the disk', async () => {
  await boot(1, ESCAPES);
  await written(1, 'root/up');
  const pids = (await readFile(inRoot(1, 'root/pids'), 'utf8')).trim().split('\n').map(Number);
  expect(pids).toHaveLength(5);
  for (const pid of pids) expect(await alive(pid)).toBe(true);
  expect(await sandbox.status(1)).toBe('running');
  const started = performance.now();
  await sandbox.destroy(1);
  expect(performance.now() - started).toBeLessThan(5_500);
  for (const pid of pids) expect(await alive(pid)).toBe(false);
  expect(await sandbox.status(1)).toBe('absent');
  expect(existsSync(sandbox.folder(1))).toBe(false);
  await sandbox.destroy(1);
});

test('machines do not share ports, and stopping one leaves the other', async () => {
  await boot(1, ESCAPES);
  await boot(2, ESCAPES);
  await Promise.all([written(1, 'root/up'), written(2, 'root/up')]);
  const [one, two] = await Promise.all([readRecord(sandbox.folder(1)), readRecord(sandbox.folder(2))]);
  expect(one?.portBase).not.toBe(two?.portBase);
  await sandbox.powerOff(1);
  expect(await sandbox.status(1)).toBe('off');
  expect(await machineProcesses(await identity(1))).toEqual([]);
  expect((await machineProcesses(await identity(2))).length).toBeGreaterThanOrEqual(6);
});

test('a later boot runs the boot hooks in order and not the user-data', async () => {
  await boot(
    1,
    `#cloud-config
write_files:
  - {path: /etc/claw/boot.d/20-b, permissions: '0755', content: "#!/bin/sh\\necho b >> $HOME/hooks\\necho end > $HOME/end\\n"}
  - {path: /etc/claw/boot.d/10-a, permissions: '0755', content: "#!/bin/sh\\necho a >> $HOME/hooks\\n"}
  - {path: /etc/claw/boot.d/15-off, content: "echo no >> $HOME/hooks\\n"}
runcmd:
  - echo first >> $HOME/hooks
`,
  );
  await expect.poll(() => sandbox.console(1), WAIT).toContain('first boot finished');
  await sandbox.reboot(1);
  await written(1, 'root/end');
  expect(await readFile(inRoot(1, 'root/hooks'), 'utf8')).toBe('first\na\nb\n');
  expect((await readRecord(sandbox.folder(1)))?.boots).toBe(2);
});

const INTERRUPTED = `#cloud-config
runcmd:
  - echo begun >> $HOME/begun; sleep 900
`;

test('a first boot cut off by the power plug is not run again', async () => {
  await boot(1, INTERRUPTED);
  await written(1, 'root/begun');
  await sandbox.powerOff(1, 'pull');
  await sandbox.powerOn(1);
  expect((await readRecord(sandbox.folder(1)))?.firstBoot).toBe('done');
});

test('a first boot cut off because the sandbox ended is run again', async () => {
  await boot(1, INTERRUPTED);
  await written(1, 'root/begun');
  await writeFile(inRoot(1, 'etc/claw/model.json'), 'of yesterday');
  await sandbox.stopAll();
  expect(await machineProcesses(await identity(1))).toEqual([]);
  await sandbox.close();
  sandbox = await openProcessSandbox(options());
  expect(await sandbox.status(1)).toBe('off');
  await sandbox.powerOn(1);
  await expect.poll(() => readFileSync(inRoot(1, 'root/begun'), 'utf8'), WAIT).toBe('begun\nbegun\n');
  expect(await readFile(inRoot(1, 'etc/claw/model.json'), 'utf8')).toBe('{"model":"m"}');
});

test('a new sandbox process finds the machines of the old one, and can end them', async () => {
  await boot(1, ESCAPES);
  await written(1, 'root/up');
  await sandbox.close();
  sandbox = await openProcessSandbox(options());
  expect(await sandbox.status(1)).toBe('running');
  await sandbox.powerOn(1);
  expect((await readRecord(sandbox.folder(1)))?.boots).toBe(1);
  await sandbox.destroy(1);
  expect((await readdir(join(home, 'state/servers'))).length).toBe(0);
});

test('leftovers of a machine whose first process was killed are ended at the next start', async () => {
  await boot(1, ESCAPES);
  await written(1, 'root/up');
  const record = await readRecord(sandbox.folder(1));
  process.kill(record?.init?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => sandbox.status(1), WAIT).toBe('off');
  await sandbox.close();
  sandbox = await openProcessSandbox(options());
  expect(await machineProcesses(await identity(1))).toEqual([]);
});

test('two live sandboxes cannot share a folder', async () => {
  const other = spawn(
    process.execPath,
    [
      '--input-type=module-typescript',
      '-e',
      `import { lockSandbox } from ${JSON.stringify(new URL('sandbox-lock.ts', import.meta.url).href)};
     await lockSandbox(${JSON.stringify(join(home, 'other'))}); console.log('locked'); setTimeout(() => {}, 30_000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(other.stdout, 'data');
  const second = () => openProcessSandbox({ ...options(), stateDir: join(home, 'other') });
  await expect(second()).rejects.toThrow(`in use by process ${other.pid}`);
  const ended = once(other, 'exit');
  other.kill('SIGKILL');
  await ended;
  await (await second()).close();
});

test('the serial log stays bounded while a machine floods it', async () => {
  await boot(1, '#cloud-config\nruncmd:\n  - sleep 900\n');
  await expect.poll(() => existsSync(join(sandbox.folder(1), 'serial.log')), WAIT).toBe(true);
  await appendFile(join(sandbox.folder(1), 'serial.log'), 'x'.repeat(6 * 1024 ** 2));
  const size = async () => (await stat(join(sandbox.folder(1), 'serial.log'))).size;
  await expect.poll(size, WAIT).toBeLessThanOrEqual(5 * 1024 ** 2);
});
