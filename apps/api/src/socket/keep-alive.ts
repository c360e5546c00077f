import { WebSocket } from 'ws';

export interface KeepAlive {
  /** Pings the socket until it closes. */
  watch(socket: WebSocket): void;
  stop(): void;
}

const missesAllowed = 2;

/**
 * Notices sockets whose other end has gone without a word: each is pinged every `everyMs` and ended after two pings
 * without any sign of life. One timer for all of them.
 */
export function createKeepAlive(everyMs = 20_000): KeepAlive {
  const missed = new Map<WebSocket, number>();
  const timer = setInterval(() => {
    for (const [socket, misses] of missed) {
      // Paused for a slow reader, it hears no pong either.
      if (socket.isPaused) continue;
      if (misses >= missesAllowed) {
        socket.terminate();
        continue;
      }
      missed.set(socket, misses + 1);
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    }
  }, everyMs);
  timer.unref();
  return {
    watch(socket) {
      const alive = () => missed.set(socket, 0);
      alive();
      socket.on('pong', alive);
      socket.on('ping', alive);
      socket.once('close', () => missed.delete(socket));
    },
    stop() {
      clearInterval(timer);
      missed.clear();
    },
  };
}
