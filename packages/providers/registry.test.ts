import { describe, expect, test } from 'vitest';
import { knownClouds, provider } from './index.ts';

describe('the registry of clouds', () => {
  test('knows the sandbox as what it is', () => {
    expect(knownClouds().map(({ id, sandbox }) => [id, sandbox])).toContainEqual(['sandbox', true]);
  });
  test('has no sandbox without an address, and no cloud it was not taught', async () => {
    const unavailable = expect.objectContaining({ code: 'provider_unavailable' });
    await expect(provider('sandbox')).rejects.toEqual(unavailable);
    await expect(provider('nowhere')).rejects.toEqual(unavailable);
  });
});
