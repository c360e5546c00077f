import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { apiDocument } from './offline.ts';

// Compares docs/openapi.json with what the routes say, and exits with 1 when they differ; --write makes them equal.
const file = fileURLToPath(new URL('../../../../docs/openapi.json', import.meta.url));
const current = apiDocument();
const committed: unknown = JSON.parse(await readFile(file, 'utf8').catch(() => 'null'));

if (process.argv.includes('--write')) {
  await writeFile(file, `${JSON.stringify(current, null, 2)}\n`);
  process.stdout.write('docs/openapi.json is written; format it with: npm run format\n');
} else if (!isDeepStrictEqual(committed, current)) {
  process.stderr.write(
    'docs/openapi.json is not what the api serves. Run: node apps/api/src/openapi/check.ts --write\n',
  );
  process.exitCode = 1;
} else process.stdout.write('docs/openapi.json is what the api serves.\n');
