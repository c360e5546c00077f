import type { BootBehaviour } from '../faults/faults.ts';
import { type CloudParts, stamp, textField, textsField, uuid } from './context.ts';
import { apiError, texts } from './errors.ts';
import type { InstanceLife } from './instance-life.ts';
import type { AccountState, InstanceRow } from './state.ts';

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The row of a `POST /instances` as the vendor would make it, or its refusal. Makes nothing. */
export function readOrder(
  parts: CloudParts,
  account: AccountState,
  body: Record<string, unknown>,
): InstanceRow {
  const { catalogue, store } = parts;
  const region = catalogue.regions.find(({ id }) => id === body.region);
  if (!region) throw apiError(400, 'Invalid region.');
  const plan = catalogue.plans.find(({ id }) => id === body.plan);
  if (!plan || !['vc2', 'vhf', 'vhp', 'voc', 'vdc', 'vcg'].includes(plan.type))
    throw apiError(400, texts.badPlan);
  const os = catalogue.os.find(({ id }) => id === body.os_id);
  if (!os) throw apiError(400, 'Invalid os_id.');
  const group = textField(body, 'firewall_group_id');
  if (group && !uuid.test(group)) throw apiError(400, texts.badFormat);
  if (group && !account.firewallGroups.some(({ id }) => id === group))
    throw apiError(400, 'Invalid firewall group.');
  const userData = textField(body, 'user_data', 2_000_000);
  if (!base64.test(userData)) throw apiError(400, 'Invalid user_data: must be base64 encoded.');
  const backups = body.backups ?? 'disabled';
  if (backups !== 'enabled' && backups !== 'disabled') throw apiError(400, 'Invalid backups.');
  if (account.instances.length >= parts.limits.servers) throw apiError(400, texts.limit);
  if (!plan.locations.includes(region.id) || plan.soldOut?.includes(region.id))
    throw apiError(400, 'Server add failed: Plan is not available in the selected location.');
  const label = textField(body, 'label');
  const machine = store.nextMachine;
  store.nextMachine += 1;
  const last = machine % 65_536;
  const network = `2001:db8:${last.toString(16)}::`;
  return {
    id: parts.newId(),
    machine,
    label,
    hostname: textField(body, 'hostname') || 'vultr.guest',
    tags: textsField(body, 'tags') ?? [],
    plan: plan.id,
    region: region.id,
    osId: os.id,
    created: stamp(parts.now()),
    status: 'pending',
    power: 'running',
    health: 'none',
    firewallGroupId: group,
    mainIp: `198.18.${last >> 8}.${last & 255}`,
    v6: body.enable_ipv6 === true ? { network, mainIp: `${network}1`, size: 64 } : null,
    userData: Buffer.from(userData, 'base64').toString('utf8'),
    sshKeyIds: textsField(body, 'sshkey_id') ?? [],
    backups: backups === 'enabled',
    ddosProtection: body.ddos_protection === true,
    defaultPassword: parts.randomText(16),
    boot: { kind: 'normal', delayMs: 0 },
  };
}

/** Puts a checked row into the account, makes its machine and lets it boot; a `stuck` one stays pending for ever. */
export async function makeInstance(
  parts: CloudParts,
  life: InstanceLife,
  accountName: string,
  row: InstanceRow,
  birth: { boot: BootBehaviour; end?: 'stuck' | 'fails' } = { boot: { kind: 'normal', delayMs: 0 } },
): Promise<void> {
  row.boot = birth.boot;
  parts.store.account(accountName).instances.push(row);
  parts.store.record({ event: 'created', account: accountName, id: row.id, tags: row.tags });
  await parts.machines.create({
    id: row.machine,
    name: row.hostname,
    userData: row.userData,
    serverType: row.plan,
    image: String(row.osId),
    location: row.region,
    publicIpv4: row.mainIp,
  });
  if (birth.end !== 'stuck') life.begin(row, birth.end);
}
