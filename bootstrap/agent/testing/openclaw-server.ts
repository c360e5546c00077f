import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createPaths, type Paths } from '../src/paths.ts';
import { runProgram } from '../src/root/run-program.ts';
import type { CommandResult } from '../src/root/verb.ts';
import { useVersion } from '../src/root/verbs/openclaw.ts';
import { updateFolders } from '../src/updates/records.ts';
import type { UpdateTools } from '../src/updates/tools.ts';

/** How a made-up version of OpenClaw behaves. */
export interface MadeUpVersion {
  /** Of its databases: it migrates older ones by itself and refuses newer ones. */
  schema: number;
  /** From its start to healthy. @default 10000 */
  startMs?: number;
  /** In the try-out beside the former one, and in earnest. @default healthy */
  tryOut?: 'healthy' | 'hangs' | 'ends';
  earnest?: 'healthy' | 'hangs' | 'ends';
  /** Starts only after its doctor has been over the state. */
  needsDoctor?: boolean;
  doctor?: 'works' | 'fails';
  /** Can't even say its version. */
  mute?: boolean;
}

export interface OpenClawServer {
  paths: Paths;
  versions: Record<string, MadeUpVersion>;
  /** What root's verbs work with, in a process of root's that lives until `cutAt` calls were made. */
  tools(options?: { cutAt?: number; freeMemoryMb?: number }): UpdateTools;
  calls(): number;
  /** The machine loses its power, and boots: systemd starts what is in use, before anybody recovers anything. */
  powerCut(): void;
  /** The version that serves, or null. */
  serving(): string | null;
  install(version: string): void;
  chat(words: string): void;
  chats(): string;
  kept(): string[];
  commands: string[];
  /** Milliseconds nothing served, by the server's own clock. */
  downMs(): number;
  failing: Set<string>;
  remove(): void;
}

/**
 * A server as root's verbs see it: a real folder with states and versions, a made-up systemd and OpenClaw, and a clock that only
 * waiting moves; for tests.
 */
