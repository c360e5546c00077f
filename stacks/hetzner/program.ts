import * as hcloud from '@pulumi/hcloud';
import * as pulumi from '@pulumi/pulumi';
import type { Stack, StackAccess } from '../stack.ts';

// A local stand-in answers at once; the cloud's own rate limit wants the default.
const localPollInterval = '50ms';

function provider({ token, endpoint }: StackAccess): hcloud.Provider {
  return new hcloud.Provider('cloud', {
    token: pulumi.secret(token),
    ...(endpoint === undefined
      ? {}
      : { endpoint, pollInterval: localPollInterval, pollFunction: 'constant' }),
  });
}

const importing = (id: string | undefined) => (id === undefined ? {} : { import: id });

/** A server with public addresses behind a firewall that lets nothing in. */
export const hetznerStack: Stack = {
  project: 'claw-hetzner',

  program: (input, access) => async () => {
    const cloud = provider(access);
    const labels = { ...input.labels };
    // A firewall without a rule for inbound traffic drops all of it; outbound stays open.
    const firewall = new hcloud.Firewall(
      'firewall',
      { name: input.name, labels },
      { provider: cloud, ...importing(input.adopt?.firewallId) },
    );
    const server = new hcloud.Server(
      'server',
      {
        name: input.name,
        serverType: input.size,
        image: input.image,
        location: input.region,
        labels,
        userData: pulumi.secret(input.userData),
        publicNets: [{ ipv4Enabled: true, ipv6Enabled: true }],
        firewallIds: [firewall.id.apply(Number)],
      },
      {
        provider: cloud,
        // userData can't be read back, so an adopted server would be replaced; publicNets reads back as absent, and
        // "adding" it pulls the plug of a server that is just booting; a newer image must not replace what runs.
        ignoreChanges: ['userData', 'publicNets', 'image'],
        ...importing(input.adopt?.serverId),
      },
    );
    return { serverId: server.id, firewallId: firewall.id };
  },

  accessOnly: (access) => async () => {
    provider(access);
  },
};
