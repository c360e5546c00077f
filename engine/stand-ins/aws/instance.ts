import type { Change, Resource, Work } from '../protocol/resource.ts';
import { isZero, object, type Properties, text } from '../protocol/values.ts';
import { type Ec2, isRefusal, named } from './client.ts';
import { given, metadataRequest, requestOf } from './instance-request.ts';
import { findInstance, groupsOf, readInstance, stateName, volumeIdsOf } from './instance-state.ts';
import { changeTags } from './tags.ts';

const minute = 60_000;
/** A server. Its type changes in place, by stopping and starting it; its disk grows in place. */
export const instance: Resource<Ec2> = {
  type: 'aws:ec2/instance:Instance',
  defaults: { getPasswordData: false, sourceDestCheck: true, userDataReplaceOnChange: false },
  computed: [
    'ami',
    'associatePublicIpAddress',
    'availabilityZone',
    'capacityReservationSpecification',
    'cpuOptions',
    'creditSpecification',
    'disableApiStop',
    'disableApiTermination',
    'ebsBlockDevices',
    'ebsOptimized',
    'enablePrimaryIpv6',
    'enclaveOptions',
    'ephemeralBlockDevices',
    'hostId',
    'hostResourceGroupArn',
    'iamInstanceProfile',
    'instanceInitiatedShutdownBehavior',
    'instanceMarketOptions',
    'instanceType',
    'ipv6AddressCount',
    'ipv6Addresses',
    'keyName',
    'maintenanceOptions',
    'metadataOptions',
    'networkInterfaces',
    'placementGroup',
    'placementGroupId',
    'placementPartitionNumber',
    'primaryNetworkInterface',
    'privateDnsNameOptions',
    'privateIp',
    'region',
    'rootBlockDevice',
    'secondaryNetworkInterfaces',
    'secondaryPrivateIps',
    'securityGroups',
    'subnetId',
    'tenancy',
    'userData',
    'userDataBase64',
    'vpcSecurityGroupIds',
  ],
  partial: [
    'capacityReservationSpecification',
    'cpuOptions',
    'creditSpecification',
    'maintenanceOptions',
    'metadataOptions',
    'privateDnsNameOptions',
    'rootBlockDevice',
  ],
  sets: ['ipv6Addresses', 'secondaryPrivateIps', 'securityGroups', 'vpcSecurityGroupIds'],
  replaces: [
    'ami',
    'associatePublicIpAddress',
    'availabilityZone',
    'cpuOptions',
    'ebsBlockDevices',
    'enclaveOptions',
    'ephemeralBlockDevices',
    'hibernation',
    'hostId',
    'ipv6AddressCount',
    'ipv6Addresses',
    'keyName',
    'launchTemplate',
    'networkInterfaces',
    'placementGroup',
    'privateIp',
    'region',
    'securityGroups',
    'subnetId',
    'tenancy',
  ],
  mustReplace: ({ name, before, after }: Change) =>
    name === 'rootBlockDevice' &&
    (['encrypted', 'kmsKeyId'] as const).some(
      (part) => !isZero(object(after)[part]) && object(before)[part] !== object(after)[part],
    ),

  async create(work, inputs, made) {
    const request = await named('collecting instance settings', requestOf(work, inputs));
    const answer = await named(
      'creating EC2 Instance',
      work.client.call('RunInstances', request, work.signal),
    );
    const id = text(object((answer.instancesSet as Properties[] | undefined)?.[0]).instanceId);
    made(id, {});
    await named(
      `waiting for EC2 Instance (${id}) create`,
      waitFor(work, id, ['pending'], 'running', work.limitMs ?? 10 * minute),
    );
    if (inputs.sourceDestCheck === false) await setAttribute(work, id, { SourceDestCheck: { Value: false } });
    const said = await readInstance(work, id, inputs);
    if (said) made(id, said);
  },

  read: readInstance,

  async update(work, id, { inputs, state, changed }) {
    const { client, signal } = work;
    const words = `updating EC2 Instance (${id})`;
    if (changed.has('tags')) await named(words, changeTags(work, id, state.tags, inputs.tags));
    if (changed.has('volumeTags')) {
      for (const volume of await named(words, volumeIdsOf(work, id))) {
        await named(words, changeTags(work, volume, state.volumeTags, inputs.volumeTags));
      }
    }
    if (changed.has('sourceDestCheck')) {
      await setAttribute(work, id, { SourceDestCheck: { Value: inputs.sourceDestCheck !== false } });
    }
    if (changed.has('vpcSecurityGroupIds')) {
      await named(
        `${words}: modifying network interface`,
        client.call(
          'ModifyNetworkInterfaceAttribute',
          {
            NetworkInterfaceId: text(state.primaryNetworkInterfaceId),
            SecurityGroupId: groupsOf(inputs),
          },
          signal,
        ),
      );
    }
    if (changed.has('instanceType')) {
      await named(
        `${words} type`,
        withStopAndStart(work, id, { InstanceType: { Value: text(inputs.instanceType) } }),
      );
    }
    if (changed.has('userData')) {
      const value = Buffer.from(text(inputs.userData)).toString('base64');
      await named(`${words} user data`, withStopAndStart(work, id, { UserData: { Value: value } }));
    }
    for (const [name, parameter] of [
      ['disableApiStop', 'DisableApiStop'],
      ['disableApiTermination', 'DisableApiTermination'],
    ] as const) {
      if (changed.has(name)) await setAttribute(work, id, { [parameter]: { Value: inputs[name] === true } });
    }
    if (changed.has('instanceInitiatedShutdownBehavior')) {
      const Value = text(inputs.instanceInitiatedShutdownBehavior);
      await setAttribute(work, id, { InstanceInitiatedShutdownBehavior: { Value } });
    }
    if (changed.has('monitoring')) {
      const action = inputs.monitoring === true ? 'MonitorInstances' : 'UnmonitorInstances';
      await named(words, client.call(action, { InstanceId: [id] }, signal));
    }
    if (changed.has('metadataOptions')) {
      await named(
        `${words} metadata options`,
        client.call(
          'ModifyInstanceMetadataOptions',
          { InstanceId: id, ...metadataRequest(object(inputs.metadataOptions)) },
          signal,
        ),
      );
    }
    if (changed.has('rootBlockDevice')) await changeRoot(work, id, inputs, state);
    const said = await readInstance(work, id, {
      ...state,
      ...given({ volumeTags: inputs.volumeTags ?? {} }),
    });
    if (!said) throw new Error(`reading EC2 Instance (${id}): couldn't find resource`);
    return said;
  },

  async delete(work, id, state) {
    // The official one says why in its log only, and goes on.
    await setAttribute(work, id, { DisableApiTermination: { Value: false } }).catch(() => {});
    if (state.disableApiStop === true) {
      await setAttribute(work, id, { DisableApiStop: { Value: true } }).catch(() => {});
    }
    try {
      await work.client.call('TerminateInstances', { InstanceId: [id] }, work.signal);
    } catch (error) {
      if (isRefusal(error, 'InvalidInstanceID.NotFound')) return;
      await named(`terminating EC2 Instance (${id})`, Promise.reject(error));
    }
    const living = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];
    await named(
      `waiting for EC2 Instance (${id}) delete`,
      waitFor(work, id, living, 'terminated', work.limitMs ?? 20 * minute),
    );
  },
};

