import * as hcloud from '@pulumi/hcloud';
import * as pulumi from '@pulumi/pulumi';
import type { Stack, StackAccess } from '../stack.ts';

// A local stand-in answers at once; the cloud's own rate limit wants the default.
const localPollInterval = '50ms';

function provider({ credential, endpoint }: StackAccess): hcloud.Provider {
  return new hcloud.Provider('cloud', {
    token: pulumi.secret(credential.token ?? ''),
    ...(endpoint === undefined
      ? {}
      : { endpoint, pollInterval: localPollInterval, pollFunction: 'constant' }),
  });
}

const anywhere = ['0.0.0.0/0', '::/0'];

/**
 * A firewall without a rule for inbound traffic drops all of it. What goes out is named, although it would be open
 * without: Hetzner's provider never sends an empty list of rules, so a firewall that was opened by hand would stay open
 * while the engine believes that it closed it.
 */
const onlyOutbound = [
  { direction: 'out', protocol: 'tcp', port: '1-65535', destinationIps: anywhere },
  { direction: 'out', protocol: 'udp', port: '1-65535', destinationIps: anywhere },
  { direction: 'out', protocol: 'icmp', destinationIps: anywhere },
];

const importing = (id: string | undefined) => (id === undefined ? {} : { import: id });

/** A server with public addresses behind a firewall that lets nothing in. */
export const stack: Stack = {
  project: 'claw-hetzner',

  program: (input, access) => async () => {
    const cloud = provider(access);
    const labels = { [input.labelKey]: input.tag };
    const firewall = new hcloud.Firewall(
      'firewall',
      { name: input.name, labels, rules: onlyOutbound },
      { provider: cloud, ...importing(input.adopt?.firewall) },
    );
    const server = new hcloud.Server(
      'server',
      {
        name: input.name,
        serverType: input.size,
        image: input.image,
        location: input.region,
        labels,
        // So that a smaller size stays possible after a larger one.
        keepDisk: true,
        userData: pulumi.secret(input.userData),
        publicNets: [{ ipv4Enabled: true, ipv6Enabled: true }],
        firewallIds: [firewall.id.apply(Number)],
      },
      {
        provider: cloud,
        // userData can't be read back, so an adopted server would be replaced; publicNets reads back as absent, and
        // "adding" it pulls the plug of a server that is just booting; a newer image must not replace what runs.
        ignoreChanges: ['userData', 'publicNets', 'image'],
        ...importing(input.adopt?.server),
      },
    );
    return { serverId: server.id };
  },

  accessOnly: (access) => async () => {
    provider(access);
  },

  notDrift: {
    // Whether it runs is no matter of the engine.
    'hcloud:index/server:Server': ['status'],
    // Said of the firewall, decided by the server.
    'hcloud:index/firewall:Firewall': ['applyTos'],
  },
};
