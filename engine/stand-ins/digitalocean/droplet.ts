import { createHash } from 'node:crypto';
import type { Resource, Work } from '../protocol/resource.ts';
import { isZero, object, objects, type Properties, text, texts } from '../protocol/values.ts';
import { type DigitalOcean, DigitalOceanError, found, named, waitForAction } from './client.ts';
import { setTags } from './tag.ts';

const seconds = 1000;
const hour = 3_600 * seconds;

/** A slug that is a number means an image or a key by its id. */
const idOrSlug = (value: string) => (/^\d+$/.test(value) ? Number(value) : value);
const given = (value: Properties[string] | undefined) => !isZero(value);

/** A droplet. Image, user-data and keys are never read back; everything else follows the cloud. */
export const droplet: Resource<DigitalOcean> = {
  type: 'digitalocean:index/droplet:Droplet',
  autoname: 'name',
  defaults: { backups: false, gracefulShutdown: false, ipv6: false, monitoring: false, resizeDisk: true },
  computed: ['region', 'ipv6Address', 'privateNetworking', 'publicNetworking', 'volumeIds', 'vpcUuid'],
  sets: ['sshKeys', 'tags', 'volumeIds'],
  stored: {
    // The state keeps what is told to a machine as a sum only.
    userData: (value) => createHash('sha1').update(text(value)).digest('hex'),
    region: (value) => text(value).toLowerCase(),
    size: (value) => text(value).toLowerCase(),
  },
  replaces: [
    'image',
    'region',
    'sshKeys',
    'userData',
    'monitoring',
    'dropletAgent',
    'vpcUuid',
    'gpuPartitionMode',
  ],
  // A droplet can get IPv6, and never lose it.
  mustReplace: ({ name, before, after }) => name === 'ipv6' && before === true && after !== true,

  async create(work, inputs, made) {
    const answer = await named(
      'Error creating droplet',
      work.client.call('POST', '/v2/droplets', work.signal, {
        name: text(inputs.name),
        region: text(inputs.region),
        size: text(inputs.size),
        image: idOrSlug(text(inputs.image)),
        ssh_keys: texts(inputs.sshKeys).map(idOrSlug),
        backups: inputs.backups === true,
        ipv6: inputs.ipv6 === true,
        private_networking: inputs.privateNetworking === true,
        monitoring: inputs.monitoring === true,
        ...(given(inputs.userData) ? { user_data: text(inputs.userData) } : {}),
        ...(given(inputs.volumeIds) ? { volumes: texts(inputs.volumeIds) } : {}),
        tags: texts(inputs.tags),
        ...(given(inputs.vpcUuid) ? { vpc_uuid: text(inputs.vpcUuid) } : {}),
        ...(given(inputs.backupPolicy) ? { backup_policy: policy(object(inputs.backupPolicy)) } : {}),
        ...(typeof inputs.dropletAgent === 'boolean' ? { with_droplet_agent: inputs.dropletAgent } : {}),
        ...(typeof inputs.publicNetworking === 'boolean'
          ? { public_networking: inputs.publicNetworking }
          : {}),
      }),
    );
    const id = text(object(answer.droplet).id);
    made(id, stateOf(object(answer.droplet)));
    const ready = await named(
      `Error waiting for droplet (${id}) to become ready`,
      waitFor(work, id, 'status', ['new'], 'active'),
    );
    made(id, ready);
  },

  async read({ client, signal }, id, state) {
    const importing = Object.keys(state).length === 0;
    const answer = await named(
      'Error retrieving droplet',
      found(client.call('GET', `/v2/droplets/${id}`, signal)),
    );
    if (!answer) return null;
    const machine = object(answer.droplet);
    const image = object(machine.image);
    return {
      ...stateOf(machine),
      ...(importing ? { image: text(image.slug) || text(image.id), resizeDisk: true } : {}),
    };
  },

  async update(work, id, { inputs, changed }) {
    if (changed.has('size')) await resize(work, id, inputs);
    if (changed.has('name')) {
      await act(work, id, `Error renaming droplet (${id})`, { type: 'rename', name: text(inputs.name) });
      await waitFor(work, id, 'name', [], text(inputs.name));
    }
    if (changed.has('backups')) {
      const enabled = inputs.backups === true;
      const type = enabled ? 'enable_backups' : 'disable_backups';
      const backupPolicy = object(inputs.backupPolicy);
      const body = enabled && given(backupPolicy) ? { type, backup_policy: policy(backupPolicy) } : { type };
      const words = `Error ${enabled ? 'enabling' : 'disabling'} backups on droplet (${id})`;
      await waitForAction(work, await act(work, id, words, body));
    } else if (changed.has('backupPolicy') && given(inputs.backupPolicy)) {
      const body = { type: 'change_backup_policy', backup_policy: policy(object(inputs.backupPolicy)) };
      await waitForAction(work, await act(work, id, `error changing backup policy on droplet (${id})`, body));
    }
    if (changed.has('ipv6') && inputs.ipv6 === true) {
      await act(work, id, `Error turning on ipv6 for droplet (${id})`, { type: 'enable_ipv6' });
      await waitFor(work, id, 'ipv6', ['', 'false'], 'true');
    }
    if (changed.has('tags')) {
      const answer = await work.client.call('GET', `/v2/droplets/${id}`, work.signal);
      const before = texts(object(answer.droplet).tags);
      await named('Error updating tags', setTags(work, { id, type: 'droplet' }, before, texts(inputs.tags)));
    }
    if (changed.has('volumeIds')) {
      throw new Error(
        'the stand-in for @pulumi/digitalocean does not attach volumes to a droplet that exists',
      );
    }
    const current = await droplet.read(work, id, { id });
    if (!current) throw new Error(`Error retrieving droplet: ${id} is gone`);
    return current;
  },

  async delete(work, id, state) {
    // The official one fails here on a droplet that is gone already: it refreshes or it doesn't know.
    await named(
      `Error waiting for droplet to be unlocked for destroy (${id})`,
      waitFor(work, id, 'locked', ['', 'true'], 'false', 60 * seconds),
    );
    if (state.gracefulShutdown === true) {
      await act(work, id, `Error shutting down the the droplet (${id})`, { type: 'shutdown' });
      await named(
        `Error waiting for droplet (${id}) to become off`,
        waitFor(work, id, 'status', ['active'], 'off', 60 * seconds),
      );
    }
    try {
      await work.client.call('DELETE', `/v2/droplets/${id}`, work.signal);
    } catch (error) {
      if (error instanceof DigitalOceanError && error.status === 404) return;
      // The official one looks at a droplet after any other answer too, and finds out whether it is gone.
    }
    try {
      await waitFor(work, id, 'status', ['active', 'off'], 'archive', 60 * seconds);
    } catch (error) {
      if (error instanceof Error && error.message.includes('404')) return;
      throw new Error(`Error deleting droplet: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  },
};

async function resize(work: Work<DigitalOcean>, id: string, inputs: Properties): Promise<void> {
  try {
    await work.client.call('POST', `/v2/droplets/${id}/actions`, work.signal, { type: 'power_off' });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!message.includes('Droplet is already powered off')) {
      throw new Error(`Error powering off droplet (${id}): ${message}`, { cause: error });
    }
  }
  await named(
    `Error waiting for droplet (${id}) to become powered off`,
    waitFor(work, id, 'status', ['active'], 'off'),
  );
  try {
    const action = await act(work, id, `Error resizing droplet (${id})`, {
      type: 'resize',
      disk: inputs.resizeDisk === true,
      size: text(inputs.size),
    });
    await named(`Error waiting for resize droplet (${id}) to finish`, waitForAction(work, action));
  } catch (error) {
    await act(work, id, `Error powering on droplet (${id}) after failed resize`, { type: 'power_on' });
    await waitFor(work, id, 'status', ['off'], 'active');
    throw error;
  }
  await act(work, id, `Error powering on droplet (${id}) after resize`, { type: 'power_on' });
  await waitFor(work, id, 'status', ['off'], 'active');
}

async function act(work: Work<DigitalOcean>, id: string, words: string, body: object): Promise<Properties> {
  const answer = await named(
    words,
    work.client.call('POST', `/v2/droplets/${id}/actions`, work.signal, body),
  );
  return object(answer.action);
}

/** A locked droplet says nothing: it is asked again. */
function waitFor(
  { client, waiting, signal, limitMs = hour }: Work<DigitalOcean>,
  id: string,
  attribute: string,
  pending: readonly string[],
  target: string,
  atMostMs: number = limitMs,
): Promise<Properties> {
  return waiting.poll({
    delayMs: 10 * seconds,
    everyMs: 3 * seconds,
    limitMs: atMostMs,
    signal,
    pending,
    target: [target],
    async ask() {
      const answer = await named(
        'Error retrieving droplet',
        client.call('GET', `/v2/droplets/${id}`, signal),
      );
      const value = stateOf(object(answer.droplet));
      return { value, state: value.locked === true ? null : text(value[attribute]) };
    },
  });
}

function policy({ plan, weekday, hour: at }: Properties): Properties {
  return { plan: plan ?? '', weekday: weekday ?? '', hour: at ?? 0 };
}

function stateOf(machine: Properties): Properties {
  const size = object(machine.size);
  const networks = object(machine.networks);
  const address = (version: 'v4' | 'v6', type: string) =>
    text(objects(networks[version]).find((network) => network.type === type)?.ip_address);
  const features = new Set(texts(machine.features));
  return {
    name: text(machine.name),
    dropletUrn: `do:droplet:${text(machine.id)}`,
    region: text(object(machine.region).slug),
    size: text(size.slug) || text(machine.size_slug),
    priceHourly: size.price_hourly ?? 0,
    priceMonthly: size.price_monthly ?? 0,
    disk: machine.disk ?? 0,
    vcpus: machine.vcpus ?? 0,
    memory: machine.memory ?? 0,
    status: text(machine.status),
    locked: machine.locked === true,
    createdAt: text(machine.created_at),
    vpcUuid: text(machine.vpc_uuid),
    ipv4Address: address('v4', 'public'),
    ipv4AddressPrivate: address('v4', 'private'),
    ipv6Address: address('v6', 'public').toLowerCase(),
    backups: features.has('backups'),
    ipv6: features.has('ipv6'),
    privateNetworking: features.has('private_networking'),
    monitoring: features.has('monitoring'),
    volumeIds: texts(machine.volume_ids),
    tags: texts(machine.tags),
  };
}
