import type { DriftItem } from '@claw-cloud/contracts';
import type { StepEventMetadata } from '@pulumi/pulumi/automation/index.js';
import { kindOf } from './engine-events.ts';

const maxItems = 100;
const maxChanges = 50;
const secretMark = '[secret]';

/** Words of the engine's own in a resource's outputs. */
const ownProperty = (name: string): boolean => name.startsWith('__') || name === 'id' || name === 'urn';

/** A value for a person; secrets are never shown, wherever they stand. */
function shown(value: unknown): string | null {
  if (isEmpty(value)) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 500 ? `${text.slice(0, 499)}…` : text;
}

const hasSecret = (value: unknown): boolean => JSON.stringify(value ?? null).includes(secretMark);

/** The order of keys and of lists (clouds give sets of rules as they like) and empty things are no difference. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical).sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, inner]) => !ownProperty(name) && !isEmpty(inner))
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, inner]) => [name, canonical(inner)]),
  );
}
const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0);

const textOf = (value: unknown): string => JSON.stringify(value) ?? '';

const same = (one: unknown, other: unknown): boolean =>
  (isEmpty(one) && isEmpty(other)) || textOf(canonical(one)) === textOf(canonical(other));

/** Of a list only what the other one lacks: one rule among twenty is what a person looks for. */
const without = (value: unknown, other: unknown): unknown =>
  Array.isArray(value) && Array.isArray(other)
    ? value.filter((entry) => !other.some((known) => same(entry, known))).map(canonical)
    : value;

function nameOf(step: StepEventMetadata): string {
  const { outputs, inputs } = step.old ?? {};
  const name: unknown = outputs?.name ?? inputs?.name;
  return typeof name === 'string' && name !== '' ? name.slice(0, 200) : (step.urn.split('::').at(-1) ?? '');
}

/**
 * What a look of the engine says of drift: things that are gone, and things that have changed, property by property.
 * `ignored` names, by Pulumi type, what the cloud fills in by itself. Values that are secret are not shown, nor is the
 * fact that they differ told in more than the property's name.
 */
export function driftOf(
  steps: readonly StepEventMetadata[],
  ignored: Readonly<Record<string, readonly string[]>> = {},
): DriftItem[] {
  const items: DriftItem[] = [];
  for (const step of steps) {
    const kind = kindOf(step);
    if (kind === null || !step.old || items.length >= maxItems) continue;
    const id = step.old.id || null;
    if (step.op === 'delete' || !step.new) {
      const isServer = kind === 'server';
      items.push({
        kind,
        id,
        name: nameOf(step),
        what: 'missing',
        changes: [],
        repairable: !isServer,
        fix: isServer
          ? 'A server that is gone took its data along. Destroy the instance and deploy a new one.'
          : 'A repair makes it again.',
      });
      continue;
    }
    const [before, after] = [step.old.outputs ?? {}, step.new.outputs ?? {}];
    const skipped = ignored[step.type] ?? [];
    const changes = [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .filter((name) => !ownProperty(name) && !skipped.includes(name) && !same(before[name], after[name]))
      .sort()
      .slice(0, maxChanges)
      .map((name) => {
        const hidden = hasSecret(before[name]) || hasSecret(after[name]);
        return {
          property: name.slice(0, 200),
          expected: hidden ? null : shown(without(before[name], after[name])),
          found: hidden ? null : shown(without(after[name], before[name])),
        };
      });
    if (changes.length > 0)
      items.push({
        kind,
        id,
        name: nameOf(step),
        what: 'changed',
        changes,
        repairable: true,
        fix: 'A repair brings it back to what was made.',
      });
  }
  return items;
}