async function setAttribute({ client, signal }: Work<Ec2>, id: string, change: Properties): Promise<void> {
  const name = Object.keys(change)[0] ?? '';
  await named(
    `modifying ${name}`,
    client.call('ModifyInstanceAttribute', { InstanceId: id, ...change }, signal),
  );
}

/** EC2 changes these on a server that is off; a server that was off is on afterwards. */
async function withStopAndStart(work: Work<Ec2>, id: string, change: Properties): Promise<void> {
  const { client, signal } = work;
  await named(`stopping EC2 Instance (${id})`, client.call('StopInstances', { InstanceId: [id] }, signal));
  await named(
    `waiting for EC2 Instance (${id}) stop`,
    waitFor(work, id, ['pending', 'running', 'shutting-down', 'stopping'], 'stopped', 10 * minute),
  );
  await named(
    `modifying EC2 Instance (${id}) attribute`,
    client.call('ModifyInstanceAttribute', { InstanceId: id, ...change }, signal),
  );
  await named(`starting EC2 Instance (${id})`, client.call('StartInstances', { InstanceId: [id] }, signal));
  await named(
    `waiting for EC2 Instance (${id}) start`,
    waitFor(work, id, ['pending', 'stopped'], 'running', 10 * minute),
  );
}

async function changeRoot(work: Work<Ec2>, id: string, inputs: Properties, state: Properties): Promise<void> {
  const [before, after] = [object(state.rootBlockDevice), object(inputs.rootBlockDevice)];
  const volume = text(before.volumeId);
  const change = given({
    Size: after.volumeSize === before.volumeSize ? 0 : (after.volumeSize ?? 0),
    VolumeType: after.volumeType === before.volumeType ? '' : text(after.volumeType),
    Iops: after.iops === before.iops ? 0 : (after.iops ?? 0),
    Throughput: after.throughput === before.throughput ? 0 : (after.throughput ?? 0),
  });
  if (isZero(change)) return;
  await named(
    `updating EC2 Instance (${id}) volume (${volume})`,
    work.client.call('ModifyVolume', { VolumeId: volume, ...change }, work.signal),
  );
}

async function waitFor(
  work: Work<Ec2>,
  id: string,
  pending: readonly string[],
  target: string,
  limitMs: number,
): Promise<void> {
  await work.waiting.poll({
    delayMs: 10_000,
    everyMs: 3_000,
    limitMs,
    signal: work.signal,
    pending,
    target: [target],
    async ask() {
      const found = await findInstance(work, id);
      // A tombstone is as good as none; a server that isn't known yet is asked for again.
      if (!found) return { value: undefined, state: target === 'terminated' ? target : null };
      return { value: undefined, state: stateName(found) };
    },
  });
}
