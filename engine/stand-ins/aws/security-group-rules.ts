import { isSame, objects, type Properties, text, texts } from '../protocol/values.ts';

const same = (one: Properties, other: Properties) => isSame(one, other, true);

/** A rule as a program gives it, with everything said. */
function complete(rule: Properties): Properties {
  return {
    cidrBlocks: texts(rule.cidrBlocks),
    description: text(rule.description),
    fromPort: rule.fromPort ?? 0,
    ipv6CidrBlocks: texts(rule.ipv6CidrBlocks),
    prefixListIds: texts(rule.prefixListIds),
    protocol: text(rule.protocol).toLowerCase() === 'all' ? '-1' : text(rule.protocol).toLowerCase(),
    securityGroups: texts(rule.securityGroups),
    self: rule.self === true,
    toPort: rule.toPort ?? 0,
  };
}

/** A rule for every single peer: what two ways to group the same rules have in common. */
function single(rule: Properties): Properties[] {
  const { protocol, fromPort, toPort, description } = rule;
  const base = { protocol, fromPort, toPort, description } as Properties;
  return [
    ...(['cidrBlocks', 'ipv6CidrBlocks', 'prefixListIds', 'securityGroups'] as const).flatMap((name) =>
      texts(rule[name]).map((peer) => ({ ...base, [name]: [peer] })),
    ),
    ...(rule.self === true ? [{ ...base, self: true }] : []),
  ];
}

const within = (rule: Properties, pool: readonly Properties[]) =>
  single(rule).every((peer) => pool.some((other) => same(peer, other)));

/** EC2's permissions as rules: one for each protocol, range of ports and description. */
function gathered(groupId: string, permissions: readonly Properties[]): Properties[] {
  const rules: Properties[] = [];
  const add = (base: Properties, change: (rule: Properties) => void) => {
    const keys = ['protocol', 'fromPort', 'toPort', 'description'] as const;
    let rule = rules.find((entry) => keys.every((key) => entry[key] === base[key]));
    if (!rule) {
      rule = complete(base);
      rules.push(rule);
    }
    change(rule);
  };
  for (const permission of permissions) {
    const base = {
      protocol: text(permission.ipProtocol),
      fromPort: Number(text(permission.fromPort) || 0),
      toPort: Number(text(permission.toPort) || 0),
    };
    const peers = (set: string, field: string, name: string) => {
      for (const peer of objects(permission[set])) {
        add({ ...base, description: text(peer.description) }, (rule) => {
          rule[name] = [...texts(rule[name]), text(peer[field])];
        });
      }
    };
    peers('ipRanges', 'cidrIp', 'cidrBlocks');
    peers('ipv6Ranges', 'cidrIpv6', 'ipv6CidrBlocks');
    peers('prefixListIds', 'prefixListId', 'prefixListIds');
    for (const peer of objects(permission.groups)) {
      add({ ...base, description: text(peer.description) }, (rule) => {
        if (text(peer.groupId) === groupId) rule.self = true;
        else rule.securityGroups = [...texts(rule.securityGroups), text(peer.groupId)];
      });
    }
  }
  return rules;
}

/** The rules EC2 has, grouped as the state has them where they mean the same. */
export function rulesIn(
  groupId: string,
  permissions: readonly Properties[],
  standing: readonly Properties[],
): Properties[] {
  const remote = gathered(groupId, permissions);
  const pool = remote.flatMap(single);
  const known = standing.map(complete).filter((rule) => within(rule, pool));
  const covered = known.flatMap(single);
  const rest = pool.filter((peer) => !covered.some((other) => same(peer, other)));
  return [...known, ...regrouped(rest)];
}

function regrouped(peers: readonly Properties[]): Properties[] {
  const rules: Properties[] = [];
  for (const peer of peers) {
    const keys = ['protocol', 'fromPort', 'toPort', 'description'] as const;
    const rule = rules.find((entry) => keys.every((key) => entry[key] === peer[key]));
    if (!rule) {
      rules.push(complete(peer));
      continue;
    }
    for (const name of ['cidrBlocks', 'ipv6CidrBlocks', 'prefixListIds', 'securityGroups'] as const) {
      rule[name] = [...texts(rule[name]), ...texts(peer[name])];
    }
    rule.self = rule.self === true || peer.self === true;
  }
  return rules;
}

/** Which rules go and which come. */
export function ruleChanges(
  before: readonly Properties[],
  after: readonly Properties[],
): { removed: Properties[]; added: Properties[] } {
  const [old, wanted] = [before.map(complete), after.map(complete)];
  return {
    removed: old.filter((rule) => !wanted.some((other) => same(rule, other))),
    added: wanted.filter((rule) => !old.some((other) => same(rule, other))),
  };
}

/** Rules as EC2's permissions. */
export function permissionsOf(groupId: string, rules: readonly Properties[]): Properties[] {
  return rules.map((rule) => {
    const description = text(rule.description);
    const peers = (name: string, field: string) =>
      texts(rule[name]).map((peer) => ({ [field]: peer, Description: description }));
    const groups = [...texts(rule.securityGroups), ...(rule.self === true ? [groupId] : [])];
    return {
      IpProtocol: text(rule.protocol),
      FromPort: rule.fromPort ?? 0,
      ToPort: rule.toPort ?? 0,
      IpRanges: peers('cidrBlocks', 'CidrIp'),
      Ipv6Ranges: peers('ipv6CidrBlocks', 'CidrIpv6'),
      PrefixListIds: peers('prefixListIds', 'PrefixListId'),
      Groups: groups.map((peer) => ({ GroupId: peer, Description: description })),
    };
  });
}
