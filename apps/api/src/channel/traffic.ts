import { describeError, type Log } from '../log.ts';

/** What went through, as numbers; the relay knows nothing else of it. */
export interface Traffic {
  messages: number;
  bytesUp: number;
  bytesDown: number;
}

export interface TrafficMeter {
  up(instanceId: string, bytes: number): void;
  down(instanceId: string, bytes: number): void;
  /** Writes down what was counted since the last time; what can't be written is kept for the next. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** Counts messages and bytes per instance and writes them down every `everyMs`. Up is towards the instance. */
export function createTrafficMeter(options: {
  readonly write: (instanceId: string, traffic: Traffic) => Promise<void>;
  readonly log: Log;
  /** @default 10000 */
  readonly everyMs?: number;
}): TrafficMeter {
  const { write, log, everyMs = 10_000 } = options;
  let counted = new Map<string, Traffic>();

  const of = (instanceId: string): Traffic => {
    let traffic = counted.get(instanceId);
    if (!traffic) {
      traffic = { messages: 0, bytesUp: 0, bytesDown: 0 };
      counted.set(instanceId, traffic);
    }
    return traffic;
  };

  const add = (instanceId: string, more: Traffic) => {
    const traffic = of(instanceId);
    traffic.messages += more.messages;
    traffic.bytesUp += more.bytesUp;
    traffic.bytesDown += more.bytesDown;
  };

  const flush = async () => {
    const batch = counted;
    counted = new Map();
    for (const [instanceId, traffic] of batch) {
      await write(instanceId, traffic).catch((error: unknown) => {
        add(instanceId, traffic);
        log.warn('traffic not counted yet', { instanceId, ...describeError(error) });
      });
    }
  };

  const timer = setInterval(() => void flush(), everyMs);
  timer.unref();
  return {
    up: (instanceId, bytes) => add(instanceId, { messages: 1, bytesUp: bytes, bytesDown: 0 }),
    down: (instanceId, bytes) => add(instanceId, { messages: 1, bytesUp: 0, bytesDown: bytes }),
    flush,
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
