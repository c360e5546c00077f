import type { SeenRequest } from '@claw-cloud/fake-clouds';

/** What both plugins did in one step of the same life. */
export interface Step {
  readonly name: string;
  readonly calls: readonly SeenRequest[];
  /** What the engine says has changed, or the refusal it passes on. */
  readonly outcome: string;
}

export interface Difference {
  readonly step: string;
  /** `built` sends it and the stand-in does not, or the other way round. */
  readonly only: 'built' | 'stand-in';
  readonly call: string;
}

export interface Comparison {
  readonly calls: number;
  readonly same: number;
  readonly differences: readonly Difference[];
  readonly outcomes: readonly { step: string; built: string; standIn: string }[];
}

/** Ids differ from run to run: each is named by its kind and by the order in which it came up. */
function namer() {
  const names = new Map<string, string>();
  return (kind: string, id: string): string => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const name = `{${kind}${[...names.values()].filter((other) => other.startsWith(`{${kind}`)).length + 1}}`;
    names.set(id, name);
    return name;
  };
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A call as one line in which nothing depends on the run. */
function normalised({ method, path, query, body }: SeenRequest, name: ReturnType<typeof namer>): string {
  const kinds: Record<string, string> = { servers: 'server', firewalls: 'firewall', actions: 'action' };
  const parts = path.split('/');
  const where = parts
    .map((part, at) => (/^\d+$/.test(part) ? name(kinds[parts[at - 1] ?? ''] ?? 'id', part) : part))
    .join('/');
  const search = [...new URLSearchParams(query)]
    .map(([key, value]) => `${key}=${key === 'id' ? '{action}' : value}`)
    .sort()
    .join('&');
  const sent = body === '' ? '' : ` ${JSON.stringify(ordered(JSON.parse(body) as Json, '', name))}`;
  return `${method} ${where}${search === '' ? '' : `?${search}`}${sent}`;
}

function ordered(value: Json, key: string, name: ReturnType<typeof namer>): Json {
  if (Array.isArray(value)) return value.map((entry) => ordered(entry, key, name));
  if (typeof value === 'number' && ['id', 'firewall', 'image'].includes(key)) return name(key, String(value));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((entry) => [entry, ordered(value[entry] ?? null, entry, name)]),
  );
}

/**
 * The calls of a step by what they are about: the engine works on several resources at once, so only the order within
 * each kind means something. A question that is repeated until the answer changes counts once.
 */
function threads(calls: readonly SeenRequest[], name: ReturnType<typeof namer>): Map<string, string[]> {
  const byKind = new Map<string, string[]>();
  for (const call of calls) {
    const kind = call.path.split('/')[1] ?? '';
    const lines = byKind.get(kind) ?? [];
    byKind.set(kind, lines);
    const line = normalised(call, name);
    if (call.method !== 'GET' || lines.at(-1) !== line) lines.push(line);
  }
  return byKind;
}

/** Compares two runs of the same life step by step. */
export function compare(built: readonly Step[], standIn: readonly Step[]): Comparison {
  const [one, other] = [namer(), namer()];
  const differences: Difference[] = [];
  let calls = 0;
  let same = 0;
  built.forEach((step, at) => {
    const mine = threads(step.calls, one);
    const theirs = threads(standIn[at]?.calls ?? [], other);
    for (const kind of new Set([...mine.keys(), ...theirs.keys()])) {
      const [left, right] = [mine.get(kind) ?? [], theirs.get(kind) ?? []];
      const kept = common(left, right);
      calls += left.length + right.length - kept.length;
      same += kept.length;
      differences.push(
        ...without(left, kept).map((call) => ({ step: step.name, only: 'built' as const, call })),
      );
      differences.push(
        ...without(right, kept).map((call) => ({ step: step.name, only: 'stand-in' as const, call })),
      );
    }
  });
  const outcomes = built
    .map((step, at) => ({ step: step.name, built: step.outcome, standIn: standIn[at]?.outcome ?? '' }))
    .filter((entry) => entry.built !== entry.standIn);
  return { calls, same, differences, outcomes };
}

/** The longest sequence that both have, in order. */
function common(left: readonly string[], right: readonly string[]): string[] {
  const lengths = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  const at = (row: number, column: number) => lengths[row]?.[column] ?? 0;
  for (let row = left.length - 1; row >= 0; row -= 1) {
    for (let column = right.length - 1; column >= 0; column -= 1) {
      const longest =
        left[row] === right[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
      lengths[row]?.splice(column, 1, longest);
    }
  }
  const kept: string[] = [];
  let [row, column] = [0, 0];
  while (row < left.length && column < right.length) {
    if (left[row] === right[column]) {
      kept.push(left[row] ?? '');
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) row += 1;
    else column += 1;
  }
  return kept;
}

function without(lines: readonly string[], kept: readonly string[]): string[] {
  let next = 0;
  return lines.filter((line) => {
    if (line !== kept[next]) return true;
    next += 1;
    return false;
  });
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim();

/** The comparison as the page's generated part. */
export function asMarkdown(steps: readonly Step[], comparison: Comparison): string {
  const { calls, same, differences, outcomes } = comparison;
  const lines = [
    `**${same} of ${calls} calls are the same** in ${steps.length} steps (${steps.map(({ name }) => name).join(', ')}).`,
    '',
    `${differences.length === 0 ? 'No call differs.' : `${differences.length} differ:`}`,
    '',
  ];
  if (differences.length > 0) {
    lines.push('| step | sent only by | call |', '| --- | --- | --- |');
    for (const { step, only, call } of differences) lines.push(`| ${step} | ${only} | \`${cell(call)}\` |`);
    lines.push('');
  }
  lines.push(
    outcomes.length === 0
      ? 'Every step ends alike, refusals word for word.'
      : `${outcomes.length} of ${steps.length} steps end differently:`,
  );
  if (outcomes.length > 0) {
    lines.push('', '| step | built | stand-in |', '| --- | --- | --- |');
    for (const { step, built, standIn } of outcomes)
      lines.push(`| ${step} | ${cell(built)} | ${cell(standIn)} |`);
  }
  return lines.join('\n');
}
