import type { CloudParts } from './context.ts';
import { readServerOrder } from './create-server.ts';
import { makeServer } from './make-server.ts';
import type { ServerLife } from './server-life.ts';

/** What an owner does in the console: no request, no fault, no rate limit. */
export interface ByHand {
  /** Deletes a server and what goes with it; false when there is none. */
  deleteServer(id: number): Promise<boolean>;
  /** Lets inbound SSH from everywhere through a firewall; false when there is none. */
  openFirewall(id: number): boolean;
  /** Makes a server from the body of a `POST /servers`; throws the vendor's refusal. */
  addServer(projectName: string, body: Record<string, unknown>): Promise<number>;
}

/** The console of the pretend cloud. */
export function createByHand(parts: CloudParts, life: ServerLife): ByHand {
  const { store } = parts;
  return {
    async deleteServer(id) {
      for (const [projectName, project] of Object.entries(store.state.projects)) {
        const row = project.servers.find((candidate) => candidate.id === id);
        if (!row) continue;
        row.status = 'deleting';
        await life.remove(projectName, row);
        return true;
      }
      return false;
    },
    openFirewall(id) {
      const row = Object.values(store.state.projects)
        .flatMap((project) => project.firewalls)
        .find((candidate) => candidate.id === id);
      row?.rules.push({
        direction: 'in',
        protocol: 'tcp',
        port: '22',
        source_ips: ['0.0.0.0/0', '::/0'],
        destination_ips: [],
        description: null,
      });
      store.save();
      return row !== undefined;
    },
    async addServer(projectName, body) {
      const order = readServerOrder(parts, projectName, store.project(projectName), body);
      return (await makeServer(parts, life, projectName, order)).row.id;
    },
  };
}
