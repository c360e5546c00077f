import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { apiDocument } from './offline.ts';

// Compares docs/openapi.json with what the routes say, and exits with 1 when they differ; --write makes them equal.
const file = fileURLToPath(new URL('../../../../docs/openapi.json', import.meta.url));
const current = `${JSON.stringify(apiDocument(), null, 2)}\n`;

if (process.argv.includes('--write')) {
  await writeFile(file, current);
  process.stdout.write('docs/openapi.json is written.\n');
} else if ((await readFile(file, 'utf8').catch(() => '')) !== current) {
  process.stderr.write('docs/openapi.json is not what the api serves. Run: node apps/api/src/openapi/check.ts --write\n');
  process.exitCode = 1;
} else process.stdout.write('docs/openapi.json is what the api serves.\n');
