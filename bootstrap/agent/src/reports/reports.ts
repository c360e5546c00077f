import { randomBytes } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import {
  heartbeatMs,
  type InstanceHealth,
  InstanceReport,
  ReportAck,
  reportLineLimitBytes,
} from '@claw-cloud/contracts';
import type { Log } from '../log.ts';
import { type KeptReport, openOutbox } from './outbox.ts';

export interface ReportsOptions {
  /** Where reports wait for their acknowledgement. */
  folder: string;
  health: () => InstanceHealth;
  log: Log;
  /** The api has answered, to a heartbeat or another report. */
  onAnswer?: () => void;
  now?: () => Date;
  random?: () => number;
  newId?: () => string;
  /** @default the contract's */
  heartbeatEveryMs?: number;
}

export interface Reports {
  /** Tells the control plane, now or as soon as there is a tunnel, and again until it has acknowledged. */
  report(report: InstanceReport): void;
  /** Serves the api's `POST /reports`; a newer stream takes an older one's place. */
  serve(stream: ServerHttp2Stream): void;
  /** Calls `listener` with each report that was acknowledged, until the returned function is called. */
  onAcknowledged(listener: (report: InstanceReport) => void): () => void;
}

const newReportId = (): string => randomBytes(12).toString('hex');

/** Reads lines of JSON, each of a bounded length; null for one that is none. */
function readLines(stream: ServerHttp2Stream, onLine: (line: unknown) => void): void {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      let line: unknown = null;
      try {
        line = JSON.parse(text.slice(0, end));
      } catch {
        // Stays null.
      }
      text = text.slice(end + 1);
      onLine(line);
    }
    if (text.length > reportLineLimitBytes) stream.close();
  });
}

/**
 * What the instance tells the control plane by itself. Heartbeats go out on an open stream only; every other report
 * waits in the outbox until it was acknowledged, through restarts and power cuts, and may arrive twice.
 */
export function createReports(options: ReportsOptions): Reports {
  const { folder, health, log, now = () => new Date(), random = Math.random, newId = newReportId } = options;
  const { heartbeatEveryMs = heartbeatMs } = options;
  const outbox = openOutbox(folder, log);
  const listeners = new Set<(report: InstanceReport) => void>();
  let current: { stream: ServerHttp2Stream; send(report: KeptReport): void } | null = null;

  const keep = (report: InstanceReport): KeptReport => ({ id: newId(), at: now().toISOString(), report });

  const serve = (stream: ServerHttp2Stream): void => {
    current?.stream.close();
    stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
    /** By their number on this stream: what the api hasn't acknowledged. */
    const sent = new Map<number, KeptReport>();
    let n = 0;
    let timer: NodeJS.Timeout | undefined;
    const send = (report: KeptReport): void => {
      if (!stream.writable) return;
      n += 1;
      if (report.report.kind !== 'heartbeat') sent.set(n, report);
      stream.write(`${JSON.stringify({ n, ...report })}\n`);
    };
    const beat = (): void => {
      // An api that reads nothing gets no more of them; the next one tells the same.
      if (!stream.writableNeedDrain) send(keep({ kind: 'heartbeat', health: health() }));
      timer = setTimeout(beat, heartbeatEveryMs * (0.8 + 0.4 * random()));
      timer.unref();
    };
    readLines(stream, (line) => {
      const ack = ReportAck.safeParse(line);
      if (!ack.success) return void stream.close();
      options.onAnswer?.();
      for (const [number, report] of sent) {
        if (number > ack.data.ack) break;
        sent.delete(number);
        outbox.remove(report.id);
        for (const listener of listeners) listener(report.report);
      }
    });
    stream.on('error', () => undefined);
    stream.once('close', () => {
      clearTimeout(timer);
      if (current?.stream === stream) current = null;
    });
    stream.once('end', () => stream.end());
    current = { stream, send };
    for (const report of outbox.all()) send(report);
    beat();
  };

  return {
    serve,
    report(report) {
      const kept = keep(InstanceReport.parse(report));
      outbox.add(kept);
      current?.send(kept);
    },
    onAcknowledged(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
