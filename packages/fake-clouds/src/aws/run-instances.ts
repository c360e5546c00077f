import { setTimeout as delay } from 'node:timers/promises';
import { takeBootBehaviour } from '../faults/faults.ts';
import { ec2Refusal, itemsOf, textsOf } from './answers.ts';
import {
  type AwsParts,
  askMoto,
  asResponse,
  type Call,
  ec2Params,
  givenTags,
  listOf,
  type MotoAnswer,
} from './call.ts';
import { images } from './images.ts';
import { switchOff, switchOn } from './instance-life.ts';
import type { InstanceRecord } from './state.ts';

const maxUserDataBytes = 16_384;

export const faultTarget = (call: Call, makes?: 'server' | 'firewall') => ({
  method: 'POST',
  path: call.action,
  account: call.identity.accountName,
  region: call.region,
  ...(makes === undefined ? {} : { makes }),
  ...(call.params.has('InstanceType') ? { size: call.params.get('InstanceType') ?? '' } : {}),
});

/** Cores and architecture of an instance type that the region offers; null when it doesn't. */
export async function typeIn(parts: AwsParts, where: { account: string; region: string }, type: string) {
  const key = `${where.region} ${type}`;
  const known = parts.state.vcpusOfType.get(key);
  if (known !== undefined) return known;
  const [offered, described] = await Promise.all([
    askMoto(
      parts,
      where,
      ec2Params('DescribeInstanceTypeOfferings', {
        LocationType: 'region',
        'Filter.1.Name': 'instance-type',
        'Filter.1.Value.1': type,
      }),
    ),
    askMoto(parts, where, ec2Params('DescribeInstanceTypes', { 'InstanceType.1': type })),
  ]);
  const exists = described.ok && textsOf(described.body, 'instanceType').includes(type);
  const answer =
    exists && textsOf(offered.body, 'location').includes(where.region)
      ? {
          vcpus: Number(textsOf(described.body, 'defaultVCpus')[0]),
          architecture:
            /<supportedArchitectures>.*?<item>(\w+)<\/item><\/supportedArchitectures>/.exec(
              described.body,
            )?.[1] ?? '',
        }
      : null;
  parts.state.vcpusOfType.set(key, answer);
  return answer;
}

export const vcpusInUse = (parts: AwsParts, where: { account: string; region: string }): number =>
  [...parts.state.instances.values()]
    .filter((entry) => entry.account === where.account && entry.region === where.region)
    .filter((entry) => entry.on && entry.endedAt === null)
    .reduce((sum, { vcpus }) => sum + vcpus, 0);

/**
 * RunInstances as AWS does it where moto is laxer: the same client token makes no second server, unknown types and
 * images of another architecture are refused, the quota counts, and a network interface goes with its server.
 */
export async function runInstances(parts: AwsParts, call: Call): Promise<Response> {
  const token = call.params.get('ClientToken');
  if (token === null) return asResponse(await make(parts, call));
  const key = `${call.identity.account} ${call.region} ${token}`;
  const request = fingerprint(call.params);
  const before = parts.state.replays.get(key);
  if (before && before.request !== request) {
    return ec2Refusal({
      status: 400,
      code: 'IdempotentParameterMismatch',
      message:
        'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
    });
  }
  if (before) return asResponse(await before.answer);
  const answer = make(parts, call);
  parts.state.replays.set(key, { request, answer });
  const made = await answer;
  // Nothing came of it: the token may be used again.
  if (!made.ok) parts.state.replays.delete(key);
  return asResponse(made);
}

const fingerprint = (params: URLSearchParams): string =>
  [...params]
    .filter(([name]) => !name.startsWith('X-Amz'))
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&');

async function refusal(status: number, code: string, message: string): Promise<MotoAnswer> {
  return { ok: false, status, body: await ec2Refusal({ status, code, message }).text() };
}

