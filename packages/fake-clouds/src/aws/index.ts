import type { FakeCloud, FakeCloudOptions, FakeResource, FakeServer } from '../cloud.ts';
import { countServers } from '../control/history.ts';
import { testPython } from '../env.ts';
import { createFaultBoard } from '../faults/faults.ts';
import { listen } from '../listen.ts';
import type { AwsParts } from './call.ts';
import { createAwsApp } from './cloud.ts';
import { createConsole } from './console.ts';
import { accountNumber, createIdentities, type Powers } from './identities.ts';
import { listAll, listServers } from './inventory.ts';
import { startMoto } from './moto.ts';
import { createState } from './state.ts';

const tagKey = 'claw-cloud';
const defaultAccount = 'account';
const vcpusPerServer = 2;

type Fields = Readonly<Record<string, string>>;

/** What the pretend AWS has beyond what every pretend cloud has. */
export interface AwsFakeCloud extends FakeCloud {
  /** The platform's own identity, as the provisioner's settings hold it. */
  readonly platform: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly arn: string;
    readonly account: string;
  };
  /** A role in an account that trusts the platform on the condition of this external id; null: on none. */
  newRole(options: {
    externalId: string | null;
    account?: string;
    powers?: Powers;
    /** An account or an identity; `*` is anyone. @default the platform's account */
    trusts?: string;
  }): Fields & { readonly roleArn: string };
  /** A user who may do all but these actions. */
  newUserWithout(actions: readonly string[], account?: string): Fields;
  /** Takes away the default network of a region, as careful owners do. */
  deleteDefaultVpc(region: string, account?: string): Promise<void>;
  readonly byHand: FakeCloud['byHand'] & {
    stopServer(id: string): Promise<void>;
    deleteFirewall(id: string): Promise<void>;
  };
  /** From now on no session of this role is known any more. */
  endSessions(roleArn: string): void;
}

/**
 * moto, https://github.com/getmoto/moto, behind a layer that is as strict as AWS where moto is laxer: client tokens,
 * groups in use, unknown images and types, architectures, external ids and trust of roles, ended sessions, quotas,
 * signatures, permissions and dry runs. Pricing and Service Quotas are stubs. Needs a Python with moto
 * (CLAW_TEST_PYTHON); raises an error that says so where there is none.
 */
export async function startFakeCloud(
  options: FakeCloudOptions & {
    now?: () => Date;
    python?: string;
    /** Whether owners have given their default networks IPv6, which AWS doesn't by itself. @default true */
    ipv6?: boolean;
  },
): Promise<AwsFakeCloud> {
  const now = options.now ?? (() => new Date());
  const closing = new AbortController();
  const moto = await startMoto(options.python ?? testPython());
  const identities = createIdentities(now);
  const parts: AwsParts = {
    moto,
    state: createState(),
    identities,
    machines: options.machines,
    faults: options.faults ?? createFaultBoard(),
    now,
    actionMs: options.actionMs ?? 30,
    vcpuLimit: (options.serverLimit ?? 20) * vcpusPerServer,
    closing: closing.signal,
    ipv6: options.ipv6 ?? true,
  };
  const { app, seen } = createAwsApp(parts, options.requestsPerHour ?? 100_000);
  const web = await listen(app.fetch, 0);
  const platform = identities.addUser('platform', 'claw-cloud', 'full');
  const owner = createConsole(parts);
  let users = 0;

  const keysOf = (account: string, powers: Powers, denied: readonly string[] = []): Fields => {
    users += 1;
    const user = identities.addUser(account, `user-${users}`, powers, denied);
    return { method: 'keys', accessKeyId: user.accessKeyId, secretAccessKey: user.secretAccessKey };
  };

  return {
    id: 'aws',
    endpoint: web.origin,
    faults: parts.faults,
    platform: {
      accessKeyId: platform.accessKeyId,
      secretAccessKey: platform.secretAccessKey,
      arn: platform.arn,
      account: platform.account,
    },
    newCredential: (wish = {}) => keysOf(wish.account ?? defaultAccount, wish.powers ?? 'full'),
    newUserWithout: (actions, account = defaultAccount) => keysOf(account, 'full', actions),
    newRole({ externalId, account = defaultAccount, powers = 'full', trusts = platform.account }) {
      users += 1;
      const name = `role-${users}`;
      const role = identities.addRole({ name, accountName: account, trusts, externalId, powers });
      return { method: 'role', roleArn: role.arn };
    },
    endSessions: identities.endSessions,
    revoke({ accessKeyId, roleArn }) {
      if (accessKeyId !== undefined) identities.removeKey(accessKeyId);
      if (roleArn !== undefined) {
        identities.removeRole(roleArn);
        identities.endSessions(roleArn);
      }
    },
    async resources(): Promise<FakeResource[]> {
      return (await listAll(parts, tagKey)).map(({ power: _, publicIpv4: __, ...resource }) => resource);
    },
    async servers(): Promise<FakeServer[]> {
      return (await listServers(parts, tagKey)).flatMap((found) => {
        const record = parts.state.instances.get(found.id);
        if (found.kind !== 'server' || !record) return [];
        return [
          {
            kind: 'server' as const,
            id: found.id,
            name: found.name,
            tag: found.tag,
            power: found.power ?? 'changing',
            size: record.size,
            region: record.region,
            image: record.image,
            userData: record.userData,
            sshKeys: record.keyName === null ? [] : [record.keyName],
            ipv4: found.publicIpv4 ?? false,
            ipv6: record.ipv6,
          },
        ];
      });
    },
    history(tag) {
      const entries = parts.state.history.filter(({ labels }) => labels[tagKey] === tag);
      const counts = countServers(entries);
      return { peak: counts.peakAliveByLabel[`${tagKey}=${tag}`] ?? 0, made: counts.created };
    },
    requests: seen,
    offer: { region: 'eu-central-1', size: 't3.small', larger: 't3.medium' },
    byHand: {
      deleteServer: owner.deleteServer,
      openFirewall: owner.openFirewall,
      stopServer: owner.stopServer,
      deleteFirewall: owner.deleteFirewall,
      addServer: (tag, account = defaultAccount) =>
        owner.addServer({ tagKey, tag, account, region: 'eu-central-1', size: 't3.small' }),
    },
    deleteDefaultVpc: (region, account = defaultAccount) =>
      owner.deleteDefaultVpc({ region, account: accountNumber(account) }),
    async close() {
      closing.abort();
      await web.close();
      await moto.close();
    },
  };
}
