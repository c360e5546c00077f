import { mustRun } from './program.ts';

/** The addresses of one lab. The last three live in its router's namespace; `host` on this computer as well. */
export interface Addresses {
  namespace: string;
  gateway: string;
  gateway6: string;
  metadata: string;
  /** This computer, as machines see it. */
  host: string;
  /** Names of the machines' world lead here. */
  internet: string;
  machine(index: number): { ipv4: string; ipv6: string; mac: string };
}

/** Names and addresses from the slot's number alone. */
export function addressesOf(number: number): Addresses {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return {
    namespace: `claw${number}`,
    gateway: `10.77.${number}.1`,
    gateway6: `fd77:c1a0:${number}::1`,
    metadata: '169.254.169.254',
    host: `10.77.${100 + number}.1`,
    internet: `10.77.${100 + number}.2`,
    machine: (index) => ({
      ipv4: `10.77.${number}.${index}`,
      ipv6: `fd77:c1a0:${number}::${index.toString(16)}`,
      mac: `52:54:00:77:${hex(number)}:${hex(index)}`,
    }),
  };
}

const batch = (lines: string[], namespace?: string) =>
  mustRun(['ip', ...(namespace ? ['-n', namespace] : []), '-batch', '-'], { input: `${lines.join('\n')}\n` });

/**
 * The provider's network: a namespace with one switch, whose router leads nowhere. Machines reach what listens on
 * the router's own addresses, and each other; everything else is unreachable at once.
 */
export async function makeNetwork(addresses: Addresses): Promise<void> {
  const { namespace, gateway, gateway6, metadata, host, internet } = addresses;
  await batch([`netns add ${namespace}`, `addr add ${host}/32 dev lo`]);
  await batch(
    [
      'link set lo up',
      `addr add ${host}/32 dev lo`,
      `addr add ${internet}/32 dev lo`,
      `addr add ${metadata}/32 dev lo`,
      'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
      `addr add ${gateway}/24 dev br0`,
      `addr add ${gateway6}/64 dev br0 nodad`,
      'link set br0 up',
    ],
    namespace,
  );
  // A router that forwards says at once that there is no way; one that doesn't leaves its machines waiting.
  const forwards = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
  const set = 'for s in "$@"; do echo "${s#*=}" >"/proc/sys/$(echo "${s%=*}" | tr . /)"; done';
  await mustRun(['ip', 'netns', 'exec', namespace, 'sh', '-c', set, 'sh', ...forwards]);
}

/** A machine's own namespace with `eth0`, plugged into the switch. The machine configures it. */
export async function plugIn(addresses: Addresses, own: string, index: number): Promise<void> {
  const { namespace } = addresses;
  await batch([`netns add ${own}`]);
  // Duplicate address detection costs a second of each boot, and addresses here are unique by construction.
  const quick =
    'for file in /proc/sys/net/ipv6/conf/*/accept_dad /proc/sys/net/ipv6/conf/*/dad_transmits; do echo 0 >"$file"; done';
  await mustRun(['ip', 'netns', 'exec', own, 'sh', '-c', quick]);
  const { mac } = addresses.machine(index);
  await batch(
    [
      `link add v${index} type veth peer name eth0 address ${mac} netns ${own}`,
      `link set v${index} master br0`,
      `link set v${index} up`,
    ],
    namespace,
  );
  await batch(['link set lo up'], own);
}

/** A virtual machine's network device, plugged into the switch. */
export async function plugInTap({ namespace }: Addresses, tap: string): Promise<void> {
  await batch(
    [`tuntap add dev ${tap} mode tap`, `link set ${tap} master br0`, `link set ${tap} up`],
    namespace,
  );
}

/** Removes what `plugInTap` made. */
export async function unplugTap({ namespace }: Addresses, tap: string): Promise<void> {
  await batch([`link del ${tap}`], namespace);
}

/** Removes what `plugIn` made; the cable goes with the namespace. */
export async function unplug(own: string): Promise<void> {
  await batch([`netns delete ${own}`]);
}
