import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeCodes, type InstanceHealth, ProductError, type ReportLine } from '@claw-cloud/contracts';
import { describeError, type Log } from '../log.ts';
import { MalformedReport, reportLines } from './report-lines.ts';
import type { Tunnel } from './tunnels.ts';

export interface ReportsOptions {
  readonly heartbeat: (instanceId: string, health: InstanceHealth) => void;
  /** Resolves once the report is committed: only then is it acknowledged. */
  readonly take: (instanceId: string, identityPublicKey: string, line: ReportLine) => Promise<void>;
  readonly log: Log;
  /** Between two streams of a tunnel, doubled from the first up to the second. @default [1000, 300000] */
  readonly retryMs?: readonly [first: number, longest: number];
  /** How long what the database refuses to take now is left alone. @default 600000 */
  readonly refusedMs?: number;
}

/** So many at once, after months without a tunnel, and then one a second. */
const burst = 600;
/** The machine has to finish handing itself over, with a disk that may be busy, and to answer its owner. */
const goodbyeGraceMs = 10_000;

/**
 * Listens to what an instance reports of itself for as long as its tunnel lives: one stream, opened again when it
 * breaks. An agent that knows no such stream (404) is asked no more.
 */
export async function listenToReports(
  tunnel: Tunnel,
  signal: AbortSignal,
  options: ReportsOptions,
): Promise<void> {
  const { retryMs: [first, longest] = [1_000, 300_000], log } = options;
  const { instanceId, epoch, session } = tunnel;
  let waitMs = first;
  while (!signal.aborted && !session.closed && !session.destroyed) {
    const started = performance.now();
    const stream = session.request({ ':method': 'POST', ':path': '/reports' }, { endStream: false });
    stream.on('error', () => undefined);
    try {
      if ((await statusOf(stream, signal)) === 404) return;
      await readReports(tunnel, stream, signal, options);
    } catch (error) {
      if (error instanceof ProductError && error.code === 'tunnel_key_unknown') {
        log.warn('tunnel closed: its key is no longer the instance’s', { instanceId, epoch });
        return void tunnel.close(closeCodes.refused, error.code);
      }
      if (!signal.aborted)
        log.warn('reports broke off', {
          instanceId,
          epoch,
          ...(error instanceof MalformedReport
            ? { reason: `malformed: ${error.message}` }
            : describeError(error)),
        });
    } finally {
      stream.close();
    }
    if (performance.now() - started > longest) waitMs = first;
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, longest);
  }
}

async function readReports(
  tunnel: Tunnel,
  stream: ClientHttp2Stream,
  signal: AbortSignal,
  options: ReportsOptions,
): Promise<void> {
  const { heartbeat, take, refusedMs = 600_000 } = options;
  const { instanceId } = tunnel;
  const pace = createPace();
  /** What could not be taken must not be acknowledged, nor anything behind it; heartbeats go on. */
  let heldSince: number | null = null;
  /** Nothing of a machine that has said goodbye is taken any more; its owner's answer may still be on its way. */
  let parted = false;
  const acknowledge = (n: number) => {
    if (heldSince === null && stream.writable) stream.write(`${JSON.stringify({ ack: n })}\n`);
  };
  for await (const line of reportLines(stream as AsyncIterable<Buffer>)) {
    await pace(signal);
    if (signal.aborted) return;
    if (parted) continue;
    if (line.report.kind === 'heartbeat') {
      heartbeat(instanceId, line.report.health);
      // A new stream brings what was held once more.
      if (heldSince !== null && performance.now() - heldSince > refusedMs) return;
    } else if (heldSince === null) {
      try {
        await take(instanceId, tunnel.proof.identityPublicKey, line);
      } catch (error) {
        if (!(error instanceof ProductError) || error.code !== 'rate_limited') throw error;
        options.log.warn('reports held', { instanceId, reason: error.code });
        heldSince = performance.now();
      }
    }
    acknowledge(line.n);
    if (heldSince !== null) continue;
    settle(tunnel, line, signal);
    parted = line.report.kind === 'goodbye';
  }
}

/** What a report that was taken means for the tunnel it came through. */
function settle(tunnel: Tunnel, { report }: ReportLine, signal: AbortSignal): void {
  // Who has proven the former key has named this one: the tunnel speaks for it from here on.
  if (report.kind === 'identity_rotated') tunnel.proof.identityPublicKey = report.identityPublicKey;
  // The agent is ended by the handing over; one that is not is shown out.
  if (report.kind === 'goodbye')
    void sleep(goodbyeGraceMs, undefined, { signal, ref: false }).then(
      () => tunnel.close(closeCodes.refused, 'tunnel_key_unknown'),
      () => undefined,
    );
}

function statusOf(stream: ReturnType<ClientHttp2Session['request']>, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('The stream of reports ended before it began.'));
    stream.once('response', (headers) => {
      const status = Number(headers[':status']);
      if (status === 404 || status === 200) resolve(status);
      else reject(new Error('The instance takes no stream of reports.'));
    });
    stream.once('close', ended);
    signal.addEventListener('abort', ended, { once: true });
  });
}

/** Waits where more than {@link burst} lines came at once, so that the instance's stream fills and it stops writing. */
function createPace(): (signal: AbortSignal) => Promise<void> {
  let allowed = burst;
  let at = performance.now();
  return async (signal) => {
    const now = performance.now();
    allowed = Math.min(burst, allowed + (now - at) / 1000);
    at = now;
    allowed -= 1;
    if (allowed < 0) await sleep(-allowed * 1000, undefined, { signal }).catch(() => undefined);
  };
}
