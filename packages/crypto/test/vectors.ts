import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The vectors of one file of `test/vectors`, made by `test/make_vectors.py`. */
export function readVectors<T>(name: string): readonly T[] {
  const text = readFileSync(join(import.meta.dirname, 'vectors', name), 'utf8');
  return (JSON.parse(text) as { vectors: T[] }).vectors;
}
