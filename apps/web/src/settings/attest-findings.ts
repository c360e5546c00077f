import type { AttestStatement } from '@claw-cloud/contracts';
import type { z } from 'zod';

export type Statement = z.output<typeof AttestStatement>;

export interface Finding {
  readonly what: string;
  /** In words, what is so. */
  readonly said: string;
  readonly well: boolean;
}

const loopback = /^(127\.|\[?::1\]?[:%]|\[::1\]|localhost)/;
/** What a machine needs to speak to its network, and answers nobody by. */
const dhcp = /:(68|546)$/;

/** What a statement says, point by point, and whether it is as it should be. Pure. */
export function findingsOf(statement: Statement): Finding[] {
  const { agent, sockets, usersWithShell, authorisedKeys, grants, sshd, firewall, openclaw } = statement;
  const open = sockets.filter(({ local }) => !loopback.test(local) && !dhcp.test(local));
  const shells = usersWithShell.filter((user) => !user.startsWith('root'));
  const visited = grants.length > 0;
  const names = (list: readonly string[]) => list.slice(0, 5).join(', ') + (list.length > 5 ? '…' : '');
  return [
    {
      what: 'Agent',
      well: agent.sha256 !== null && agent.sha256 === agent.publishedSha256,
      said:
        agent.sha256 === null
          ? 'It does not run from a file with a digest.'
          : agent.publishedSha256 === null
            ? 'No published digest is known to compare it with.'
            : agent.sha256 === agent.publishedSha256
              ? `Version ${agent.version}, the very file that was published.`
              : `Version ${agent.version}. The file published now is another: it waits for an update, or was changed.`,
    },
    {
      what: 'OpenClaw',
      well: openclaw.version !== null && openclaw.integrity !== null,
      said:
        openclaw.version === null
          ? 'It is not installed.'
          : openclaw.integrity === null
            ? `Version ${openclaw.version}, of which no digest is known.`
            : `Version ${openclaw.version}, installed by its digest.`,
    },
    {
      what: 'Open to the network',
      well: open.length === 0,
      said:
        open.length === 0
          ? 'Nothing: every listening socket is the machine’s own.'
          : names(open.map(({ protocol, local, process }) => `${protocol} ${local} (${process})`)),
    },
    {
      what: 'Firewall',
      well: firewall.inbound === 'drop',
      said: firewall.inbound === 'drop' ? 'Drops everything inbound.' : 'Lets something in.',
    },
    {
      what: 'SSH daemon',
      well: sshd !== 'active' || visited,
      said: {
        absent: 'Not there.',
        masked: 'Masked: it can’t be started.',
        inactive: 'Not running.',
        active: visited ? 'Running, for the support you granted.' : 'Running, without a grant of yours.',
      }[sshd],
    },
    {
      what: 'Keys that may log in',
      well: authorisedKeys.length === 0 || visited,
      said:
        authorisedKeys.length === 0
          ? 'None.'
          : names(authorisedKeys.map(({ user, fingerprint }) => `${user}: ${fingerprint}`)),
    },
    {
      what: 'Users with a shell',
      well: shells.length === 0,
      said: usersWithShell.length === 0 ? 'None.' : names(usersWithShell),
    },
    {
      what: 'Security updates',
      well: !statement.rebootRequired,
      said: [
        statement.lastUpgradeAt ? `Last on ${statement.lastUpgradeAt.slice(0, 10)}.` : 'None yet.',
        statement.rebootRequired ? 'One waits for a restart of the machine.' : '',
      ]
        .join(' ')
        .trim(),
    },
  ];
}
