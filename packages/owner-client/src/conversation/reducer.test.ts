import { describe, expect, it } from 'vitest';
import { answerOf, entriesOf, play } from '../testing/scenes.ts';
import {
  type AssistantTurn,
  activeRun,
  type Conversation,
  emptyConversation,
  isWaiting,
  type ToolBlock,
  textOf,
} from './model.ts';
import { conversationReducer as reduce } from './reducer.ts';

const c1 = 'agent:main:web:c1';
const c2 = 'agent:main:web:c2';
const c3 = 'agent:main:web:c3';
const assistant = (state: Conversation, at = -1): AssistantTurn => {
  const turn = state.turns.filter((one) => one.kind === 'assistant').at(at);
  if (turn?.kind !== 'assistant') throw new Error('There is no turn of the assistant.');
  return turn;
};
const tools = (turn: AssistantTurn) =>
  turn.blocks.filter((block): block is ToolBlock => block.type === 'tool');
const shape = (turn: AssistantTurn) =>
  turn.blocks.map((block) => (block.type === 'text' ? block.text : block.name));

describe('a plain answer', () => {
  it('streams into one turn and ends as the gateway says', () => {
    const seen: string[] = [];
    let state = reduce(emptyConversation(c1), {
      type: 'sending',
      runId: 'idem-1',
      text: 'hello **lab**',
      at: 1,
    });
    expect(isWaiting(state)).toBe(true);
    state = reduce(state, { type: 'accepted', runId: 'idem-1' });
    for (const entry of entriesOf('hello')) {
      if (entry.event === undefined) continue;
      state = reduce(state, { type: 'event', event: entry.event, payload: entry.payload });
      const run = activeRun(state);
      if (run) seen.push(run.phase ?? textOf(run));
    }
    expect([...new Set(seen)]).toEqual([
      'preparing_workspace',
      'preparing_context',
      'starting_model',
      'Mock',
      'Mock reply to: hello **lab**',
    ]);
    expect(state.turns.map((turn) => turn.kind)).toEqual(['user', 'assistant']);
    expect(state.turns[0]).toMatchObject({ text: 'hello **lab**', delivery: 'sent' });
    expect(assistant(state)).toMatchObject({
      status: 'done',
      phase: null,
      model: 'mock-1',
      provider: 'mock',
    });
    expect(textOf(assistant(state))).toBe('Mock reply to: hello **lab**');
    expect(isWaiting(state)).toBe(false);
  });

  it('is the same whether it was typed here or on another device', () => {
    const elsewhere = play(c1, 'hello');
    expect(elsewhere.turns.map((turn) => [turn.kind, turn.runId])).toEqual([
      ['user', 'idem-1'],
      ['assistant', 'idem-1'],
    ]);
  });

  it('leaves events of other sessions alone', () => {
    const state = emptyConversation('agent:main:web:other');
    expect(play(state, 'hello', 'tool-allow')).toBe(state);
  });

  it('follows the coarse stream alone where no pieces come, and replaces when told to', () => {
    const chat = (more: object) => ({
      type: 'event' as const,
      event: 'chat',
      payload: { runId: 'r', sessionKey: c1, ...more },
    });
    const said = (text: string) => ({ message: { role: 'assistant', content: [{ type: 'text', text }] } });
    let state = reduce(emptyConversation(c1), chat({ state: 'delta', deltaText: 'One', ...said('One') }));
    state = reduce(state, chat({ state: 'delta', deltaText: ' two', ...said('One two') }));
    expect(shape(assistant(state))).toEqual(['One two']);
    state = reduce(state, chat({ state: 'delta', replace: true, ...said('Another') }));
    expect(shape(assistant(state))).toEqual(['Another']);
    state = reduce(state, chat({ state: 'final', ...said('Another, whole') }));
    expect(shape(assistant(state))).toEqual(['Another, whole']);
  });

  it('replaces streamed pieces when the gateway takes them back', () => {
    const piece = {
      runId: 'r',
      sessionKey: c1,
      stream: 'assistant',
      data: { text: 'secret', itemId: 'i:1' },
    };
    let state = reduce(emptyConversation(c1), { type: 'event', event: 'agent', payload: piece });
    expect(shape(assistant(state))).toEqual(['secret']);
    const taken = {
      runId: 'r',
      sessionKey: c1,
      state: 'delta',
      replace: true,
      message: { content: 'Hello' },
    };
    state = reduce(state, { type: 'event', event: 'chat', payload: taken });
    expect(shape(assistant(state))).toEqual(['Hello']);
  });
});

