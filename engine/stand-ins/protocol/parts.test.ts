import { describe, expect, test } from 'vitest';
import { readDeclarations, shapeOf } from '../sdk/declarations.ts';
import { coerced, failuresOf } from './check.ts';
import { type ComparisonRules, differencesOf } from './differences.ts';
import type { Shape } from './properties.ts';
import { isSame, isUnknown, unknownValue, unwrap, wrap } from './values.ts';
import { createWaiting } from './waiting.ts';

const secret = (value: string) => ({
  '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270',
  value,
});

describe('values', () => {
  test('lose the engine’s wrappers and get them back, for the whole property', () => {
    const { values, secrets } = unwrap({ plain: 1, token: secret('t'), deep: { list: ['a', secret('b')] } });
    expect(values).toEqual({ plain: 1, token: 't', deep: { list: ['a', 'b'] } });
    expect(wrap(values, secrets)).toEqual({
      plain: 1,
      token: secret('t'),
      deep: { ...secret(''), value: { list: ['a', 'b'] } },
    });
  });

  test('mean the same when one is left out and the other is a zero', () => {
    expect(isSame(undefined, false)).toBe(true);
    expect(isSame({ a: 1, b: '' }, { a: '1', __defaults: ['b'] })).toBe(true);
    expect(isSame(['a', 'b'], ['b', 'a'])).toBe(false);
    expect(isSame(['a', 'b'], ['b', 'a'], true)).toBe(true);
    expect(isSame(['a', 'a'], ['a', 'b'], true)).toBe(false);
  });

  test('that only a real run knows are known as such, anywhere', () => {
    expect(isUnknown({ a: [unknownValue] })).toBe(true);
    expect(isUnknown({ a: ['x'] })).toBe(false);
  });
});

const shape: Shape = {
  name: { kind: 'string', required: true },
  size: { kind: 'number' },
  on: { kind: 'boolean' },
  labels: { kind: 'map', of: { kind: 'string' } },
  rules: {
    kind: 'array',
    of: { kind: 'object', properties: { portRange: { kind: 'string', required: true } } },
  },
};

describe('inputs', () => {
  test('are refused in the official providers’ words', () => {
    const reasons = failuresOf(
      { colour: 'red', labels: 'x', rules: [{}], size: 'many' },
      shape,
      'server',
    ).map(({ reason }) => reason);
    expect(reasons.sort()).toEqual([
      "Attribute must be a map. Examine values at 'server.labels'.",
      "Attribute must be a whole number, got many. Examine values at 'server.size'.",
      "Invalid or unknown key. Examine values at 'server.colour'.",
      'Missing required argument. The argument "name" is required, but no definition was found.. Examine values at \'server.name\'.',
      'Missing required argument. The argument "port_range" is required, but no definition was found.. Examine values at \'server.rules[0].portRange\'.',
    ]);
  });

  test('get the kinds of the declarations, and unknown ones pass', () => {
    expect(coerced({ size: '4', on: 'true', name: 7, labels: { a: 'b' } }, shape)).toEqual({
      size: 4,
      on: true,
      name: '7',
      labels: { a: 'b' },
    });
    expect(failuresOf({ name: 'x', size: unknownValue, rules: unknownValue }, shape, 'server')).toEqual([]);
  });
});

describe('differences', () => {
  const resource: ComparisonRules = {
    computed: ['size', 'labels'],
    partial: ['labels'],
    replaces: ['name'],
    mustReplace: ({ name, before }) => name === 'on' && before === true,
  };
  const between = (state: object, inputs: object, ignored: string[] = []) => {
    const found = differencesOf(resource, shape, { state: { ...state }, inputs: { ...inputs }, ignored });
    return { changed: found.changed.map(({ name }) => name), replaced: found.replaced };
  };

  test('are told from the state, and what the cloud fills in is none', () => {
    expect(between({ name: 'a', size: 4, on: true }, { name: 'a', on: true }).changed).toEqual([]);
    expect(between({ name: 'a', rules: [{ portRange: '22' }] }, { name: 'a' }).changed).toEqual(['rules']);
    expect(between({ labels: { a: '1', b: '2' } }, { labels: { a: '1' } }).changed).toEqual([]);
    expect(between({ labels: { a: '1', b: '2' } }, { labels: { a: '3' } }).changed).toEqual(['labels']);
  });

  test('make a new resource where they must, and none where they are ignored', () => {
    expect(between({ name: 'a', on: true }, { name: 'b' })).toEqual({
      changed: ['name', 'on'],
      replaced: ['name', 'on'],
    });
    expect(between({ name: 'a' }, { name: 'b' }, ['name']).changed).toEqual([]);
    expect(between({ name: 'a' }, { name: unknownValue }).changed).toEqual(['name']);
  });
});

describe('waiting', () => {
  const poll = (states: (string | null)[], limitMs = 10_000, signal = new AbortController().signal) => {
    const left = [...states];
    return createWaiting(false).poll({
      delayMs: 10_000,
      everyMs: 3_000,
      limitMs,
      signal,
      pending: ['new'],
      target: ['active'],
      ask: async () => ({
        value: left.length,
        state: left.length > 1 ? (left.shift() ?? null) : (left[0] ?? null),
      }),
    });
  };

  test('ends at the target, and quickly where the official waits are not wanted', async () => {
    const start = performance.now();
    await poll([null, 'new', 'active']);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test('raises in Terraform’s words at an unexpected state and after its limit', async () => {
    await expect(poll(['archive'])).rejects.toThrow(
      "unexpected state 'archive', wanted target 'active'. last error: %!s(<nil>)",
    );
    await expect(poll(['new'], 50)).rejects.toThrow(
      "timeout while waiting for state to become 'active' (last state: 'new', timeout: 0s)",
    );
  });

  test('ends with the reason of who ends it', async () => {
    const ending = new AbortController();
    const waiting = poll(['new'], 60_000, ending.signal);
    ending.abort(new Error('the operation was cancelled'));
    await expect(waiting).rejects.toThrow('the operation was cancelled');
  });
});

describe('the declarations of an SDK', () => {
  const source = `
    /** with { braces } */
    export interface ThingArgs {
      name?: pulumi.Input<string | enums.Name | undefined>;
      tags?: pulumi.Input<{
          [key: string]: pulumi.Input<string>;
      } | undefined>;
      sizes: pulumi.Input<pulumi.Input<number>[]>;
      part?: pulumi.Input<inputs.Part | undefined>;
    }
    export declare namespace deep { interface Part { on: pulumi.Input<boolean>; } }`;

  test('are read as kinds', () => {
    const { interfaceAt } = readDeclarations(source);
    const find = (path: string) => (path === 'inputs.Part' ? interfaceAt('deep.Part') : undefined);
    expect(shapeOf(interfaceAt('ThingArgs')!, find)).toEqual({
      name: { kind: 'string' },
      part: { kind: 'object', properties: { on: { kind: 'boolean', required: true } } },
      sizes: { kind: 'array', of: { kind: 'number' }, required: true },
      tags: { kind: 'map', of: { kind: 'string' } },
    });
  });

  test('are refused where they hold something new', () => {
    const { interfaceAt } = readDeclarations('export interface Odd { a: () => void; }');
    expect(() => shapeOf(interfaceAt('Odd')!, () => undefined)).toThrow('unknown type');
  });
});
