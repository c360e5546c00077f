import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createOpenClawServer,
  type MadeUpVersion,
  type OpenClawServer,
} from '../../testing/openclaw-server.ts';
import { readJournal, readRecord, updateFolders, writeJournal } from './records.ts';
import { recover } from './recover.ts';
import { healthLimitOf, rollBackOpenClaw, updateOpenClaw } from './update.ts';

const former = '2026.9.5';
const newer = '2026.9.6';
const next = { version: newer, integrity: null };

let server: OpenClawServer;
afterEach(() => server.remove());

function serve(made: Partial<MadeUpVersion> = {}): OpenClawServer {
  server = createOpenClawServer({ [former]: { schema: 17 }, [newer]: { schema: 18, ...made } }, former);
  server.chat('hello;');
  return server;
}
const record = () => readRecord(updateFolders(server.paths));
const journal = () => readJournal(updateFolders(server.paths));

describe('an update', () => {
  it('tries the new version out beside the old, then takes its state over', async () => {
    serve();
    const ending = await updateOpenClaw(server.tools(), next);
    expect(ending).toMatchObject({ outcome: 'succeeded', from: former, to: newer, failedStep: null });
    expect(server.serving()).toBe(newer);
    expect(server.chats()).toBe('hello;');
    expect(journal()).toBeNull();
    // The former state is set aside whole, and nothing else is left.
    expect(server.kept()).toEqual([record().kept?.folder]);
    expect(record().kept?.version).toBe(former);
    const stop = server.commands.findIndex((text) => text.startsWith('systemctl stop --no-block'));
    const trial = server.commands.findIndex((text) => text.startsWith('systemd-run'));
    expect(trial).toBeGreaterThan(0);
    expect(trial).toBeLessThan(stop);
    expect(ending.downSeconds).toBeCloseTo(server.downMs() / 1000, 0);
    expect(server.commands.filter((text) => text.includes('doctor'))).toEqual([]);
  });

  it('lets OpenClaw’s doctor migrate where the new version would not start otherwise', async () => {
    serve({ needsDoctor: true });
    expect(await updateOpenClaw(server.tools(), next)).toMatchObject({ outcome: 'succeeded' });
    expect(server.serving()).toBe(newer);
    expect(server.commands.filter((text) => text.includes('doctor'))).toHaveLength(2);
  });

  it('stops nothing for a version that can be seen broken before', async () => {
    const broken: [Partial<MadeUpVersion>, string][] = [
      [{ tryOut: 'ends', earnest: 'ends' }, 'start'],
      [{ tryOut: 'hangs', earnest: 'hangs' }, 'health'],
      [{ mute: true }, 'start'],
      [{ needsDoctor: true, doctor: 'fails' }, 'migrate'],
      // A downgrade.
      [{ schema: 16 }, 'start'],
    ];
    for (const [made, failedStep] of broken) {
      server?.remove();
      serve(made);
      const failed = updateOpenClaw(server.tools(), next);
      await expect(failed).rejects.toMatchObject({ code: 'update_failed' });
      await expect(failed).rejects.toThrow(`OpenClaw ${former} serves`);
      expect(server.serving(), failedStep).toBe(former);
      expect(server.commands.join()).not.toContain('stop --no-block');
      expect(record().last).toMatchObject({ outcome: 'failed', failedStep, downSeconds: 0 });
      expect(server.kept()).toEqual([]);
      expect(journal()).toBeNull();
    }
  });

  it('goes back within a minute where it is broken in earnest only', async () => {
    for (const [earnest, failedStep] of [
      ['hangs', 'health'],
      ['ends', 'start'],
    ] as const) {
      server?.remove();
      serve({ earnest, startMs: 15_000 });
      await expect(updateOpenClaw(server.tools(), next)).rejects.toMatchObject({ code: 'update_failed' });
      expect(server.serving()).toBe(former);
      expect(server.chats()).toBe('hello;');
      expect(record().last).toMatchObject({ outcome: 'failed', failedStep });
      expect(record().last?.downSeconds).toBeCloseTo(server.downMs() / 1000, 0);
      expect(server.downMs()).toBeGreaterThan(1000);
      expect(server.downMs()).toBeLessThan(60_000);
      expect(record().kept).toBeNull();
      expect(server.kept()).toEqual([]);
    }
  });

  it.each([
    ['install', 'install', 0],
    ['backup create', 'backup', 0],
    ['systemctl start --no-block openclaw-gateway.service', 'start', 1],
  ])('survives a failing %s', async (command, failedStep, down) => {
    serve();
    server.failing.add(command);
    const updating = updateOpenClaw(server.tools(), next);
    if (down > 0) {
      // Neither starts for as long as this fails; systemd is asked again by whoever recovers.
      await expect(updating).rejects.toThrow();
      server.failing.clear();
      await recover(server.tools());
    } else await expect(updating).rejects.toMatchObject({ code: 'update_failed' });
    expect(server.serving()).toBe(former);
    expect(server.chats()).toBe('hello;');
    if (down === 0) expect(record().last).toMatchObject({ failedStep });
  });

  it('knows what it can’t do', async () => {
    serve();
    await expect(updateOpenClaw(server.tools(), { version: former, integrity: null })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(rollBackOpenClaw(server.tools())).rejects.toMatchObject({ code: 'not_found' });
    expect(record().last).toBeNull();
  });

  it('leaves the try-out out where there is no memory for two', async () => {
    serve({ tryOut: 'ends' });
    await updateOpenClaw(server.tools({ freeMemoryMb: 300 }), next);
    expect(server.serving()).toBe(newer);
    expect(server.commands.join()).not.toContain('systemd-run');
  });

  it('waits longer where the try-out took longer', () => {
    expect(healthLimitOf({ startMs: 1000 })).toBe(12_000);
    expect(healthLimitOf({ startMs: 15_000 })).toBe(30_000);
    expect(healthLimitOf({ startMs: 60_000 })).toBe(120_000);
    expect(healthLimitOf({ startMs: 500_000 })).toBe(240_000);
    expect(healthLimitOf({ startMs: null })).toBe(120_000);
  });
});

describe('going back', () => {
  it('brings the version and chats from before, and sets the newer ones aside for a way forward', async () => {
    serve();
    await updateOpenClaw(server.tools(), next);
    server.chat('after;');
    expect(await rollBackOpenClaw(server.tools())).toMatchObject({ outcome: 'rolled_back', to: former });
    expect(server.serving()).toBe(former);
    expect(server.chats()).toBe('hello;');
    expect(record().kept?.version).toBe(newer);
    expect(server.kept()).toHaveLength(1);
    await rollBackOpenClaw(server.tools());
    expect(server.serving()).toBe(newer);
    expect(server.chats()).toBe('hello;after;');
  });

  it('stays where it is when the former version starts no more, and may be tried again', async () => {
    serve();
    await updateOpenClaw(server.tools(), next);
    server.chat('after;');
    server.versions[former] = { schema: 17, earnest: 'ends' };
    await expect(rollBackOpenClaw(server.tools())).rejects.toMatchObject({ code: 'update_failed' });
    expect(server.serving()).toBe(newer);
    expect(server.chats()).toBe('hello;after;');
    server.versions[former] = { schema: 17 };
    await rollBackOpenClaw(server.tools());
    expect(server.serving()).toBe(former);
    expect(server.chats()).toBe('hello;');
  });

  it('is possible until the next update, which keeps two versions at most', async () => {
    serve();
    await updateOpenClaw(server.tools(), next);
    server.versions['2026.9.7'] = { schema: 18 };
    await updateOpenClaw(server.tools(), { version: '2026.9.7', integrity: null });
    expect(record().kept?.version).toBe(newer);
    expect(server.kept()).toEqual([record().kept?.folder]);
    server.versions[former] = { schema: 17 };
    await rollBackOpenClaw(server.tools());
    expect(server.serving()).toBe(newer);
  });
});

describe('a power cut', () => {
  /** Runs `change` on a new server once for each call that root makes to the machine, cut right before it. */
  async function atEveryPoint(
    make: () => Promise<(server: OpenClawServer, cutAt?: number) => Promise<unknown>>,
    check: (cutAt: number) => void,
  ): Promise<number> {
    const whole = await make();
    const before = server.calls();
    await whole(server).catch(() => undefined);
    const points = server.calls() - before;
    for (let cutAt = 0; cutAt < points; cutAt += 1) {
      server.remove();
      const change = await make();
      await change(server, cutAt).catch(() => undefined);
      server.powerCut();
      // And once more in the middle of recovering.
      await recover(server.tools({ cutAt: cutAt % 9 })).catch(() => undefined);
      server.powerCut();
      await recover(server.tools());
      check(cutAt);
    }
    return points;
  }

  const consistent = (versions: string[], chats: Record<string, string>, cutAt: number) => {
    const version = server.serving();
    const at = `cut before call ${cutAt}`;
    expect(versions, at).toContain(version);
    expect(server.chats(), at).toBe(chats[version ?? '']);
    expect(journal(), at).toBeNull();
    const { kept } = record();
    expect(server.kept(), at).toEqual(kept ? [kept.folder] : []);
  };

  it.each([
    ['a good version', {}],
    ['one to be migrated', { needsDoctor: true }],
    ['one broken in earnest', { earnest: 'hangs' as const }],
  ])(
    'at any point of an update to %s ends with one of the two serving, chats intact',
    async (_, made) => {
      const points = await atEveryPoint(
        async () => {
          serve({ startMs: 1000, ...made });
          return (machine, cutAt) =>
            updateOpenClaw(machine.tools(cutAt === undefined ? {} : { cutAt }), next);
        },
        (cutAt) => consistent([former, newer], { [former]: 'hello;', [newer]: 'hello;' }, cutAt),
      );
      expect(points).toBeGreaterThan(25);
    },
    120_000,
  );

  it('at any point of going back ends with one of the two serving, each with its own chats', async () => {
    const points = await atEveryPoint(
      async () => {
        serve({ startMs: 1000 });
        await updateOpenClaw(server.tools(), next);
        server.chat('after;');
        return (machine, cutAt) => rollBackOpenClaw(machine.tools(cutAt === undefined ? {} : { cutAt }));
      },
      (cutAt) => consistent([former, newer], { [former]: 'hello;', [newer]: 'hello;after;' }, cutAt),
    );
    expect(points).toBeGreaterThan(10);
  }, 240_000);

  it('between setting the state aside and putting the next in its place costs nothing', async () => {
    serve({ earnest: 'hangs' });
    const folders = updateFolders(server.paths);
    await updateOpenClaw(server.tools({ cutAt: 12 }), next).catch(() => undefined);
    const change = readJournal(folders);
    expect(change?.phase).toBe('before');
    if (change) writeJournal(folders, { ...change, phase: 'down', step: 'migrate' });
    renameSync(folders.live, join(folders.kept, change?.aside ?? ''));
    server.powerCut();
    expect(server.serving()).toBeNull();
    expect(await recover(server.tools())).toMatchObject({ outcome: 'failed', failedStep: 'power_cut' });
    consistent([former], { [former]: 'hello;' }, 0);
  });
});
