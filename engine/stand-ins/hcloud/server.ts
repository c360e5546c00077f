import { createHash } from 'node:crypto';
import type { Resource, Work } from '../protocol/resource.ts';
import { isZero, object, objects, type Properties, text, texts } from '../protocol/values.ts';
import { found, type Hetzner, waitForActions } from './client.ts';

const numbers = (value: Properties[string] | undefined) => texts(value).map(Number);
const pathOf = (id: string, action = '') => `/servers/${id}${action === '' ? '' : `/actions/${action}`}`;

/** A server. User-data, keys and the wish for public addresses are never read back. */
export const server: Resource<Hetzner> = {
  type: 'hcloud:index/server:Server',
  autoname: 'name',
  defaults: {
    allowDeprecatedImages: false,
    backups: false,
    deleteProtection: false,
    ignoreRemoteFirewallIds: false,
    keepDisk: false,
    rebuildProtection: false,
    shutdownBeforeDeletion: false,
  },
  computed: ['datacenter', 'firewallIds', 'location'],
  sets: ['firewallIds', 'networks', 'publicNets'],
  stored: {
    userData: (value) => createHash('sha1').update(text(value)).digest('base64'),
  },
  replaces: ['datacenter', 'image', 'location', 'sshKeys', 'userData'],

  async create(work, inputs, made) {
    const { client, signal } = work;
    const body = await requestOf(work, inputs);
    const answer = await client.call('POST', '/servers', signal, body);
    const machine = object(answer.server);
    const id = text(machine.id);
    made(id, stateOf(machine));
    await waitForActions(work, [object(answer.action)]);
    for (const next of objects(answer.next_actions)) await waitForActions(work, [next]);
    if (inputs.backups === true) await act(work, id, 'enable_backup', {});
    if (inputs.deleteProtection === true || inputs.rebuildProtection === true)
      await protect(work, id, inputs);
    const said = await server.read(work, id, inputs);
    if (said) made(id, said);
  },

  async read({ client, signal }, id, state) {
    const answer = await found(client.call('GET', pathOf(id), signal));
    if (!answer) return null;
    const machine = object(answer.server);
    const image = object(machine.image);
    const asked = text(state.image) === text(image.id);
    return {
      ...stateOf(machine),
      ...(isZero(image) ? {} : { image: asked ? text(image.id) : text(image.name) || text(image.id) }),
    };
  },

  async update(work, id, { inputs, changed }) {
    const { client, signal } = work;
    const answer = await found(client.call('GET', pathOf(id), signal));
    if (!answer) throw new Error(`server ${id} is gone`);
    const machine = object(answer.server);
    if (changed.has('name')) await client.call('PUT', pathOf(id), signal, { name: text(inputs.name) });
    if (changed.has('labels'))
      await client.call('PUT', pathOf(id), signal, { labels: object(inputs.labels) });
    if (changed.has('serverType')) {
      if (text(machine.status) === 'running') await act(work, id, 'poweroff');
      await act(work, id, 'change_type', {
        server_type: text(inputs.serverType),
        upgrade_disk: inputs.keepDisk !== true,
      });
    }
    if (changed.has('backups')) {
      await (inputs.backups === true ? act(work, id, 'enable_backup', {}) : act(work, id, 'disable_backup'));
    }
    if (changed.has('firewallIds')) await moveFirewalls(work, id, machine, numbers(inputs.firewallIds));
    for (const name of ['iso', 'networks', 'placementGroupId', 'publicNets', 'rescue']) {
      if (changed.has(name)) throw new Error(`the stand-in for @pulumi/hcloud does not change ${name}`);
    }
    if (changed.has('deleteProtection') || changed.has('rebuildProtection')) await protect(work, id, inputs);
    const said = await server.read(work, id, inputs);
    if (!said) throw new Error(`server ${id} is gone`);
    return said;
  },

  async delete(work, id, state) {
    const { client, signal, waiting } = work;
    if (state.shutdownBeforeDeletion === true) {
      await act(work, id, 'shutdown');
      await waiting
        .poll({
          delayMs: 0,
          everyMs: 6_000,
          limitMs: 30_000,
          signal,
          pending: [],
          target: ['off'],
          async ask() {
            const answer = await client.call('GET', pathOf(id), signal);
            return { value: undefined, state: text(object(answer.server).status) };
          },
        })
        // A machine that doesn't listen is deleted all the same.
        .catch(() => signal.throwIfAborted());
    }
    const answer = await client.call('DELETE', pathOf(id), signal);
    await waitForActions(work, [object(answer.action)]);
  },
};

