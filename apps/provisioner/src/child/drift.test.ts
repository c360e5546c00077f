import type { StepEventMetadata } from '@pulumi/pulumi/automation/index.js';
import { describe, expect, test } from 'vitest';
import { driftOf } from './drift.ts';

const type = 'cloudy:index/firewall:Firewall';
type Outputs = Record<string, unknown>;

const step = (
  name: string,
  before: Outputs,
  after: Outputs | null,
  more: Partial<StepEventMetadata> = {},
): StepEventMetadata => {
  const state = (outputs: Outputs) => ({
    type,
    urn: '',
    id: '7',
    parent: '',
    provider: '',
    inputs: {},
    outputs: { name: 'claw-ins-1', ...outputs },
  });
  return {
    op: after === null ? 'delete' : 'update',
    urn: `urn:pulumi:s::p::${type}::${name}`,
    type,
    provider: '',
    old: state(before),
    ...(after === null ? {} : { new: state(after) }),
    ...more,
  };
};

describe('drift', () => {
  test('is a property that was changed, with only what differs of a list', () => {
    const out = { direction: 'out', port: null };
    const ssh = { direction: 'in', port: '22', description: '' };
    const [item] = driftOf([step('firewall', { rules: [out] }, { rules: [ssh, { ...out, port: '' }] })]);
    expect(item).toMatchObject({ kind: 'firewall', id: '7', what: 'changed', repairable: true });
    expect(item?.changes).toEqual([
      { property: 'rules', expected: null, found: '[{"direction":"in","port":"22"}]' },
    ]);
  });

  test('is none where only order, empty things or what the cloud fills in differ', () => {
    const before = { tags: ['a', 'b'], labels: null, status: 'running', __meta: '1' };
    const after = { tags: ['b', 'a'], labels: {}, status: 'off', __meta: '2' };
    expect(driftOf([step('server', before, after)], { [type]: ['status'] })).toEqual([]);
  });

  test('is a thing that is gone; a server among them can not be made again', () => {
    const [firewall, server] = driftOf([step('firewall', {}, null), step('server', {}, null)]);
    expect(firewall).toMatchObject({ what: 'missing', repairable: true });
    expect(server).toMatchObject({ what: 'missing', repairable: false });
  });

  test('never shows a secret, and says that it differs', () => {
    const [item] = driftOf([
      step(
        'server',
        { userData: '[secret]', nested: { key: '[secret]' } },
        { userData: 'x', nested: { key: 'y' } },
      ),
    ]);
    expect(item?.changes).toEqual([
      { property: 'nested', expected: null, found: null },
      { property: 'userData', expected: null, found: null },
    ]);
  });

  test('is not of providers, of the stack itself or of what only ties things together', () => {
    expect(
      driftOf([
        step('cloud', { token: 'a' }, { token: 'b' }, { type: 'pulumi:providers:cloudy' }),
        step('route-table-association', { a: 1 }, { a: 2 }),
      ]),
    ).toEqual([]);
  });
});
