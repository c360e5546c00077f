import type { Work } from '../protocol/resource.ts';
import { isZero, object, objects, type Properties, text, texts } from '../protocol/values.ts';
import { type Ec2, filters, isRefusal, named, one } from './client.ts';
import { tagsIn } from './tags.ts';

const yes = (value: Properties[string] | undefined) => text(value) === 'true';
const number = (value: Properties[string] | undefined) => Number(text(value) || 0);

/** The instance as EC2 describes it, or null when there is none, or only its tombstone. */
export async function findInstance(work: Work<Ec2>, id: string): Promise<Properties | null> {
  const reservation = await one(work, 'DescribeInstances', { InstanceId: [id] }, 'reservationSet');
  const found = objects(reservation?.instancesSet).find(({ instanceId }) => text(instanceId) === id);
  return found && stateName(found) !== 'terminated' ? found : null;
}

export const stateName = (instance: Properties) => text(object(instance.instanceState).name);

/** The device that the image boots from. */
export async function rootDeviceOf(work: Work<Ec2>, imageId: string): Promise<string> {
  const image = await one(work, 'DescribeImages', { ImageId: [imageId] }, 'imagesSet');
  if (!image) throw new Error(`reading EC2 AMI (${imageId}): couldn't find resource`);
  const names = objects(image.blockDeviceMapping).map(({ deviceName }) => text(deviceName));
  const root = text(image.rootDeviceName);
  return names.length === 0 || names.includes(root) ? root : (names[0] ?? root);
}

/** The ids of the volumes that are attached. */
export async function volumeIdsOf(work: Work<Ec2>, id: string): Promise<string[]> {
  const volumes = await work.client.all(
    'DescribeVolumes',
    { Filter: filters({ 'attachment.instance-id': id }) },
    'volumeSet',
    work.signal,
  );
  return volumes.map(({ volumeId }) => text(volumeId));
}

/** Everything the official provider asks about an instance, in its order. Null when it is gone. */
export async function readInstance(
  work: Work<Ec2>,
  id: string,
  state: Properties,
): Promise<Properties | null> {
  const { client, signal } = work;
  const words = `reading EC2 Instance (${id})`;
  const instance = await named(words, findInstance(work, id));
  if (!instance) return null;
  const instanceType = text(instance.instanceType);
  const type = await named(
    `reading EC2 Instance Type (${instanceType})`,
    one(work, 'DescribeInstanceTypes', { InstanceType: [instanceType] }, 'instanceTypeSet'),
  );
  const template = { 'resource-id': id, key: 'aws:ec2launchtemplate:id' };
  await named(`${words} launch template`, client.call('DescribeTags', { Filter: filters(template) }, signal));
  const volumeTags = isZero(state.volumeTags)
    ? {}
    : { volumeTags: await named(words, volumeTagsOf(work, id)) };
  const network = await named(words, one(work, 'DescribeVpcs', { VpcId: [text(instance.vpcId)] }, 'vpcSet'));
  const groups = groupsIn(instance);
  const shutdown = await attribute(work, id, 'instanceInitiatedShutdownBehavior');
  const root = await named(words, rootBlockDevice(work, instance, !isZero(state.volumeTags)));
  const disableApiStop = await attribute(work, id, 'disableApiStop');
  const disableApiTermination = await attribute(work, id, 'disableApiTermination');
  const userData = await attribute(work, id, 'userData');
  const burstable = yes(type?.burstablePerformanceSupported);
  return {
    ...addresses(instance),
    ...volumeTags,
    ami: text(instance.imageId),
    arn: `arn:aws:ec2:${client.region}:${text(network?.ownerId)}:instance/${id}`,
    availabilityZone: text(object(instance.placement).availabilityZone),
    tenancy: text(object(instance.placement).tenancy),
    cpuOptions: {
      coreCount: number(object(instance.cpuOptions).coreCount),
      threadsPerCore: number(object(instance.cpuOptions).threadsPerCore),
    },
    ...(burstable ? { creditSpecification: { cpuCredits: await creditsOf(work, id) } } : {}),
    disableApiStop: disableApiStop === 'true',
    disableApiTermination: disableApiTermination === 'true',
    ebsOptimized: yes(instance.ebsOptimized),
    hibernation: yes(object(instance.hibernationOptions).configured),
    instanceInitiatedShutdownBehavior: shutdown,
    instanceState: stateName(instance),
    instanceType,
    keyName: text(instance.keyName),
    metadataOptions: metadataState(object(instance.metadataOptions)),
    monitoring: ['enabled', 'pending'].includes(text(object(instance.monitoring).state)),
    region: client.region,
    rootBlockDevice: root,
    securityGroups: yes(network?.isDefault) ? groups.map(({ groupName }) => text(groupName)) : [],
    tags: tagsIn(instance),
    tagsAll: tagsIn(instance),
    ...(userData === '' ? {} : { userData: Buffer.from(userData, 'base64').toString('utf8') }),
    vpcSecurityGroupIds: groups.map(({ groupId }) => text(groupId)),
  };
}

