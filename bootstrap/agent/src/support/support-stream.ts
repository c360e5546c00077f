import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { GrantId } from '@claw-cloud/contracts';

export interface Attempt {
  /** Null where what was asked for is no grant's id. */
  grantId: string | null;
  outcome: 'allowed' | 'denied';
  reason: string;
}

export interface DoorOptions {
  /** Opens the unix socket of a grant's SSH daemon; it isn't there once the grant has ended. */
  connect: (grantId: string) => Socket;
  isOpen: (grantId: string) => boolean;
  onAttempt: (attempt: Attempt) => void;
  onClosed: (grantId: string) => void;
  /** Milliseconds since whenever. */
  now: () => number;
}

export interface Door {
  serve(stream: ServerHttp2Stream, grantId: unknown): void;
  /** Ends what is open of a grant: nothing more goes in, and what its daemon said last has a moment to go out. */
  closeAll(grantId: string): void;
}

const connectionsPerGrant = 4;
const connectLimitMs = 10_000;
/** The daemon is gone when a door is closed, so what it said last is there already, if anybody takes it. */
const lastWordsMs = 500;
/** Of attempts to be told about; a relay that knocks without end must fill neither disk nor audit. */
const toldPerMinute = 30;

/** Joins the streams that the relay opens to the SSH daemons of live grants. Opens nothing for what isn't granted. */
export function createDoor({ connect, isOpen, onAttempt, onClosed, now }: DoorOptions): Door {
  const live = new Map<string, Set<() => void>>();
  let minute = 0;
  let told = 0;
  const tell = (attempt: Attempt): void => {
    const current = Math.floor(now() / 60_000);
    if (current !== minute) {
      minute = current;
      told = 0;
    }
    told += 1;
    if (told <= toldPerMinute) onAttempt(attempt);
    else if (told === toldPerMinute + 1)
      onAttempt({ grantId: null, outcome: 'denied', reason: 'too_many_attempts' });
  };
  const refuse = (stream: ServerHttp2Stream, grantId: string | null, reason: string, status = 403): void => {
    tell({ grantId, outcome: 'denied', reason });
    if (stream.destroyed) return;
    stream.respond({ ':status': status }, { endStream: true });
    stream.close();
  };

  return {
    serve(stream, asked) {
      const parsed = GrantId.safeParse(asked);
      if (!parsed.success) return refuse(stream, null, 'no_grant');
      const grantId = parsed.data;
      if (!isOpen(grantId)) return refuse(stream, grantId, 'grant_not_open');
      const others = live.get(grantId) ?? new Set<() => void>();
      if (others.size >= connectionsPerGrant) return refuse(stream, grantId, 'too_many_connections', 429);

      const socket = connect(grantId);
      const close = (): void => {
        stream.unpipe(socket);
        stream.resume();
        const late = setTimeout(() => {
          socket.destroy();
          stream.close();
        }, lastWordsMs);
        stream.once('close', () => clearTimeout(late));
      };
      others.add(close);
      live.set(grantId, others);
      let connected = false;
      const limit = setTimeout(() => socket.destroy(), connectLimitMs);
      socket.on('error', () => undefined);
      socket.once('connect', () => {
        clearTimeout(limit);
        if (stream.destroyed) return void socket.destroy();
        connected = true;
        tell({ grantId, outcome: 'allowed', reason: 'connected' });
        stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
        stream.pipe(socket);
        socket.pipe(stream);
      });
      socket.once('close', () => {
        clearTimeout(limit);
        others.delete(close);
        if (others.size === 0) live.delete(grantId);
        if (!connected) return refuse(stream, grantId, 'grant_ended');
        // What the daemon said last still goes out; then the stream ends.
        stream.end();
        onClosed(grantId);
      });
      stream.once('close', () => socket.destroy());
    },

    closeAll(grantId) {
      for (const close of live.get(grantId) ?? []) close();
    },
  };
}
