import type { Addresses } from './network.ts';
import type { MachineRecord } from './world/metadata.ts';

const folder = '/var/lib/cloud/seed/nocloud';

/** The files of cloud-init's NoCloud data source: who the machine is, its network, its user-data. */
export function seedOf(
  record: MachineRecord,
  addresses: Addresses,
  instance: string,
): Record<string, string> {
  const { name, ipv4, ipv6, userData } = record;
  // By name: a virtual cable has no permanent hardware address for netplan to match.
  const network = [
    'version: 2',
    'ethernets:',
    '  eth0:',
    `    addresses: [${ipv4}/24, "${ipv6}/64"]`,
    `    routes: [{to: 0.0.0.0/0, via: ${addresses.gateway}}, {to: "::/0", via: "${addresses.gateway6}"}]`,
    // No router advertises here, and Debian 12 would wait 12 s for one.
    '    accept-ra: false',
    `    nameservers: {addresses: [${addresses.gateway}]}`,
  ];
  return {
    [`${folder}/user-data`]: userData,
    [`${folder}/meta-data`]: `instance-id: i-${instance}\nlocal-hostname: ${name}\n`,
    [`${folder}/network-config`]: `${network.join('\n')}\n`,
  };
}
