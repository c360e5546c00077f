import * as digitalocean from '@pulumi/digitalocean';
import * as pulumi from '@pulumi/pulumi';
import type { Stack, StackAccess } from '../stack.ts';

function provider({ credential, endpoint }: StackAccess): digitalocean.Provider {
  return new digitalocean.Provider('cloud', {
    token: pulumi.secret(credential.token ?? ''),
    // The plugin sends a creation that failed after its effect a second time, and makes a second droplet.
    httpRetryMax: 0,
    ...(endpoint === undefined ? {} : { apiEndpoint: endpoint }),
  });
}

const importing = (id: string | undefined) => (id === undefined ? {} : { import: id });

/** No rule is closed in both directions; the API takes no firewall without any. */
const outwards = { destinationAddresses: ['0.0.0.0/0', '::/0'] };
const outboundRules = [
  { protocol: 'tcp', portRange: '1-65535', ...outwards },
  { protocol: 'udp', portRange: '1-65535', ...outwards },
  { protocol: 'icmp', ...outwards },
];

/** A droplet with public addresses behind a firewall that lets nothing in, and the tag that binds them. */
export const stack: Stack = {
  project: 'claw-digitalocean',

  program: (input, access) => async () => {
    const cloud = provider(access);
    const { adopt } = input;
    // A resource of its own: made along with a droplet, it would stay in the account when the droplet is gone.
    const tag = new digitalocean.Tag(
      'tag',
      { name: input.tag },
      { provider: cloud, ...importing(adopt?.tag) },
    );
    // By tag and before the droplet: so the droplet is behind it from its first second.
    const firewall = new digitalocean.Firewall(
      'firewall',
      { name: input.name, tags: [tag.name], outboundRules },
      { provider: cloud, ...importing(adopt?.firewall) },
    );
    const server = new digitalocean.Droplet(
      'server',
      {
        name: input.name,
        size: input.size,
        image: input.image,
        region: input.region,
        tags: [tag.name],
        userData: pulumi.secret(input.userData),
        ipv6: true,
        monitoring: false,
        backups: false,
        dropletAgent: false,
        // CPU and memory alone: a larger disk could never be given back.
        resizeDisk: false,
        // Destroying waits for no system that doesn't answer: its data goes anyway.
        gracefulShutdown: false,
      },
      {
        provider: cloud,
        dependsOn: [firewall],
        // None of these can be read back: an adopted droplet would be replaced. A newer image must not replace what runs.
        ignoreChanges: [
          'userData',
          'dropletAgent',
          'image',
          // A wish of ours, which a droplet that is taken over knows nothing of; taking over must change nothing.
          ...(adopt?.server === undefined || input.serverInState ? [] : ['resizeDisk']),
        ],
        ...importing(adopt?.server),
      },
    );
    return { serverId: server.id };
  },

  accessOnly: (access) => async () => {
    provider(access);
  },

  notDrift: {
    'digitalocean:index/tag:Tag': [
      'dropletsCount',
      'imagesCount',
      'volumesCount',
      'volumeSnapshotsCount',
      'databasesCount',
      'totalResourceCount',
    ],
    // Says for a moment which droplets a change has not reached yet.
    'digitalocean:index/firewall:Firewall': ['status', 'pendingChanges'],
    'digitalocean:index/droplet:Droplet': ['status', 'locked', 'priceMonthly', 'priceHourly', 'volumeIds'],
  },
};