/** The groups stand with the instance, and with its first interface too. */
function groupsIn(instance: Properties): Properties[] {
  const own = objects(instance.groupSet);
  return own.length > 0 ? own : objects(objects(instance.networkInterfaceSet)[0]?.groupSet);
}

function metadataState(options: Properties): Properties {
  return {
    httpEndpoint: text(options.httpEndpoint),
    httpProtocolIpv6: text(options.httpProtocolIpv6),
    httpPutResponseHopLimit: number(options.httpPutResponseHopLimit),
    httpTokens: text(options.httpTokens),
    instanceMetadataTags: text(options.instanceMetadataTags),
  };
}

function addresses(instance: Properties): Properties {
  const primary = objects(instance.networkInterfaceSet).find(
    ({ attachment }) => number(object(attachment).deviceIndex) === 0,
  );
  const sixes = objects(primary?.ipv6AddressesSet).map(({ ipv6Address }) => text(ipv6Address));
  const publicIp = text(instance.ipAddress);
  const associated = primary ? !isZero(primary.association) : publicIp !== '';
  return {
    associatePublicIpAddress: associated,
    ipv6AddressCount: sixes.length,
    ipv6Addresses: sixes,
    primaryNetworkInterfaceId: text(primary?.networkInterfaceId),
    privateDns: text(instance.privateDnsName),
    privateIp: text(instance.privateIpAddress),
    publicDns: text(instance.dnsName),
    publicIp,
    secondaryPrivateIps: objects(primary?.privateIpAddressesSet)
      .filter((address) => !yes(address.primary))
      .map(({ privateIpAddress }) => text(privateIpAddress)),
    sourceDestCheck: text(instance.sourceDestCheck) !== 'false',
    subnetId: text(primary?.subnetId) || text(instance.subnetId),
  };
}

async function attribute({ client, signal }: Work<Ec2>, id: string, name: string): Promise<string> {
  const answer = await named(
    `getting attribute (${name})`,
    client.call('DescribeInstanceAttribute', { InstanceId: id, Attribute: name }, signal),
  );
  return text(object(answer[name]).value);
}

async function creditsOf({ client, signal }: Work<Ec2>, id: string): Promise<string> {
  try {
    const answer = await client.call('DescribeInstanceCreditSpecifications', { InstanceId: [id] }, signal);
    return text(objects(answer.instanceCreditSpecificationSet)[0]?.cpuCredits);
  } catch (error) {
    if (isRefusal(error, 'UnsupportedOperation')) return '';
    return named(`reading EC2 Instance (${id}) credit specification`, Promise.reject(error));
  }
}

async function volumeTagsOf(work: Work<Ec2>, id: string): Promise<Properties> {
  const ids = await volumeIdsOf(work, id);
  const tags = await work.client.all(
    'DescribeTags',
    { Filter: filters({ 'resource-id': ids }) },
    'tagSet',
    work.signal,
  );
  return tagsIn({ tagSet: tags });
}

async function rootBlockDevice(work: Work<Ec2>, instance: Properties, tagged: boolean): Promise<Properties> {
  const mappings = objects(instance.blockDeviceMapping);
  const ids = mappings.map(({ ebs }) => text(object(ebs).volumeId)).filter(Boolean);
  if (ids.length === 0) return {};
  const volumes = await work.client.all('DescribeVolumes', { VolumeId: ids }, 'volumeSet', work.signal);
  const mapping = mappings.find(({ deviceName }) => deviceName === instance.rootDeviceName);
  const ebs = object(mapping?.ebs);
  const volume = volumes.find(({ volumeId }) => volumeId === ebs.volumeId);
  if (!volume) return {};
  return {
    deleteOnTermination: yes(ebs.deleteOnTermination),
    deviceName: text(mapping?.deviceName),
    encrypted: yes(volume.encrypted),
    iops: number(volume.iops),
    kmsKeyId: text(volume.kmsKeyId),
    throughput: number(volume.throughput),
    volumeId: text(volume.volumeId),
    volumeSize: number(volume.size),
    volumeType: text(volume.volumeType),
    ...(tagged ? {} : { tags: tagsIn(volume) }),
  };
}

/** The groups that a program puts an instance in. */
export const groupsOf = (inputs: Properties): string[] => texts(inputs.vpcSecurityGroupIds);
