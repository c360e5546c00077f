/** One event of a `text/event-stream` (WHATWG HTML, section 9.2). */
export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** A line or an event longer than this ends the stream: nothing honest is larger. */
const LIMIT_CHARS = 1024 * 1024;

/**
 * Reads server-sent events from text pieces cut anywhere. `push` returns the events that are complete;
 * comments (heartbeats) yield none. Raises RangeError past 1 MiB of unfinished text.
 */
export function createSseParser(): { push(piece: string): ServerSentEvent[] } {
  let rest = '';
  let id: string | undefined;
  let event = '';
  let data: string[] = [];

  const line = (text: string): ServerSentEvent | undefined => {
    if (text === '') {
      const done = data.length > 0 ? { id, event: event || 'message', data: data.join('\n') } : undefined;
      event = '';
      data = [];
      return done;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return undefined;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    return undefined;
  };

  return {
    push(piece) {
      rest += piece;
      const events: ServerSentEvent[] = [];
      // A carriage return at the very end may be the first half of CRLF: wait for what follows.
      for (let match = /\r\n|\n|\r(?!$)/.exec(rest); match; match = /\r\n|\n|\r(?!$)/.exec(rest)) {
        const done = line(rest.slice(0, match.index));
        rest = rest.slice(match.index + match[0].length);
        if (done) events.push(done);
      }
      const held = rest.length + data.reduce((sum, part) => sum + part.length, 0);
      if (held > LIMIT_CHARS) throw new RangeError('The event stream holds an event of more than 1 MiB.');
      return events;
    },
  };
}