describe('a tool that needs leave', () => {
  it('asks, waits, runs and stands between the two texts', () => {
    const asked = play(c1, 'hello', 'tool-allow');
    expect(asked.approvals).toHaveLength(1);
    expect(asked.approvals[0]).toMatchObject({
      command: 'echo hi-from-tool && uname -s',
      host: 'gateway',
      canAllow: true,
      deciding: null,
      toolCallId: 'call_mock2',
    });
    expect(activeRun(asked)?.runId).toBe('idem-2');
    const waiting = play(asked, 'hist-during');
    expect(waiting.approvals).toHaveLength(0);
    const turn = assistant(waiting);
    expect(shape(turn)).toEqual(['Let me run that.', 'exec', 'Tool said: hi-from-tool\nLinux']);
    expect(tools(turn)[0]).toMatchObject({
      status: 'done',
      output: 'hi-from-tool\nLinux',
      exitCode: 0,
      durationMs: 45,
      title: 'print text → run uname',
      args: { command: 'echo hi-from-tool && uname -s' },
    });
    expect(turn.status).toBe('done');
  });

  it('shows the tool as waiting while the question is open', () => {
    const state = play(c1, 'tool-allow');
    const lifecycle = entriesOf('hist-during')[0];
    expect(lifecycle).toBeDefined();
    const next = reduce(state, { type: 'event', event: 'agent', payload: lifecycle?.payload });
    expect(tools(assistant(next))[0]?.status).toBe('waiting');
  });

  it('shows a refusal as a failed call', () => {
    const state = play(c1, 'tool-deny');
    expect(tools(assistant(state))[0]).toMatchObject({ status: 'failed', exitCode: null });
    expect(tools(assistant(state))[0]?.output).toContain('user-denied');
    expect(state.approvals).toHaveLength(0);
  });

  it('keeps the answer that is on its way apart from the question', () => {
    const asked = play(c1, 'tool-allow');
    const id = asked.approvals[0]?.id ?? '';
    const deciding = reduce(asked, { type: 'deciding', id, decision: 'deny' });
    expect(deciding.approvals[0]?.deciding).toBe('deny');
    const failed = reduce(deciding, { type: 'undecided', id, problem: 'It did not arrive.' });
    expect(failed.approvals[0]).toMatchObject({ deciding: null, problem: 'It did not arrive.' });
  });

  it('forgets questions that were answered while away', () => {
    const asked = play(c1, 'tool-allow');
    const replay = { subscribed: true, approvalReplay: { sessionKey: c1, approvals: [] } };
    expect(reduce(asked, { type: 'replay', payload: replay }).approvals).toEqual([]);
  });
});

