import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { apiDocument } from './offline.ts';

const committed = new URL('../../../../docs/openapi.json', import.meta.url);

describe('the OpenAPI document', () => {
  it('is the one that is committed (node apps/api/src/openapi/check.ts --write)', async () => {
    expect(JSON.parse(await readFile(committed, 'utf8'))).toEqual(apiDocument());
  });

  it('gives every operation an id of its own, a summary, and the answer of an error', () => {
    const paths = apiDocument().paths as Record<string, Record<string, Record<string, unknown>>>;
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { summary, responses } of operations) {
      expect(summary).toBeTypeOf('string');
      expect(responses).toHaveProperty('default');
    }
  });

  it('refers to nothing that is not in it', () => {
    const document = apiDocument() as { components: { schemas: Record<string, unknown> } };
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(references.length).toBeGreaterThan(20);
    for (const name of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });
});
