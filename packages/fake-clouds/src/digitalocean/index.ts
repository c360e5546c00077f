import type { MiddlewareHandler } from 'hono';
import type { FakeCloud, FakeCloudOptions, SeenRequest } from '../cloud.ts';
import { listen } from '../listen.ts';
import { createDigitalOceanCloud } from './cloud.ts';
import type { CloudEnv } from './context.ts';
import { allScopes } from './scopes.ts';
import type { HistoryEntry } from './state.ts';

export { type Catalogue, defaultCatalogue } from './catalogue.ts';
export type { DigitalOceanCloud, DigitalOceanCloudOptions } from './cloud.ts';
export { createDigitalOceanCloud } from './cloud.ts';
export { allScopes } from './scopes.ts';
export type { AccountState } from './state.ts';

const maxSeen = 20_000;
const defaultAccount = 'account';
/** The product's tags and names among an account's others. */
const tagShape = /^claw-ins_/;
const nameShape = /^claw-ins-/;

/** The most droplets that ever bore the tag at once, and how many were ever made with it. */
function countHistory(entries: readonly HistoryEntry[], tag: string): { peak: number; made: number } {
  let alive = 0;
  let peak = 0;
  let made = 0;
  for (const { event } of entries.filter(({ tags }) => tags.includes(tag))) {
    alive += event === 'created' ? 1 : -1;
    made += event === 'created' ? 1 : 0;
    peak = Math.max(peak, alive);
  }
  return { peak, made };
}

/** The pretend DigitalOcean on a loopback port, as tests of all clouds see it. */
export async function startFakeCloud(options: FakeCloudOptions): Promise<FakeCloud> {
  const seen: SeenRequest[] = [];
  const watch: MiddlewareHandler<CloudEnv> = async (c, next) => {
    const body = c.req.method === 'GET' ? '' : await c.req.raw.clone().text();
    await next();
    const url = new URL(c.req.url);
    seen.push({
      method: c.req.method,
      path: url.pathname.replace(/^\/v2/, ''),
      query: url.search,
      status: c.res.status,
      body,
      userAgent: c.req.header('user-agent') ?? '',
      credential: c.get('tokenMark') ?? '',
    });
    if (seen.length > maxSeen) seen.splice(0, seen.length - maxSeen);
  };
  const cloud = createDigitalOceanCloud({
    machines: options.machines,
    actionMs: options.actionMs ?? 30,
    dropletLimit: options.serverLimit ?? 20,
    requestsPerHour: options.requestsPerHour ?? 100_000,
    validate: watch,
    ...(options.faults ? { faults: options.faults } : {}),
  });
  const web = await listen(cloud.app.fetch, 0);
  const droplets = () => cloud.accounts().flatMap((account) => account.droplets);
  const tagOf = (tags: readonly string[]) => tags.find((tag) => tagShape.test(tag)) ?? null;
  const powers = { active: 'running', off: 'stopped', new: 'changing', archive: 'changing' } as const;

  return {
    id: 'digitalocean',
    endpoint: web.origin,
    faults: cloud.faults,
    newCredential: ({ powers: wish, account } = {}) => ({
      token: cloud.issueToken({
        account: account ?? defaultAccount,
        scopes: wish === 'read' ? allScopes('read') : 'all',
      }),
    }),
    revoke: ({ token = '' }) => cloud.revokeToken(token),
    resources: async () => [
      ...droplets().map((row) => ({
        kind: 'server',
        id: String(row.id),
        name: row.name,
        tag: tagOf(row.tags),
      })),
      ...cloud.accounts().flatMap((account) => [
        // A firewall bears no tag of its own: its name says whose it is.
        ...account.firewalls.map(({ id, name, inbound }) => ({
          kind: 'firewall',
          id,
          name,
          tag: nameShape.test(name) ? name.replace('claw-ins-', 'claw-ins_') : null,
          inboundRules: inbound.length,
        })),
        ...account.tags.map((name) => ({
          kind: 'tag',
          id: name,
          name,
          tag: tagShape.test(name) ? name : null,
        })),
      ]),
    ],
    servers: async () =>
      droplets().map((row) => ({
        kind: 'server' as const,
        id: String(row.id),
        name: row.name,
        tag: tagOf(row.tags),
        power: row.locked ? ('changing' as const) : powers[row.status],
        size: row.size,
        region: row.region,
        image: row.image,
        userData: row.userData,
        sshKeys: row.sshKeys,
        ipv4: true,
        ipv6: row.ipv6 !== null,
      })),
    history: (tag) => countHistory(cloud.history(), tag),
    requests: () => [...seen],
    offer: { region: 'fra1', size: 's-1vcpu-2gb', larger: 's-2vcpu-4gb' },
    byHand: {
      async deleteServer(id) {
        if (!(await cloud.byHand.deleteDroplet(Number(id)))) throw new Error(`There is no server ${id}.`);
      },
      async openFirewall(id) {
        if (!cloud.byHand.openFirewall(id)) throw new Error(`There is no firewall ${id}.`);
      },
      async addServer(tag, account = defaultAccount) {
        const id = await cloud.byHand.addDroplet(account, {
          name: `by-hand-${cloud.history().length + 1}`,
          size: 's-1vcpu-2gb',
          image: 'debian-13-x64',
          region: 'fra1',
          tags: [tag],
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
