import { ec2Refusal, textsOf } from './answers.ts';
import { type AwsParts, askMoto, asResponse, type Call, ec2Params, listOf, type MotoAnswer } from './call.ts';
import type { InstanceRecord } from './state.ts';

export async function switchOn({ machines }: AwsParts, record: InstanceRecord): Promise<void> {
  record.on = true;
  if (record.boot.kind !== 'never') await machines.powerOn(record.number);
}

export async function switchOff(
  { machines }: AwsParts,
  record: InstanceRecord,
  how: 'shutdown' | 'pull',
): Promise<void> {
  record.on = false;
  await machines.powerOff(record.number, how);
}

/** Ends a server and what goes with it, whoever asks for it. */
export async function terminate(parts: AwsParts, record: InstanceRecord): Promise<MotoAnswer> {
  const params = ec2Params('TerminateInstances', { 'InstanceId.1': record.id });
  if (record.endedAt !== null) return endedAlready(record);
  const described = await askMoto(
    parts,
    record,
    ec2Params('DescribeInstances', { 'InstanceId.1': record.id }),
  );
  const answer = await askMoto(parts, record, params);
  if (!answer.ok) return answer;
  record.endedAt = parts.now();
  record.on = false;
  parts.state.history.push({
    at: parts.now().toISOString(),
    event: 'deleted',
    project: record.account,
    serverId: record.number,
    name: record.name,
    labels: { ...record.tags },
  });
  // moto keeps the tags of what went with the server.
  const parents = [...textsOf(described.body, 'networkInterfaceId'), ...textsOf(described.body, 'volumeId')];
  for (const id of new Set(parents))
    if (!(await exists(parts, record, id))) await forgetTags(parts, record, id);
  await parts.machines.destroy(record.number);
  return answer;
}

/** AWS takes that as done; moto looks for an interface that is gone. */
function endedAlready({ id }: InstanceRecord): MotoAnswer {
  const state = '<code>48</code><name>terminated</name>';
  return {
    ok: true,
    status: 200,
    body: `<TerminateInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><instancesSet><item><instanceId>${id}</instanceId><currentState>${state}</currentState><previousState>${state}</previousState></item></instancesSet><requestId>request-id</requestId></TerminateInstancesResponse>`,
  };
}

async function exists(parts: AwsParts, record: InstanceRecord, id: string): Promise<boolean> {
  const params = id.startsWith('vol-')
    ? ec2Params('DescribeVolumes', { 'VolumeId.1': id })
    : ec2Params('DescribeNetworkInterfaces', { 'NetworkInterfaceId.1': id });
  const { ok, body } = await askMoto(parts, record, params);
  return ok && body.includes(id);
}

function forgetTags(parts: AwsParts, record: InstanceRecord, id: string) {
  const keys = [...new Set([...Object.keys(record.tags), 'Name'])];
  const named = keys.map((key, index) => [`Tag.${index + 1}.Key`, key]);
  return askMoto(
    parts,
    record,
    ec2Params('DeleteTags', { 'ResourceId.1': id, ...Object.fromEntries(named) }),
  );
}

/** Starts, stops, reboots or terminates, in moto and in the machine room. */
export async function changePower(parts: AwsParts, call: Call): Promise<Response> {
  const ids = listOf(call.params, 'InstanceId');
  const records = ids.map((id) => parts.state.instances.get(id));
  const foreign = ids.find((_, index) => {
    const record = records[index];
    return !record || record.account !== call.identity.account || record.region !== call.region;
  });
  if (foreign !== undefined) {
    return ec2Refusal({
      status: 400,
      code: 'InvalidInstanceID.NotFound',
      message: `The instance ID '${foreign}' does not exist`,
    });
  }
  const where = { account: call.identity.account, region: call.region };
  const mine = records.filter((record) => record !== undefined);
  if (call.action !== 'TerminateInstances' && mine.some(({ endedAt }) => endedAt !== null)) {
    return ec2Refusal({
      status: 400,
      code: 'IncorrectInstanceState',
      message: `The instance '${mine.find(({ endedAt }) => endedAt !== null)?.id}' is not in a state from which it can be changed.`,
    });
  }
  if (call.action === 'TerminateInstances') {
    let answer: MotoAnswer = { ok: false, status: 500, body: '' };
    for (const record of mine) answer = await terminate(parts, record);
    return asResponse(answer);
  }
  const answer = await askMoto(parts, where, call.params);
  if (!answer.ok) return asResponse(answer);
  for (const record of mine) {
    if (call.action === 'StartInstances') await switchOn(parts, record);
    if (call.action === 'StopInstances')
      await switchOff(parts, record, call.params.get('Force') === 'true' ? 'pull' : 'shutdown');
    if (call.action === 'RebootInstances') await parts.machines.reboot(record.number, 'shutdown');
  }
  return asResponse(answer);
}

/** Another size: only while the server is off, and only one of the same kind of processor. */
export async function modifyInstance(
  parts: AwsParts,
  call: Call,
  typeIn: (size: string) => Promise<{ vcpus: number; architecture: string } | null>,
): Promise<Response> {
  const size = call.params.get('InstanceType.Value');
  const record = parts.state.instances.get(call.params.get('InstanceId') ?? '');
  const where = { account: call.identity.account, region: call.region };
  if (size === null || !record) return asResponse(await askMoto(parts, where, call.params));
  if (record.on) {
    return ec2Refusal({
      status: 400,
      code: 'IncorrectInstanceState',
      message: `The instance '${record.id}' is not in the 'stopped' state.`,
    });
  }
  const [type, old] = await Promise.all([typeIn(size), typeIn(record.size)]);
  if (!type) {
    return ec2Refusal({
      status: 400,
      code: 'InvalidInstanceAttributeValue',
      message: `The instance type '${size}' is not supported.`,
    });
  }
  if (type.architecture !== old?.architecture) {
    return ec2Refusal({
      status: 400,
      code: 'InvalidInstanceAttributeValue',
      message: `The architecture of the instance type '${size}' does not match the instance's image.`,
    });
  }
  const answer = await askMoto(parts, where, call.params);
  if (answer.ok) {
    record.size = size;
    record.vcpus = type.vcpus;
  }
  return asResponse(answer);
}
