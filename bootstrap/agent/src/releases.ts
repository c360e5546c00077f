import { ReleaseOffer } from '@claw-cloud/contracts';
import type { Log } from './log.ts';
import type { Notices } from './owner/notices.ts';
import { readOrSetAside, writePrivate } from './private-file.ts';
import { answerJson, readJson, type StreamHandler } from './route.ts';

/** A changelog and two digests. */
const offerLimitBytes = 64 * 1024;

export interface Releases {
  /** What the control plane offered last; nothing of it happens without the owner. */
  offered(): ReleaseOffer;
  /** Serves the api's `POST /release-offer`. */
  serve: StreamHandler;
}

/** Keeps the control plane's latest offer in `file`, and tells owners who are there of a new version. */
export function openReleases(file: string, notices: Notices, log: Log): Releases {
  let offer: ReleaseOffer = readOrSetAside(file, (text) => ReleaseOffer.parse(JSON.parse(text)), log) ?? {
    openclaw: null,
    agent: null,
  };
  return {
    offered: () => offer,
    async serve(stream) {
      const next = ReleaseOffer.safeParse(await readJson(stream, offerLimitBytes));
      if (!next.success) return answerJson(stream, 400, { code: 'invalid_request' });
      const { openclaw } = next.data;
      if (openclaw && openclaw.version !== offer.openclaw?.version)
        notices.send({ kind: 'update_offered', version: openclaw.version });
      if (JSON.stringify(next.data) !== JSON.stringify(offer)) {
        offer = next.data;
        writePrivate(file, JSON.stringify(offer));
      }
      answerJson(stream, 200, {});
    },
  };
}