async function make(parts: AwsParts, call: Call): Promise<MotoAnswer> {
  const { params } = call;
  const where = { account: call.identity.account, region: call.region };
  const size = params.get('InstanceType') ?? 'm1.small';
  const type = await typeIn(parts, where, size);
  if (!type) {
    const known = await askMoto(parts, where, ec2Params('DescribeInstanceTypes', { 'InstanceType.1': size }));
    return known.ok
      ? refusal(
          400,
          'Unsupported',
          'The requested configuration is currently not supported. Please check the documentation for supported configurations.',
        )
      : refusal(400, 'InvalidParameterValue', `Invalid value '${size}' for InstanceType.`);
  }
  const imageId = params.get('ImageId') ?? '';
  const architecture = images.find(({ ami_id }) => ami_id === imageId)?.architecture;
  if (architecture === undefined)
    return refusal(400, 'InvalidAMIID.NotFound', `The image id '[${imageId}]' does not exist`);
  if (architecture !== type.architecture) {
    return refusal(
      400,
      'InvalidParameterValue',
      `The architecture '${type.architecture}' of the specified instance type does not match the architecture '${architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.`,
    );
  }
  const userData = Buffer.from(params.get('UserData') ?? '', 'base64');
  if (userData.length > maxUserDataBytes)
    return refusal(400, 'InvalidParameterValue', 'User data is limited to 16384 bytes');
  const used = vcpusInUse(parts, where);
  if (used + type.vcpus > parts.vcpuLimit) {
    return refusal(
      400,
      'VcpuLimitExceeded',
      `You have requested more vCPU capacity than your current vCPU limit of ${parts.vcpuLimit} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
    );
  }
  const target = faultTarget(call, 'server');
  const boot = takeBootBehaviour(parts.faults, target);
  const outcome = parts.faults.take(['action_fails', 'action_stuck'], target)?.kind;

  const answer = await askMoto(parts, where, withInterface(params));
  if (!answer.ok) return answer;
  const record = recordOf(parts, call, answer.body, {
    size,
    vcpus: type.vcpus,
    userData: userData.toString('utf8'),
    image: imageId,
    boot,
    stuck: outcome === 'action_stuck',
  });
  await parts.machines.create({
    id: record.number,
    name: record.name,
    userData: record.userData,
    serverType: size,
    image: imageId,
    location: call.region,
    publicIpv4: textsOf(answer.body, 'ipAddress')[0] ?? null,
  });
  // It stops right after the order, as servers do whose system or disk gives up.
  if (outcome === 'action_fails') {
    record.on = false;
    await askMoto(parts, where, ec2Params('StopInstances', { 'InstanceId.1': record.id }));
  }
  if (outcome === undefined) bootSoon(parts, record);
  return answer;
}

/** What AWS assumes of the interface that it makes with the server: it goes with it. moto assumes the contrary. */
function withInterface(params: URLSearchParams): URLSearchParams {
  const sent = new URLSearchParams(params);
  if (!sent.has('NetworkInterface.1.DeviceIndex')) {
    sent.set('NetworkInterface.1.DeviceIndex', '0');
    const subnet = sent.get('SubnetId');
    if (subnet !== null) sent.set('NetworkInterface.1.SubnetId', subnet);
    sent.delete('SubnetId');
    listOf(params, 'SecurityGroupId').forEach((id, index) => {
      sent.delete(`SecurityGroupId.${index + 1}`);
      sent.set(`NetworkInterface.1.SecurityGroupId.${index + 1}`, id);
    });
  }
  const name = 'NetworkInterface.1.DeleteOnTermination';
  if (!sent.has(name)) sent.set(name, 'true');
  return sent;
}

function recordOf(
  parts: AwsParts,
  call: Call,
  answer: string,
  given: Pick<InstanceRecord, 'size' | 'vcpus' | 'userData' | 'image' | 'boot' | 'stuck'>,
): InstanceRecord {
  const { params } = call;
  const tags = givenTags(params, 'instance');
  const subnetId = textsOf(answer, 'subnetId')[0] ?? '';
  const groupIds = [
    ...listOf(params, 'SecurityGroupId'),
    ...listOf(params, 'NetworkInterface.1.SecurityGroupId'),
  ];
  const record: InstanceRecord = {
    ...given,
    id: textsOf(itemsOf(answer, 'instancesSet')[0] ?? '', 'instanceId')[0] ?? '',
    number: parts.state.nextNumber(),
    account: call.identity.account,
    region: call.region,
    name: tags.Name ?? '',
    tags,
    keyName: params.get('KeyName'),
    groupIds,
    subnetId,
    ipv6:
      Number(params.get('NetworkInterface.1.Ipv6AddressCount') ?? params.get('Ipv6AddressCount') ?? 0) > 0,
    on: true,
    endedAt: null,
  };
  parts.state.instances.set(record.id, record);
  parts.state.places.add(`${record.account} ${record.region}`);
  parts.state.history.push({
    at: parts.now().toISOString(),
    event: 'created',
    project: record.account,
    serverId: record.number,
    name: record.name,
    labels: tags,
  });
  return record;
}

/** The machine comes up a moment after the answer, as its faults say. */
function bootSoon(parts: AwsParts, record: InstanceRecord): void {
  if (record.boot.kind === 'never') return;
  const pauseMs = record.boot.kind === 'slow' ? record.boot.delayMs : parts.actionMs;
  delay(pauseMs, undefined, { signal: parts.closing, ref: false })
    .then(() => (record.on && record.endedAt === null ? switchOn(parts, record) : undefined))
    .catch(() => switchOff(parts, record, 'pull').catch(() => undefined));
}
