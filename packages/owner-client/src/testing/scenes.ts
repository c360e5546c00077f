import type { Conversation } from '../conversation/model.ts';
import { emptyConversation } from '../conversation/model.ts';
import { conversationReducer } from '../conversation/reducer.ts';
import transcript from './transcript.json' with { type: 'json' };

type Entry = { event?: string; answer?: string; payload: unknown };
const scenes = transcript as Record<string, Entry[]>;
export type Scene =
  | 'hello'
  | 'tool-allow'
  | 'hist-during'
  | 'hist-after'
  | 'tool-deny'
  | 'slow'
  | 'hist-inflight'
  | 'second-send-while-running'
  | 'abort'
  | 'hist-aborted'
  | 'error';

export const entriesOf = (scene: Scene): Entry[] => scenes[scene] ?? [];

/** The first answer of a method in a scene. */
export function answerOf(scene: Scene, method: string): unknown {
  return entriesOf(scene).find((entry) => entry.answer === method)?.payload;
}

/** A conversation after the events of scenes (answers left out), from `before` on. */
export function play(before: Conversation | string, ...names: Scene[]): Conversation {
  return names
    .flatMap(entriesOf)
    .filter((entry) => entry.event !== undefined)
    .reduce<Conversation>(
      (state, entry) =>
        conversationReducer(state, { type: 'event', event: entry.event ?? '', payload: entry.payload }),
      typeof before === 'string' ? emptyConversation(before) : before,
    );
}
