/** Work that goes on beside the tests, in so many lanes; in each, one piece at a time, in the order given. */
export function lanes(count: number) {
  const free = Array.from({ length: count }, (_, lane) => lane);
  const waiting: ((lane: number) => void)[] = [];
  return {
    /** The returned promise may be awaited whenever it suits. The work is told its lane. */
    run<T>(work: (lane: number) => Promise<T>): Promise<T> {
      const done = (async () => {
        const lane = free.shift() ?? (await new Promise<number>((resolve) => waiting.push(resolve)));
        try {
          return await work(lane);
        } finally {
          const next = waiting.shift();
          if (next) next(lane);
          else free.push(lane);
        }
      })();
      // A failure is for whoever awaits it, however much later.
      done.catch(() => undefined);
      return done;
    },
  };
}
