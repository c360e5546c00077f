import { z } from 'zod';
import { redact } from '../../redact.ts';
import { rootVerb } from '../verb.ts';

/** Terms of one source are alternatives; 4 and 10 are syslog's facilities of authentication. */
const sources = {
  agent: ['_SYSTEMD_UNIT=claw-agent.service'],
  gateway: ['_SYSTEMD_UNIT=openclaw-gateway.service'],
  bootstrap: ['_SYSTEMD_UNIT=claw-bootstrap.service', 'SYSLOG_IDENTIFIER=cloud-init'],
  security: [
    '_SYSTEMD_UNIT=claw-root.service',
    '_SYSTEMD_UNIT=nftables.service',
    '_SYSTEMD_UNIT=apt-daily-upgrade.service',
    'SYSLOG_IDENTIFIER=sshd',
    'SYSLOG_IDENTIFIER=sshd-session',
    'SYSLOG_FACILITY=4',
    'SYSLOG_FACILITY=10',
  ],
} as const;

/** The end of a part of the journal, over boots, without anything that looks like a secret. */
export const machineLogs = rootVerb({
  params: z.object({
    source: z.enum(['agent', 'gateway', 'bootstrap', 'security']),
    lines: z.number().int().min(1).max(1000),
  }),
  result: z.object({ lines: z.array(z.string().max(4000)).max(1000) }),
  limitMs: 20_000,
  async work({ source, lines }, { run }) {
    const terms = sources[source].flatMap((term, index) => (index === 0 ? [term] : ['+', term]));
    const argv = ['journalctl', '--no-pager', '--quiet', '--output=short-iso', `--lines=${lines}`, ...terms];
    const { stdout } = await run(argv, { maxBytes: 1024 * 1024 });
    const all = stdout.split('\n').filter((line) => line !== '');
    return { lines: all.slice(-lines).map((line) => redact(line).slice(0, 4000)) };
  },
});
