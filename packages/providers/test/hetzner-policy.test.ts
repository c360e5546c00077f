import { Cloud } from '@claw-cloud/contracts';
import { describe, expect, test } from 'vitest';
import { descriptor } from '../hetzner/descriptor.ts';
import { policy, sentRequests } from '../hetzner/policy.ts';
import { sandbox } from '../hetzner/sandbox.ts';

const needs = (method: string, path: string) => policy.permissionsOf({ method, path, query: '', body: '' });

describe('the policy', () => {
  test('asks for reading, and for writing where something changes', () => {
    expect(needs('GET', '/servers')).toEqual(['Read']);
    expect(needs('GET', '/firewalls/42')).toEqual(['Read']);
    expect(needs('POST', '/servers/42/actions/change_type')).toEqual(['Read & Write']);
    expect(needs('DELETE', '/servers/42')).toEqual(['Read & Write']);
  });

  test.each([
    ['POST', '/ssh_keys'],
    ['POST', '/servers/42/actions/reset_password'],
    ['DELETE', '/servers'],
    ['GET', '/servers/42/metrics'],
    ['PUT', '/servers/42x'],
  ])('knows no %s %s', (method, path) => {
    const names = policy.permissions.map(({ name }) => name);
    expect(needs(method, path).filter((name) => names.includes(name))).toEqual([]);
    expect(needs(method, path)).toHaveLength(1);
  });

  // As seen by the stand-in while the engine made, resized, repaired, took over and destroyed a server.
  test.each([
    'POST /firewalls',
    'GET /actions',
    'GET /firewalls/5',
    'GET /server_types',
    'GET /images',
    'POST /servers',
    'GET /servers/5',
    'POST /servers/5/actions/poweroff',
    'POST /servers/5/actions/change_type',
    'POST /firewalls/5/actions/set_rules',
    'POST /firewalls/5/actions/remove_from_resources',
    'POST /firewalls/5/actions/apply_to_resources',
    'DELETE /servers/5',
    'DELETE /firewalls/5',
  ])('knows what the engine’s plugin sends: %s', (sent) => {
    const [method = '', path = ''] = sent.split(' ');
    expect(needs(method, path)[0]).not.toContain('unlisted');
  });

  test('is what the form shows', () => {
    const text = descriptor.methods[0]?.policy?.text ?? '';
    const shown = JSON.parse(text) as { permissions: { name: string }[]; requests: unknown[] };
    expect(shown.permissions.map(({ name }) => name)).toEqual(policy.permissions.map(({ name }) => name));
    expect(shown.requests).toEqual(sentRequests);
  });
});

test.each([descriptor, sandbox])('what people see of $name keeps to its bounds', (cloud) => {
  expect(Cloud.parse(cloud)).toEqual(cloud);
});
