import type { Resource, Work } from '../protocol/resource.ts';
import { isSame, isZero, object, objects, type Properties, text, texts } from '../protocol/values.ts';
import { found, named, type Vultr } from './client.ts';

const seconds = 1000;
const hour = 3_600 * seconds;

const pathOf = (id: string) => `/v2/instances/${id}`;
const given = (properties: Properties): Properties =>
  Object.fromEntries(Object.entries(properties).filter(([, value]) => !isZero(value)));

/** A server. What the API doesn't tell (label, IPv6, DDoS protection, user-data) keeps the program's value. */
export const instance: Resource<Vultr> = {
  type: 'vultr:index/instance:Instance',
  defaults: { backups: 'disabled', ddosProtection: false },
  computed: [
    'appId',
    'firewallGroupId',
    'hostname',
    'imageId',
    'label',
    'osId',
    'reservedIpId',
    'scriptId',
    'snapshotId',
    'userData',
    'vpcIds',
  ],
  sets: ['tags', 'vpc2Ids', 'vpcIds'],
  replaces: [
    'appId',
    'appVariables',
    'disablePublicIpv4',
    'hostname',
    'imageId',
    'osId',
    'region',
    'reservedIpId',
    'scriptId',
    'snapshotId',
    'sshKeyIds',
    'userData',
  ],
  ignores: ({ name, before, after }) =>
    name === 'region' && text(before).toLowerCase() === text(after).toLowerCase(),

  async create(work, inputs, made) {
    const { client, signal } = work;
    const schedule = object(inputs.backupsSchedule);
    if (inputs.backups === 'enabled' && isZero(schedule)) {
      throw new Error('Backups are set to enabled please provide a backups_schedule');
    }
    if (inputs.backups === 'disabled' && !isZero(schedule)) {
      throw new Error('Backups are set to disabled please remove backups_schedule');
    }
    const body: Properties = {
      ...given({
        region: text(inputs.region),
        plan: text(inputs.plan),
        label: text(inputs.label),
        firewall_group_id: text(inputs.firewallGroupId),
        hostname: text(inputs.hostname),
        script_id: text(inputs.scriptId),
        sshkey_id: texts(inputs.sshKeyIds),
        backups: text(inputs.backups),
        user_data: Buffer.from(text(inputs.userData)).toString('base64'),
        reserved_ipv4: text(inputs.reservedIpId),
        attach_vpc: texts(inputs.vpcIds),
        attach_vpc2: texts(inputs.vpc2Ids),
        app_variables: object(inputs.appVariables),
        tags: texts(inputs.tags),
        ...systemOf(inputs),
      }),
      enable_ipv6: inputs.enableIpv6 === true,
      disable_public_ipv4: inputs.disablePublicIpv4 === true,
      activation_email: inputs.activationEmail === true,
      ddos_protection: inputs.ddosProtection === true,
    };
    const answer = await named('error creating server', client.call('POST', '/v2/instances', signal, body));
    const machine = object(answer.instance);
    const id = text(machine.id);
    made(id, { defaultPassword: text(machine.default_password) });
    await named(
      `error while waiting for Server ${id} to be completed`,
      waitFor(work, id, 'status', ['pending', 'installing'], 'active'),
    );
    await named(
      `error while waiting for Server ${id} to be in a active state `,
      waitFor(work, id, 'power_status', ['stopped'], 'running'),
    );
    if (inputs.backups === 'enabled') await setSchedule(work, id, schedule);
    const said = await instance.read(work, id, inputs);
    if (said) made(id, said);
  },

  async read(work, id, state) {
    const { client, signal } = work;
    const answer = await named(
      `error getting instance (${id})`,
      found(client.call('GET', pathOf(id), signal), 'invalid instance ID'),
    );
    if (!answer) return null;
    const { backup_schedule: schedule } = await named(
      'error getting backup schedule',
      client.call('GET', `${pathOf(id)}/backup-schedule`, signal),
    );
    const vpcs = await named(
      'error getting list of attached VPCs',
      client.call('GET', `${pathOf(id)}/vpcs`, signal),
    );
    // The official one asks for VPC 2.0 networks too, which Vultr has switched off, and gives up on the 404.
    const { enabled, type, hour: at, dow, dom } = object(schedule);
    const ids = (answered: Properties) => objects(answered.vpcs).map((vpc) => text(vpc.id));
    return {
      ...stateOf(object(answer.instance)),
      backups: enabled === true ? 'enabled' : 'disabled',
      backupsSchedule:
        enabled === true ? { type: text(type), hour: at ?? 0, dow: dow ?? 0, dom: dom ?? 0 } : null,
      ...(isZero(state.vpcIds) ? {} : { vpcIds: ids(vpcs) }),
    };
  },

  async update(work, id, { inputs, state, changed }) {
    const { client, signal } = work;
    const schedule = object(inputs.backupsSchedule);
    if (changed.has('backups')) {
      if (inputs.backups === 'disabled' && !isZero(schedule)) {
        throw new Error('Backups are being set to disabled please remove backups_schedule');
      }
      if (inputs.backups === 'enabled' && isZero(schedule)) {
        throw new Error('Backups are being set to enabled please add backups_schedule');
      }
    }
    const moved = (name: string) => {
      const [before, after] = [texts(state[name]), texts(inputs[name])];
      if (!changed.has(name) || isSame(before, after, true)) return { attach: [], detach: [] };
      return {
        attach: after.filter((entry) => !before.includes(entry)),
        detach: before.filter((entry) => !after.includes(entry)),
      };
    };
    const [vpc, vpc2] = [moved('vpcIds'), moved('vpc2Ids')];
    await named(
      `error updating instance ${id} `,
      client.call('PATCH', pathOf(id), signal, {
        ...given({
          plan: changed.has('plan') ? text(inputs.plan) : '',
          label: text(inputs.label),
          firewall_group_id: text(inputs.firewallGroupId),
          backups: changed.has('backups') ? text(inputs.backups) : '',
          attach_vpc: vpc.attach,
          detach_vpc: vpc.detach,
          attach_vpc2: vpc2.attach,
          detach_vpc2: vpc2.detach,
        }),
        ...(changed.has('tags') ? { tags: texts(inputs.tags) } : {}),
        ...(changed.has('ddosProtection') ? { ddos_protection: inputs.ddosProtection === true } : {}),
        enable_ipv6: inputs.enableIpv6 === true,
      }),
    );
    if (changed.has('isoId')) {
      const iso = text(inputs.isoId);
      await (iso === ''
        ? client.call('POST', `${pathOf(id)}/iso/detach`, signal)
        : client.call('POST', `${pathOf(id)}/iso/attach`, signal, { iso_id: iso }));
    }
    if (inputs.backups === 'enabled' && changed.has('backupsSchedule')) await setSchedule(work, id, schedule);
    if (changed.has('plan')) {
      await named(
        `error while waiting for instance ${id} to have updated plan `,
        waitFor(work, id, 'plan', [text(state.plan)], text(inputs.plan)),
      );
    }
    const said = await instance.read(work, id, inputs);
    if (!said) throw new Error(`error getting instance (${id}): it is gone`);
    return said;
  },

  async delete({ client, signal }, id, state) {
    for (const [name, field] of [
      ['vpcIds', 'detach_vpc'],
      ['vpc2Ids', 'detach_vpc2'],
    ] as const) {
      const attached = texts(state[name]);
      if (attached.length === 0) continue;
      await named(
        `error detaching VPCs prior to deleting instance ${id} `,
        client.call('PATCH', pathOf(id), signal, { [field]: attached }),
      );
    }
    if (!isZero(state.isoId)) {
      await named(
        `error detaching ISO prior to deleting instance ${id} `,
        client.call('POST', `${pathOf(id)}/iso/detach`, signal),
      );
    }
    // Asked for and not waited for, as in the official one.
    await named(`error destroying instance ${id} `, client.call('DELETE', pathOf(id), signal));
  },
};

