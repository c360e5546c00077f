import type { MiddlewareHandler } from 'hono';
import type { FakeCloud, FakeCloudOptions, FakeResource, SeenRequest } from '../cloud.ts';
import { listen } from '../listen.ts';
import { createVultrCloud } from './cloud.ts';
import type { CloudEnv } from './context.ts';
import type { InstanceRow } from './state.ts';

export type { Catalogue, Plan } from './catalogue.ts';
export { defaultCatalogue } from './catalogue.ts';
export type { VultrCloud, VultrCloudOptions } from './cloud.ts';
export { allAcls, createVultrCloud } from './cloud.ts';

const maxSeen = 20_000;
const defaultAccount = 'account';
const tagPrefix = 'claw-ins_';
const offer = { region: 'fra', size: 'vc2-1c-2gb', larger: 'vc2-2c-4gb' };

const tagged = (text: string): string | null => (text.startsWith(tagPrefix) ? text : null);
const tagOf = (row: InstanceRow): string | null => row.tags.find((tag) => tag.startsWith(tagPrefix)) ?? null;

/** The pretend Vultr on a loopback port, as tests of all clouds see it. */
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
      credential: c.get('keyMark') ?? '',
    });
    if (seen.length > maxSeen) seen.shift();
  };
  const cloud = createVultrCloud({
    machines: options.machines,
    actionMs: options.actionMs ?? 30,
    limits: {
      servers: options.serverLimit ?? 20,
      requestsPerHour: options.requestsPerHour ?? 100_000,
    },
    validate: watch,
    ...(options.faults ? { faults: options.faults } : {}),
  });
  const web = await listen(cloud.app.fetch, 0);
  const accounts = () => [...cloud.accounts().values()];

  return {
    id: 'vultr',
    endpoint: web.origin,
    faults: cloud.faults,
    newCredential: (wish = {}) => ({
      apiKey: cloud.issueKey({
        account: wish.account ?? defaultAccount,
        ...(wish.powers === 'read' ? { acls: ['subscriptions_view'] } : {}),
      }),
    }),
    revoke: ({ apiKey = '' }) => cloud.revokeKey(apiKey),
    resources: async () =>
      accounts().flatMap((account): FakeResource[] => [
        ...account.instances.map((row) => ({
          kind: 'server',
          id: row.id,
          name: row.label,
          tag: tagOf(row),
        })),
        ...account.firewallGroups.map((row) => ({
          kind: 'firewall',
          id: row.id,
          name: row.description,
          tag: tagged(row.description),
          inboundRules: row.rules.length,
        })),
        ...account.blocks.map((row) => ({
          kind: 'volume',
          id: row.id,
          name: row.label,
          tag: tagged(row.label),
        })),
        ...account.reservedIps.map((row) => ({
          kind: 'primary_ip',
          id: row.id,
          name: row.label,
          tag: tagged(row.label),
        })),
      ]),
    servers: async () =>
      accounts().flatMap((account) =>
        account.instances.map((row) => ({
          kind: 'server' as const,
          id: row.id,
          name: row.label,
          tag: tagOf(row),
          power: row.status === 'active' ? row.power : ('changing' as const),
          size: row.plan,
          region: row.region,
          image: String(row.osId),
          userData: row.userData,
          sshKeys: [...row.sshKeyIds],
          ipv4: row.mainIp !== '',
          ipv6: row.v6 !== null,
        })),
      ),
    history(tag) {
      const alive = new Set<string>();
      let peak = 0;
      let made = 0;
      for (const { event, id, tags } of cloud.history()) {
        if (event === 'deleted') alive.delete(id);
        else if (tags.includes(tag)) {
          made += 1;
          peak = Math.max(peak, alive.add(id).size);
        }
      }
      return { peak, made };
    },
    requests: () => [...seen],
    offer,
    byHand: {
      async deleteServer(id) {
        if (!(await cloud.byHand.deleteServer(id))) throw new Error(`There is no server ${id}.`);
      },
      async openFirewall(id) {
        if (!cloud.byHand.openFirewall(id)) throw new Error(`There is no firewall ${id}.`);
      },
      addServer: (tag, account = defaultAccount) =>
        cloud.byHand.addServer(account, {
          region: offer.region,
          plan: offer.size,
          os_id: 2625,
          label: `by-hand-${cloud.history().length + 1}`,
          tags: [tag],
        }),
    },
    async close() {
      await cloud.close();
      await web.close();
    },
  };
}
