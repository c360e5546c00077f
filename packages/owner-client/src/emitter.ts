/** A list of listeners, told in the order in which they came. */
export interface Emitter<T> {
  on(listener: (value: T) => void): () => void;
  emit(value: T): void;
}

/** Makes an {@link Emitter}; a listener that is taken off while others are told is not told any more. */
export function createEmitter<T>(): Emitter<T> {
  const listeners = new Set<(value: T) => void>();
  return {
    on(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    emit(value) {
      for (const listener of [...listeners]) {
        if (!listeners.has(listener)) continue;
        try {
          listener(value);
        } catch (error) {
          // One listener's fault must not cost the others their news, nor the connection its life.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