/** Everything is looked up first: the type for its architecture, the image for that, keys by their names. */
async function requestOf(work: Work<Hetzner>, inputs: Properties): Promise<Properties> {
  const { client, signal } = work;
  const typeName = text(inputs.serverType);
  const types = await client.call('GET', `/server_types?name=${encodeURIComponent(typeName)}`, signal);
  const type = objects(types.server_types)[0];
  if (!type) throw new Error(`server type ${typeName} not found`);
  const architecture = text(type.architecture);
  const image = await imageFor(work, text(inputs.image), architecture);
  if (!image) throw new Error(`image ${text(inputs.image)} for architecture ${architecture} not found`);
  if (!isZero(image.deprecated) && inputs.allowDeprecatedImages !== true) {
    throw new Error(
      `Image ${text(image.name)} is deprecated: To continue using deprecated images, specify the allow_deprecated_images option.`,
    );
  }
  const keys: number[] = [];
  for (const name of texts(inputs.sshKeys)) {
    const answer = await client.call('GET', `/ssh_keys?name=${encodeURIComponent(name)}`, signal);
    const key = objects(answer.ssh_keys)[0];
    if (!key) throw new Error(`SSH key not found: ${name}`);
    keys.push(Number(key.id));
  }
  const given = (properties: Properties): Properties =>
    Object.fromEntries(Object.entries(properties).filter(([, value]) => !isZero(value)));
  const net = objects(inputs.publicNets)[0];
  return {
    name: text(inputs.name),
    server_type: typeName,
    image: image.id ?? 0,
    ...given({
      ssh_keys: keys,
      location: text(inputs.location),
      datacenter: text(inputs.datacenter),
      user_data: text(inputs.userData),
      labels: object(inputs.labels),
      firewalls: numbers(inputs.firewallIds).map((firewall) => ({ firewall })),
      placement_group: inputs.placementGroupId ?? 0,
    }),
    ...(net
      ? {
          public_net: {
            enable_ipv4: net.ipv4Enabled !== false,
            enable_ipv6: net.ipv6Enabled !== false,
            ...given({ ipv4: net.ipv4 ?? 0, ipv6: net.ipv6 ?? 0 }),
          },
        }
      : {}),
  };
}

async function imageFor(
  { client, signal }: Work<Hetzner>,
  idOrName: string,
  architecture: string,
): Promise<Properties | undefined> {
  if (/^\d+$/.test(idOrName)) {
    const answer = await found(client.call('GET', `/images/${idOrName}`, signal));
    if (answer) return object(answer.image);
  }
  const query = new URLSearchParams({ architecture, include_deprecated: 'true', name: idOrName });
  const answer = await client.call('GET', `/images?${query}`, signal);
  return objects(answer.images)[0];
}

async function act(work: Work<Hetzner>, id: string, action: string, body?: Properties): Promise<void> {
  const answer = await work.client.call('POST', pathOf(id, action), work.signal, body);
  await waitForActions(work, [object(answer.action)]);
}

const protect = (work: Work<Hetzner>, id: string, inputs: Properties) =>
  act(work, id, 'change_protection', {
    delete: inputs.deleteProtection === true,
    rebuild: inputs.rebuildProtection === true,
  });

async function moveFirewalls(
  work: Work<Hetzner>,
  id: string,
  machine: Properties,
  wanted: readonly number[],
): Promise<void> {
  const now = objects(object(machine.public_net).firewalls).map(({ id: firewall }) => Number(firewall));
  const resource = { type: 'server', server: { id: Number(id) } };
  const change = async (firewall: number, action: string, body: Properties) => {
    const path = `/firewalls/${firewall}/actions/${action}`;
    const answer = await work.client.call('POST', path, work.signal, body);
    await waitForActions(work, objects(answer.actions));
  };
  for (const firewall of now.filter((entry) => !wanted.includes(entry))) {
    await change(firewall, 'remove_from_resources', { remove_from: [resource] });
  }
  for (const firewall of wanted.filter((entry) => !now.includes(entry))) {
    await change(firewall, 'apply_to_resources', { apply_to: [resource] });
  }
}

function stateOf(machine: Properties): Properties {
  const net = object(machine.public_net);
  const [four, six] = [object(net.ipv4), object(net.ipv6)];
  const network = text(six.ip);
  const center = object(machine.datacenter);
  const location = text(object(center.location).name) || text(object(machine.location).name);
  const protection = object(machine.protection);
  return {
    name: text(machine.name),
    // The upstream provider still reads the old object; the bridge fills it from the new one.
    datacenter: text(center.name) || `${location}-dc1`,
    location,
    status: text(machine.status),
    serverType: text(object(machine.server_type).name),
    ipv4Address: text(four.ip),
    ipv6Network: network,
    ipv6Address: network === '' ? '' : `${network.split('/')[0]}1`,
    backupWindow: text(machine.backup_window),
    backups: text(machine.backup_window) !== '',
    labels: object(machine.labels),
    deleteProtection: protection.delete === true,
    rebuildProtection: protection.rebuild === true,
    firewallIds: objects(net.firewalls).map(({ id }) => Number(id)),
    primaryDiskSize: machine.primary_disk_size ?? 0,
    placementGroupId: object(machine.placement_group).id ?? null,
  };
}
