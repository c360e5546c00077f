import type { FaultBoard } from '../faults/faults.ts';
import type { MachineDriver } from '../machines/driver.ts';
import type { Identities, Identity } from './identities.ts';
import type { Moto } from './moto.ts';
import type { AwsState } from './state.ts';

/** One request after its signature was looked at. */
export interface Call {
  readonly service: string;
  readonly region: string;
  readonly action: string;
  readonly identity: Identity;
  /** Of the query protocol; empty for services that speak JSON. */
  readonly params: URLSearchParams;
  readonly body: string;
}

export interface AwsParts {
  readonly moto: Moto;
  readonly state: AwsState;
  readonly identities: Identities;
  readonly machines: MachineDriver;
  readonly faults: FaultBoard;
  readonly now: () => Date;
  readonly actionMs: number;
  /** vCPUs of running servers that an account may have in a region. */
  readonly vcpuLimit: number;
  readonly closing: AbortSignal;
  /** Whether default networks have IPv6. */
  readonly ipv6: boolean;
}

/** The key under which moto keeps an account apart from the others: a session in it. */
export async function motoKey({ moto, state }: AwsParts, account: string): Promise<string> {
  const known = state.motoKeys.get(account);
  if (known) return known;
  const made = (async () => {
    const answer = await moto.send({
      service: 'sts',
      region: 'us-east-1',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      body: `Action=AssumeRole&Version=2011-06-15&RoleSessionName=all&RoleArn=arn:aws:iam::${account}:role/all`,
    });
    const key = /<AccessKeyId>([^<]+)/.exec(await answer.text())?.[1];
    if (key === undefined) throw new Error('moto gave no session.');
    return key;
  })();
  state.motoKeys.set(account, made);
  return made;
}

export interface MotoAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly body: string;
}

/** Passes a request on to moto's EC2. */
export async function askMoto(
  parts: AwsParts,
  where: { account: string; region: string },
  params: URLSearchParams,
): Promise<MotoAnswer> {
  const answer = await parts.moto.send({
    service: 'ec2',
    region: where.region,
    accessKeyId: await motoKey(parts, where.account),
    body: params.toString(),
  });
  // moto prints the state of a subnet's IPv6 block as the object it is kept in.
  const body = (await answer.text()).replaceAll("{'State': 'associated'}", 'associated');
  return { ok: answer.ok, status: answer.status, body };
}

/** A request of the layer's own. */
export const ec2Params = (Action: string, rest: Record<string, string> = {}): URLSearchParams =>
  new URLSearchParams({ Action, Version: '2016-11-15', ...rest });

export const asResponse = ({ status, body }: MotoAnswer): Response =>
  new Response(body, { status, headers: { 'content-type': 'text/xml;charset=UTF-8' } });

/** `Name.1`, `Name.2` … */
export function listOf(params: URLSearchParams, name: string): string[] {
  const values: string[] = [];
  for (let index = 1; ; index += 1) {
    const value = params.get(`${name}.${index}`);
    if (value === null) return values;
    values.push(value);
  }
}

/** The filters of a describing request: name and values. */
export function filtersOf(params: URLSearchParams): { name: string; values: string[]; index: number }[] {
  const filters: { name: string; values: string[]; index: number }[] = [];
  for (let index = 1; ; index += 1) {
    const name = params.get(`Filter.${index}.Name`);
    if (name === null) return filters;
    filters.push({ name, values: listOf(params, `Filter.${index}.Value`), index });
  }
}

/** The tags that a creating request gives to things of one type. */
export function givenTags(params: URLSearchParams, type: string): Record<string, string> {
  const tags: Record<string, string> = {};
  for (let index = 1; params.has(`TagSpecification.${index}.ResourceType`); index += 1) {
    if (params.get(`TagSpecification.${index}.ResourceType`) !== type) continue;
    for (let tag = 1; params.has(`TagSpecification.${index}.Tag.${tag}.Key`); tag += 1)
      tags[params.get(`TagSpecification.${index}.Tag.${tag}.Key`) ?? ''] =
        params.get(`TagSpecification.${index}.Tag.${tag}.Value`) ?? '';
  }
  return tags;
}
