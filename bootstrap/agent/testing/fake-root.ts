import type { Root, VerbName, VerbParams, VerbResult } from '../src/root/client.ts';

type Answers = { [N in VerbName]?: (params: VerbParams<N>) => VerbResult<N> | Promise<VerbResult<N>> };

export interface FakeRoot extends Root {
  /** What it was asked, in order. */
  asked: { verb: VerbName; params: unknown }[];
  answers: Answers;
}

/** Root as far as a test says what it answers; raises for the rest. */
export function createFakeRoot(answers: Answers): FakeRoot {
  const root: FakeRoot = {
    asked: [],
    answers,
    async ask(verb, params) {
      root.asked.push({ verb, params });
      const answer = root.answers[verb];
      if (!answer) throw new Error(`nobody answers ${verb}`);
      return answer(params);
    },
  };
  return root;
}