/** The one thing a server's disk is made of. */
function systemOf(inputs: Properties): Properties {
  const choices: Properties = given({
    app_id: inputs.appId ?? 0,
    image_id: text(inputs.imageId),
    iso_id: text(inputs.isoId),
    snapshot_id: text(inputs.snapshotId),
  });
  const names = Object.keys(choices);
  if (names.length > 1) {
    throw new Error(`too many options have been selected : [${names.join(' ')}] : please select one`);
  }
  if (isZero(inputs.osId)) {
    if (names.length === 0) throw new Error('error occurred while getting your intended os type');
    return choices;
  }
  if (names[0] !== undefined) throw new Error(`Please do not set ${names[0]} with os_id`);
  return { os_id: inputs.osId ?? 0 };
}

async function setSchedule({ client, signal }: Work<Vultr>, id: string, schedule: Properties): Promise<void> {
  await named(
    'error setting backup schedule',
    client.call('POST', `${pathOf(id)}/backup-schedule`, signal, {
      type: text(schedule.type),
      hour: schedule.hour ?? 0,
      dow: schedule.dow ?? 0,
      ...given({ dom: schedule.dom ?? 0 }),
    }),
  );
}

async function waitFor(
  { client, waiting, signal, limitMs = hour }: Work<Vultr>,
  id: string,
  attribute: 'status' | 'power_status' | 'plan',
  pending: readonly string[],
  target: string,
): Promise<void> {
  await waiting.poll({
    delayMs: 10 * seconds,
    everyMs: 3 * seconds,
    limitMs,
    signal,
    pending,
    target: [target],
    async ask() {
      const answer = await named(`error retrieving Server ${id} `, client.call('GET', pathOf(id), signal));
      return { value: undefined, state: text(object(answer.instance)[attribute]) };
    },
  });
}

function stateOf(machine: Properties): Properties {
  return {
    allowedBandwidth: machine.allowed_bandwidth ?? 0,
    appId: machine.app_id ?? 0,
    dateCreated: text(machine.date_created),
    disk: machine.disk ?? 0,
    features: texts(machine.features),
    firewallGroupId: text(machine.firewall_group_id),
    gatewayV4: text(machine.gateway_v4),
    hostname: text(machine.hostname),
    internalIp: text(machine.internal_ip),
    kvm: text(machine.kvm),
    mainIp: text(machine.main_ip),
    netmaskV4: text(machine.netmask_v4),
    os: text(machine.os),
    osId: machine.os_id ?? 0,
    plan: text(machine.plan),
    powerStatus: text(machine.power_status),
    ram: machine.ram ?? 0,
    region: text(machine.region),
    serverStatus: text(machine.server_status),
    status: text(machine.status),
    tags: texts(machine.tags),
    v6MainIp: text(machine.v6_main_ip),
    v6Network: text(machine.v6_network),
    v6NetworkSize: machine.v6_network_size ?? 0,
    vcpuCount: machine.vcpu_count ?? 0,
  };
}
