import * as vultr from '@ediri/vultr';
import * as pulumi from '@pulumi/pulumi';
import type { Stack, StackAccess } from '../stack.ts';

// Vultr's client would send a create again after a 5xx, which may have made a server: what is tried again is decided
// where what exists is looked up first. 0 stands for its default of three more times; below 0 there are none.
const retryLimit = -1;

function provider({ credential }: StackAccess): vultr.Provider {
  return new vultr.Provider('cloud', { apiKey: pulumi.secret(credential.apiKey ?? ''), retryLimit });
}

const importing = (id: string | undefined) => (id === undefined ? {} : { import: id });

/** Systems have numbers; by its name one can't be ordered, only left as it is on a server that stands. */
const systemOf = (image: string) => (/^\d+$/.test(image) ? { osId: Number(image) } : {});

/** A server with public addresses behind a firewall group without rules, which drops all that comes in. */
export const stack: Stack = {
  project: 'claw-vultr',

  program: (input, access) => async () => {
    const cloud = provider(access);
    // Firewall groups bear no tags: their description is all there is to find them by.
    const firewall = new vultr.FirewallGroup(
      'firewall',
      { description: input.tag },
      { provider: cloud, ...importing(input.adopt?.firewall) },
    );
    const server = new vultr.Instance(
      'server',
      {
        region: input.region,
        plan: input.size,
        ...systemOf(input.image),
        label: input.name,
        hostname: input.name,
        tags: [input.tag],
        // As it is: Vultr's provider encodes it for the API.
        userData: pulumi.secret(input.userData),
        enableIpv6: true,
        backups: 'disabled',
        ddosProtection: false,
        activationEmail: false,
        firewallGroupId: firewall.id,
      },
      {
        provider: cloud,
        // The console's address signs in whoever has it.
        additionalSecretOutputs: ['defaultPassword', 'kvm'],
        ignoreChanges: [
          // Can't be read back: an adopted server would be replaced over the first, and changed over the others.
          'userData',
          'activationEmail',
          'ddosProtection',
          'enableIpv6',
          'label',
          // A newer system or another host name must not replace what runs.
          'osId',
          'hostname',
        ],
        ...importing(input.adopt?.server),
      },
    );
    return { serverId: server.id };
  },

  accessOnly: (access) => async () => {
    provider(access);
  },

  // The official provider knows no other address than the cloud's own; a stand-in for it does.
  environment: ({ endpoint }) => (endpoint === undefined ? {} : { VULTR_API_URL: endpoint }),

  notDrift: {
    // How many instances are linked is a count of ours; rules are looked at where they can be named and taken out.
    'vultr:index/firewallGroup:FirewallGroup': ['instanceCount', 'dateModified', 'ruleCount'],
    'vultr:index/instance:Instance': [
      'status',
      'powerStatus',
      'serverStatus',
      'kvm',
      'defaultPassword',
      'allowedBandwidth',
      'features',
      'internalIp',
      'gatewayV4',
      'netmaskV4',
      'mainIp',
      'v6MainIp',
      'v6Network',
      'v6NetworkSize',
      // Told of a size, which is compared itself.
      'ram',
      'disk',
      'vcpuCount',
      'os',
    ],
  },
};
