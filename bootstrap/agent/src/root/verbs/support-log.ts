import { GrantId } from '@claw-cloud/contracts';
import { z } from 'zod';
import { placesOf } from '../../support/places.ts';
import { readSshdLog, SshdEvent } from '../../support/sshd-log.ts';
import { rootVerb } from '../verb.ts';

/** Who knocked at a grant's SSH daemon since `after`, which is a `cursor` of an earlier answer. */
export const supportLog = rootVerb({
  params: z.object({ grantId: GrantId, after: z.string().max(500).nullable() }),
  result: z.object({ events: z.array(SshdEvent).max(1000), cursor: z.string().max(500).nullable() }),
  limitMs: 20_000,
  async work({ grantId, after }, { paths, run }) {
    const { slice } = placesOf(paths.rootState, grantId).units;
    await run(['journalctl', '--sync'], { timeoutMs: 5_000 });
    const { stdout } = await run([
      ...['journalctl', '--boot', '--no-pager', '--output=json', '--lines=1000'],
      ...['--output-fields=MESSAGE', `--after-cursor=${after ?? ''}`].slice(0, after === null ? 1 : 2),
      ...[`_SYSTEMD_SLICE=${slice}`, 'SYSLOG_IDENTIFIER=claw-support'],
    ]);
    const { events, cursor } = readSshdLog(stdout);
    return { events: events.slice(-1000), cursor: cursor ?? after };
  },
});
