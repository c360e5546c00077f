import { describe, expect, test } from 'vitest';
import { knownProviders, provider } from './registry.ts';

describe('the registry of clouds', () => {
  test('knows the sandbox as what it is', () => {
    expect(knownProviders()).toEqual([
      { id: 'hetzner', name: 'Hetzner Cloud', sandbox: false },
      { id: 'sandbox', name: 'Sandbox cloud', sandbox: true },
    ]);
  });
  test('has no sandbox without an address, and no cloud it was not taught', () => {
    expect(() => provider('sandbox')).toThrow(expect.objectContaining({ code: 'provider_unavailable' }));
    expect(() => provider('aws')).toThrow(expect.objectContaining({ code: 'provider_unavailable' }));
  });
});
