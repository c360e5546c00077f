import type { ClientHttp2Session } from 'node:http2';
import { createInterface } from 'node:readline';
import { type InstanceReport, ReportLine } from '@claw-cloud/contracts';
import type { StubControlPlane } from './stub-control-plane.ts';

type ReportOf<K extends InstanceReport['kind']> = Extract<InstanceReport, { kind: K }>;

export interface ReportListener {
  /** Every line as it came, heartbeats too, over all tunnels. */
  lines: string[];
  reports: InstanceReport[];
  /** While false nothing is acknowledged. */
  acknowledges: boolean;
  /** The first report of a kind after the `skip` first ones that `pick` takes. Raises after `limitMs`. */
  wait<K extends InstanceReport['kind']>(
    kind: K,
    pick?: (report: ReportOf<K>) => boolean,
    limitMs?: number,
  ): Promise<ReportOf<K>>;
  /** Forgets what came so far: `wait` is about what comes. */
  clear(): void;
  close(): void;
}

/** The api's side of reports: listens at each of a stub's tunnels and acknowledges; for tests. */
export function listenToReports(stub: StubControlPlane): ReportListener {
  let closed = false;
  const listener: ReportListener = {
    lines: [],
    reports: [],
    acknowledges: true,
    async wait(kind, pick = () => true, limitMs = 120_000) {
      const end = performance.now() + limitMs;
      for (;;) {
        for (const report of listener.reports)
          if (report.kind === kind && pick(report as ReportOf<typeof kind>))
            return report as ReportOf<typeof kind>;
        if (performance.now() > end) {
          const kinds = listener.reports.map((report) => JSON.stringify(report)).join('\n');
          throw new Error(`no report "${kind}" within ${limitMs} ms; there were:\n${kinds.slice(-3000)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    clear() {
      listener.lines.length = 0;
      listener.reports.length = 0;
    },
    close() {
      closed = true;
    },
  };

  const serve = async (session: ClientHttp2Session): Promise<void> => {
    const stream = session.request({ ':method': 'POST', ':path': '/reports' }, { endStream: false });
    stream.on('error', () => undefined);
    for await (const line of createInterface({ input: stream })) {
      const { n, report } = ReportLine.parse(JSON.parse(line));
      listener.lines.push(line);
      listener.reports.push(report);
      if (report.kind === 'identity_rotated' && listener.acknowledges) {
        // As the api does: through a tunnel that the former key proved.
        const registered = stub.registered();
        if (registered) registered.identityPublicKey = report.identityPublicKey;
      }
      if (listener.acknowledges && stream.writable) stream.write(`${JSON.stringify({ ack: n })}\n`);
    }
  };
  const keepListening = async (): Promise<void> => {
    while (!closed) {
      const session = await stub.tunnel(3_600_000).catch(() => null);
      if (!session || closed) return;
      await serve(session).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  void keepListening();
  return listener;
}