export function createOpenClawServer(
  versions: Record<string, MadeUpVersion>,
  current: string,
): OpenClawServer {
  const root = mkdtempSync(join(tmpdir(), 'claw-openclaw-'));
  const paths = createPaths(root, null, { service: true });
  const folders = updateFolders(paths);
  let clock = 1_795_630_000_000;
  let calls = 0;
  let ids = 0;
  let gateway: { version: string; healthyAt: number } | null = null;
  let trial: { version: string; healthyAt: number } | null = null;
  let active = false;
  let restarts = 0;
  let stoppedAt: number | null = null;
  let down = 0;
  const commands: string[] = [];
  const failing = new Set<string>();
  const done = (stdout = '', code = 0): CommandResult => ({
    code,
    stdout,
    stderr: code === 0 ? '' : 'it failed',
  });

  const schemaOf = (state: string): number => Number(readFileSync(join(state, 'state/schema'), 'utf8'));
  const inUse = (): string =>
    readlinkSync(paths.openclawCurrent).replace(/^.*openclaw-([^/]+)\/lib.*$/, '$1');

  /** A start of a version with a state: when it will be healthy, or null where it ends again. */
  function start(version: string, state: string, where: 'tryOut' | 'earnest'): number | null {
    const { schema, startMs = 10_000, needsDoctor, ...made } = versions[version] ?? { schema: 0 };
    if (!existsSync(join(state, 'state/schema')) || schemaOf(state) > schema) return null;
    if (needsDoctor && !existsSync(join(state, 'doctored'))) return null;
    const how = made[where] ?? 'healthy';
    if (how === 'ends') return null;
    writeFileSync(join(state, 'state/schema'), String(schema));
    return how === 'hangs' ? Number.POSITIVE_INFINITY : clock + startMs;
  }

  function startUnit(): void {
    if (active) return;
    active = true;
    const healthyAt = start(inUse(), folders.live, 'earnest');
    restarts = healthyAt === null ? 3 : 0;
    gateway = healthyAt === null ? null : { version: inUse(), healthyAt };
  }
  function stopUnit(): void {
    if (gateway && clock >= gateway.healthyAt) stoppedAt ??= clock;
    active = false;
    gateway = null;
  }

  function systemctl(args: readonly string[]): CommandResult {
    const unit = args.find((arg) => arg.endsWith('.service')) ?? '';
    if (unit.startsWith('claw-openclaw-try')) {
      if (args[0] === 'stop') trial = null;
      return done(trial ? 'active' : 'inactive');
    }
    if (args[0] === 'start') startUnit();
    if (args[0] === 'stop') stopUnit();
    if (args[0] !== 'show') return done();
    const wanted = /--property=(\w+)/.exec(args.join(' '))?.[1];
    if (wanted === 'ActiveState') return done(active ? (gateway ? 'active' : 'activating') : 'inactive');
    return done(wanted === 'NRestarts' ? String(restarts) : '1');
  }

  function systemdRun(argv: readonly string[]): CommandResult {
    const text = argv.join(' ');
    const version = /openclaw-([^/ ]+)\/lib/.exec(text)?.[1] ?? '';
    const state = /BindPaths=([^:]+):/.exec(text)?.[1] ?? folders.live;
    // Archives of this OpenClaw are one line of JSON; like the real one's they hold the state under its own path.
    const archive = /--output (\S+)/.exec(text)?.[1];
    if (archive) {
      const whole = ['schema', 'chats'].map((name) => [
        name,
        readFileSync(join(folders.live, 'state', name), 'utf8'),
      ]);
      writeFileSync(archive, JSON.stringify(Object.fromEntries(whole)), { flag: 'wx' });
      return done();
    }
    const restore = /restore (\S+) --target (\S+)/.exec(text);
    if (restore) {
      const target = join(restore[2] ?? '', 'made-up-backup/payload/posix', folders.live, 'state');
      const whole = Object.entries(
        JSON.parse(readFileSync(restore[1] ?? '', 'utf8')) as Record<string, string>,
      );
      mkdirSync(target, { recursive: true });
      for (const [name, content] of whole) writeFileSync(join(target, name), content);
      return done(JSON.stringify({ ok: true, archiveRoot: 'made-up-backup' }));
    }
    if (text.includes(' doctor ')) {
      if (versions[version]?.doctor === 'fails') return done('', 1);
      writeFileSync(join(state, 'doctored'), '');
      return done();
    }
    const healthyAt = start(version, state, 'tryOut');
    trial = healthyAt === null ? null : { version, healthyAt };
    return done();
  }

  function tools({ cutAt = Number.POSITIVE_INFINITY, freeMemoryMb = 4000 } = {}): UpdateTools {
    let mine = 0;
    const live = (): void => {
      calls += 1;
      mine += 1;
      if (mine > cutAt) throw new Error('the power is gone');
    };
    const run: UpdateTools['run'] = async (argv, options = {}) => {
      live();
      const text = argv.map((arg) => basename(arg)).join(' ');
      commands.push(text);
      if ([...failing].some((part) => text.includes(part))) return done('', 1);
      if (argv[0] === 'systemctl') return systemctl(argv.slice(1));
      if (argv[0] === 'systemd-run') return systemdRun(argv);
      if (argv[0] === 'sync') return done();
      if (argv[0] === 'du') return done('4096');
      // These two are called too often for a process each.
      const below = argv.filter((arg) => arg.startsWith(root));
      if (argv[0] === 'rm') for (const path of below) rmSync(path, { recursive: true, force: true });
      if (argv[0] === 'mkdir') for (const path of below) mkdirSync(path, { recursive: true });
      if (argv[0] === 'rm' || argv[0] === 'mkdir') return done();
      if (argv[0] === process.execPath) {
        const version = /openclaw-([^/]+)\/lib/.exec(argv.join(' '))?.[1] ?? '';
        return versions[version]?.mute ? done('', 1) : done(`OpenClaw ${version} (made up)`);
      }
      const { user: _, ...asRoot } = options;
      return runProgram(argv, asRoot, new AbortController().signal);
    };
    return {
      paths,
      folders,
      log: () => undefined,
      run,
      async must(argv, options) {
        const { code, stdout, stderr } = await run(argv, options);
        if (code !== 0) throw new Error(`${argv[0]} ended with ${code}: ${stderr}`);
        return stdout;
      },
      progress: live,
      signal: new AbortController().signal,
      now() {
        if (mine > cutAt) throw new Error('the power is gone');
        return new Date(clock);
      },
      port: 1,
      tryOutPort: 2,
      async probe(port) {
        if (mine > cutAt) throw new Error('the power is gone');
        const asked = port === 1 ? gateway : trial;
        if (!asked || clock < asked.healthyAt) throw new Error('connection refused');
        if (port === 1 && stoppedAt !== null) {
          down += clock - stoppedAt;
          stoppedAt = null;
        }
        return asked.version;
      },
      async install(version) {
        live();
        if (failing.has('install')) throw new Error('the registry is away');
        server.install(version);
      },
      availableMemoryMb: () => freeMemoryMb,
      async pause(ms) {
        clock += ms;
      },
      elapsed: () => clock,
      newId() {
        ids += 1;
        return `i${ids}`;
      },
    };
  }

  const server: OpenClawServer = {
    paths,
    versions,
    tools,
    commands,
    failing,
    calls: () => calls,
    powerCut() {
      active = false;
      gateway = null;
      trial = null;
      clock += 30_000;
      // As systemd's StateDirectory= does.
      mkdirSync(folders.live, { recursive: true });
      startUnit();
      clock += 15_000;
    },
    serving: () => (gateway && clock >= gateway.healthyAt ? gateway.version : null),
    install(version) {
      const folder = join(paths.store, `openclaw-${version}/lib/node_modules/openclaw`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ version }));
    },
    chat: (words) => writeFileSync(join(folders.live, 'state/chats'), words, { flag: 'a' }),
    chats: () => readFileSync(join(folders.live, 'state/chats'), 'utf8'),
    kept: () => (existsSync(folders.kept) ? readdirSync(folders.kept).sort() : []),
    downMs: () => down,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  for (const folder of [join(folders.live, 'state/cache'), paths.rootState, dirname(paths.openclawCurrent)])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(folders.live, 'openclaw.json'), '{}');
  writeFileSync(join(folders.live, 'state/schema'), String(versions[current]?.schema));
  server.install(current);
  useVersion(paths, current);
  startUnit();
  clock += 60_000;
  return server;
}