describe('the history', () => {
  const history = (state: Conversation, ...from: Parameters<typeof answerOf>) =>
    reduce(state, { type: 'history', payload: answerOf(...from) });

  it('gives the same turns as the live events did', () => {
    const live = play(c1, 'hello', 'tool-allow', 'hist-during');
    const remembered = history(emptyConversation(c1), 'hist-after', 'chat.history');
    expect(remembered.loaded).toBe(true);
    expect(remembered.turns.map((turn) => [turn.kind, turn.runId])).toEqual(
      live.turns.map((turn) => [turn.kind, turn.runId]),
    );
    for (const at of [0, 1]) {
      expect(shape(assistant(remembered, at))).toEqual(shape(assistant(live, at)));
      expect(assistant(remembered, at)).toMatchObject({ status: 'done', model: 'mock-1' });
    }
    expect(tools(assistant(remembered))[0]).toMatchObject({ status: 'done', output: 'hi-from-tool\nLinux' });
  });

  it('takes up a run in the middle of a tool call', () => {
    const resumed = history(emptyConversation(c1), 'hist-during', 'chat.history');
    expect(activeRun(resumed)?.runId).toBe('idem-2');
    expect(shape(assistant(resumed))).toEqual(['Let me run that.', 'exec']);
    const done = play(resumed, 'hist-during');
    expect(shape(assistant(done))).toEqual(['Let me run that.', 'exec', 'Tool said: hi-from-tool\nLinux']);
    expect(assistant(done).status).toBe('done');
  });

  it('takes up a run in the middle of a sentence', () => {
    const resumed = history(emptyConversation(c2), 'hist-inflight', 'chat.history');
    expect(activeRun(resumed)?.runId).toBe('idem-4');
    expect(textOf(assistant(resumed))).toMatch(/^w0 .* w16$/);
    const next = play(resumed, 'second-send-while-running');
    expect(shape(assistant(next))).toHaveLength(1);
    expect(textOf(assistant(next))).toMatch(/^w0 .* w26$/);
    const stopped = play(next, 'abort');
    expect(assistant(stopped)).toMatchObject({ status: 'stopped', runId: 'idem-4' });
    expect(activeRun(stopped)).toBeUndefined();
  });

  it('remembers that a run was stopped', () => {
    const state = history(emptyConversation(c2), 'hist-aborted', 'chat.history');
    expect(assistant(state)).toMatchObject({ status: 'stopped' });
    expect(assistant(state).model).toBeNull();
  });

  it('keeps what was typed and has not arrived yet', () => {
    let state = reduce(emptyConversation(c1), { type: 'sending', runId: 'mine', text: 'still here', at: 9 });
    state = history(state, 'hist-after', 'chat.history');
    expect(state.turns.at(-1)).toMatchObject({ text: 'still here', delivery: 'sending' });
    state = reduce(state, { type: 'rejected', runId: 'mine', problem: 'No connection.' });
    state = history(state, 'hist-after', 'chat.history');
    expect(state.turns.at(-1)).toMatchObject({ delivery: 'failed', problem: 'No connection.' });
    expect(state.turns.filter((turn) => turn.kind === 'user')).toHaveLength(3);
  });
});

describe('trouble', () => {
  it('says what the provider said, once', () => {
    const live = play(c3, 'error');
    expect(live.turns).toHaveLength(2);
    expect(assistant(live)).toMatchObject({
      status: 'failed',
      error:
        'mock/mock-1 request failed (authentication failed, HTTP 401). Re-authenticate the provider and try again.',
    });
    const remembered = reduce(emptyConversation(c3), {
      type: 'history',
      payload: answerOf('error', 'chat.history'),
    });
    expect(assistant(remembered)).toMatchObject({ status: 'failed', blocks: [] });
    expect(assistant(remembered).error).toContain('authentication failed');
  });

  it('has no turn of its own for a message that another run took up', () => {
    let state = play(c2, 'slow');
    state = reduce(state, { type: 'sending', runId: 'idem-5', text: 'and this too', at: 2 });
    state = play(state, 'second-send-while-running', 'abort');
    expect(state.turns.filter((turn) => turn.kind === 'assistant')).toHaveLength(1);
  });

  it('survives nonsense', () => {
    const state = play(c1, 'hello');
    for (const payload of [
      null,
      7,
      {},
      { sessionKey: c1 },
      { runId: 'x', sessionKey: c1, stream: 'tool', data: {} },
    ]) {
      for (const event of [
        'chat',
        'agent',
        'session.message',
        'session.approval',
        'exec.approval.requested',
        '?',
      ])
        expect(reduce(state, { type: 'event', event, payload }).turns.slice(0, 2)).toEqual(state.turns);
      expect(reduce(state, { type: 'history', payload })).toBe(state);
    }
  });
});
