import type { MiddlewareHandler } from 'hono';
import type { FakeCloud, FakeCloudOptions, FakeResource, SeenRequest } from '../cloud.ts';
import { countServers } from '../control/history.ts';
import { listen } from '../listen.ts';
import type { MachineDriver, MachineSpec } from '../machines/driver.ts';
import { createHetznerCloud } from './cloud.ts';
import type { CloudEnv } from './context.ts';

const maxSeen = 20_000;
const tagLabel = 'claw-cloud';
const defaultAccount = 'account';

/** Remembers what user-data each machine was made with. */
function rememberingSpecs(machines: MachineDriver) {
  const specs = new Map<number, MachineSpec>();
  const driver: MachineDriver = {
    ...machines,
    async create(spec) {
      specs.set(spec.id, spec);
      await machines.create(spec);
    },
  };
  return { specs, driver };
}

/** The pretend Hetzner Cloud on a loopback port, as tests of all clouds see it. */
export async function startFakeCloud(options: FakeCloudOptions): Promise<FakeCloud> {
  const seen: SeenRequest[] = [];
  const watch: MiddlewareHandler<CloudEnv> = async (c, next) => {
    const body = c.req.method === 'GET' ? '' : await c.req.raw.clone().text();
    await next();
    const url = new URL(c.req.url);
    seen.push({
      method: c.req.method,
      path: url.pathname.replace(/^\/v1/, ''),
      query: url.search,
      status: c.res.status,
      body,
      userAgent: c.req.header('user-agent') ?? '',
      credential: c.get('tokenMark') ?? '',
    });
    if (seen.length > maxSeen) seen.splice(0, seen.length - maxSeen);
  };
  const { specs, driver } = rememberingSpecs(options.machines);
  const servers = options.serverLimit ?? 20;
  const cloud = createHetznerCloud({
    machines: driver,
    actionMs: options.actionMs ?? 30,
    limits: { servers, primaryIps: servers, requestsPerHour: options.requestsPerHour ?? 100_000 },
    validate: watch,
    ...(options.faults ? { faults: options.faults } : {}),
  });
  const web = await listen(cloud.app.fetch, 0);

  const plain = (
    kind: string,
    row: { id: number; name: string; labels: Record<string, string> },
  ): FakeResource => ({ kind, id: String(row.id), name: row.name, tag: row.labels[tagLabel] ?? null });
  const powers = { running: 'running', off: 'stopped' } as const;

  return {
    id: 'hetzner',
    endpoint: `${web.origin}/v1`,
    faults: cloud.faults,
    newCredential: (wish = {}) => ({
      token: cloud.issueToken({
        project: wish.account ?? defaultAccount,
        powers: wish.powers === 'read' ? 'read' : 'read_write',
      }),
    }),
    revoke: ({ token = '' }) => cloud.revokeToken(token),
    resources: async () =>
      Object.values(cloud.projects()).flatMap((project) => [
        ...project.servers.map((row) => plain('server', row)),
        ...project.firewalls.map((row) => ({
          ...plain('firewall', row),
          inboundRules: row.rules.filter(({ direction }) => direction === 'in').length,
        })),
        ...project.primaryIps.map((row) => plain('primary_ip', row)),
      ]),
    servers: async () =>
      cloud.servers().map((row) => ({
        ...plain('server', row),
        kind: 'server' as const,
        power: powers[row.status as keyof typeof powers] ?? 'changing',
        size: row.serverType,
        region: row.location,
        image: specs.get(row.id)?.image ?? '',
        userData: specs.get(row.id)?.userData ?? '',
        // This cloud refuses a server with keys.
        sshKeys: [],
        ipv4: row.ipv4Id !== null,
        ipv6: row.ipv6Id !== null,
      })),
    history(tag) {
      const entries = cloud.history().filter((entry) => entry.labels[tagLabel] === tag);
      const counts = countServers(entries);
      return { peak: counts.peakAliveByLabel[`${tagLabel}=${tag}`] ?? 0, made: counts.created };
    },
    requests: () => [...seen],
    offer: { region: 'fsn1', size: 'cx23', larger: 'cx33' },
    byHand: {
      async deleteServer(id) {
        if (!(await cloud.byHand.deleteServer(Number(id)))) throw new Error(`There is no server ${id}.`);
      },
      async openFirewall(id) {
        if (!cloud.byHand.openFirewall(Number(id))) throw new Error(`There is no firewall ${id}.`);
      },
      async addServer(tag, account = defaultAccount) {
        const id = await cloud.byHand.addServer(account, {
          name: `by-hand-${cloud.history().length + 1}`,
          server_type: 'cx23',
          image: 'debian-13',
          location: 'fsn1',
          labels: { [tagLabel]: tag },
        });
        return String(id);
      },
    },
    async close() {
      await cloud.close();
      await web.close();
    },
  };
}
