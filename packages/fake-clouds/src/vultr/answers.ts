import type { CloudParts } from './context.ts';
import type {
  AccountState,
  BlockRow,
  FirewallGroupRow,
  FirewallRule,
  InstanceRow,
  ReservedIpRow,
} from './state.ts';

const maxRules = 50;

/** An instance as the vendor shows it. The password only stands in the answer to the create. */
export function instanceAnswer({ catalogue }: CloudParts, row: InstanceRow, fresh = false) {
  const plan = catalogue.plans.find(({ id }) => id === row.plan);
  const os = catalogue.os.find(({ id }) => id === row.osId);
  return {
    id: row.id,
    os: os?.name ?? '',
    ram: plan?.ramMb ?? 0,
    disk: plan?.diskGb ?? 0,
    main_ip: row.mainIp,
    vcpu_count: plan?.vcpus ?? 0,
    region: row.region,
    ...(fresh ? { default_password: row.defaultPassword } : {}),
    date_created: row.created,
    status: row.status,
    power_status: row.power,
    server_status: row.health,
    allowed_bandwidth: 2000,
    netmask_v4: '255.255.254.0',
    gateway_v4: '198.18.0.1',
    v6_network: row.v6?.network ?? '',
    v6_main_ip: row.v6?.mainIp ?? '',
    v6_network_size: row.v6?.size ?? 0,
    hostname: row.hostname,
    label: row.label,
    tag: row.tags[0] ?? '',
    tags: row.tags,
    internal_ip: '',
    kvm: `https://console.vultr.invalid/${row.id}`,
    os_id: row.osId,
    app_id: 0,
    image_id: '',
    firewall_group_id: row.firewallGroupId,
    features: [
      ...(row.backups ? ['auto_backups'] : []),
      ...(row.v6 ? ['ipv6'] : []),
      ...(row.ddosProtection ? ['ddos_protection'] : []),
    ],
    plan: row.plan,
  };
}

/** A firewall group with what is counted: linked instances and rules. */
export function groupAnswer(account: AccountState, row: FirewallGroupRow) {
  return {
    id: row.id,
    description: row.description,
    date_created: row.created,
    date_modified: row.modified,
    instance_count: account.instances.filter(({ firewallGroupId }) => firewallGroupId === row.id).length,
    rule_count: row.rules.length,
    max_rule_count: maxRules,
  };
}

/** A rule. All rules accept: a group drops what none of its rules accepts. */
export function ruleAnswer(rule: FirewallRule) {
  return {
    id: rule.id,
    type: rule.ipType,
    ip_type: rule.ipType,
    action: 'accept',
    protocol: rule.protocol,
    port: rule.port,
    subnet: rule.subnet,
    subnet_size: rule.subnetSize,
    source: rule.source,
    notes: rule.notes,
  };
}

export function blockAnswer(row: BlockRow) {
  return {
    id: row.id,
    cost: Math.ceil(row.sizeGb / 10),
    status: 'active',
    size_gb: row.sizeGb,
    region: row.region,
    attached_to_instance: row.attachedTo,
    date_created: row.created,
    label: row.label,
    mount_id: `${row.region}-${row.id.slice(0, 8)}`,
  };
}

export function reservedIpAnswer(row: ReservedIpRow) {
  return {
    id: row.id,
    region: row.region,
    ip_type: 'v4',
    subnet: row.subnet,
    subnet_size: 32,
    label: row.label,
    instance_id: row.attachedTo,
  };
}
