import { setTimeout as delay } from 'node:timers/promises';
import type { CloudParts } from './context.ts';
import { stamp } from './context.ts';
import type { ServerRow } from './state.ts';

const MAX_BOOT_DELAY_MS = 3_600_000;

export interface ServerLife {
  /** Switches the machine on as the row's boot behaviour says; a slow boot goes on after this returned. */
  powerOn(row: ServerRow): Promise<void>;
  powerOff(row: ServerRow, how: 'shutdown' | 'pull'): Promise<void>;
  reboot(row: ServerRow, how: 'shutdown' | 'pull'): Promise<void>;
  /** Ends the machine, then takes the server, its own addresses and its place in firewalls out of the project. */
  remove(projectName: string, row: ServerRow): Promise<void>;
  /** Brings machines and rows together again after a restart of this process. */
  recover(): Promise<void>;
  close(): void;
}

/** What happens to a server's machine and row between the API's answers. */
export function createServerLife(parts: CloudParts, log: (line: string) => void): ServerLife {
  const { store, machines } = parts;
  const lateBoots = new Map<number, AbortController>();

  function cancelLateBoot(id: number) {
    lateBoots.get(id)?.abort();
    lateBoots.delete(id);
  }

  function bootLate(row: ServerRow) {
    const waiting = new AbortController();
    lateBoots.set(row.id, waiting);
    delay(Math.min(row.boot.delayMs, MAX_BOOT_DELAY_MS), undefined, { signal: waiting.signal, ref: false })
      .then(() => machines.powerOn(row.id))
      .catch((error: unknown) => {
        if (!waiting.signal.aborted) log(`late boot of server ${row.id} failed: ${String(error)}`);
      });
  }

  const life: ServerLife = {
    async powerOn(row) {
      row.status = 'running';
      if (row.boot.kind === 'never') return;
      if (row.boot.kind === 'slow') bootLate(row);
      else await machines.powerOn(row.id);
    },
    async powerOff(row, how) {
      cancelLateBoot(row.id);
      await machines.powerOff(row.id, how);
      row.status = 'off';
    },
    async reboot(row, how) {
      cancelLateBoot(row.id);
      if (row.boot.kind === 'never') return;
      await machines.reboot(row.id, how);
      row.status = 'running';
    },
    async remove(projectName, row) {
      cancelLateBoot(row.id);
      await machines.destroy(row.id);
      const project = store.project(projectName);
      project.servers = project.servers.filter((candidate) => candidate.id !== row.id);
      project.primaryIps = project.primaryIps.filter((ip) => ip.assigneeId !== row.id || !ip.autoDelete);
      for (const ip of project.primaryIps) if (ip.assigneeId === row.id) ip.assigneeId = null;
      store.record({
        at: parts.now().toISOString(),
        event: 'deleted',
        project: projectName,
        serverId: row.id,
        name: row.name,
        labels: row.labels,
      });
      store.save();
    },
    async recover() {
      for (const [projectName, project] of Object.entries(store.state.projects)) {
        for (const row of [...project.servers]) {
          if (row.status === 'deleting') await life.remove(projectName, row);
          else if (row.status === 'stopping') await life.powerOff(row, 'pull');
          else if (row.status !== 'off' && (await machines.status(row.id)) === 'absent') row.status = 'off';
          else if (row.status !== 'off' && (await machines.status(row.id)) === 'off') await life.powerOn(row);
        }
        for (const action of project.actions) {
          if (action.status !== 'running') continue;
          Object.assign(action, { status: 'success', progress: 100, finished: stamp(parts.now()) });
        }
      }
      store.save();
    },
    close() {
      for (const id of [...lateBoots.keys()]) cancelLateBoot(id);
    },
  };
  return life;
}
