import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../testing/harness.ts';

describe('the files of the api', () => {
  let api: TestApi;
  let folder: string;
  const agent = randomBytes(3_000_000);
  const sha256 = createHash('sha256').update(agent).digest('hex');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'claw-api-files-'));
    await mkdir(join(folder, 'web', 'assets'), { recursive: true });
    await mkdir(join(folder, 'agent'));
    await writeFile(join(folder, 'secret.txt'), 'secret');
    await writeFile(join(folder, 'web', 'index.html'), '<!doctype html><title>Dashboard</title>');
    await writeFile(join(folder, 'web', 'favicon.svg'), '<svg/>');
    await writeFile(join(folder, 'web', '.env'), 'secret');
    await writeFile(join(folder, 'web', 'assets', 'index-DiwrgTda.js'), 'export {}');
    await symlink(join(folder, 'secret.txt'), join(folder, 'web', 'link.txt'));
    await writeFile(join(folder, 'agent', `${sha256}.mjs`), agent);
    await writeFile(join(folder, 'agent', 'agent.json'), '{}');
    api = await startTestApi({ webDir: join(folder, 'web'), agentDir: join(folder, 'agent') });
  });
  afterAll(async () => {
    await api?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const page = { headers: { accept: 'text/html,*/*' } };

  it('serves the dashboard at its own addresses and at those it makes up', async () => {
    for (const path of ['/', '/index.html', '/instances/ins_1', '/sign-in?link=x']) {
      const response = await api.fetch(path, page);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      expect(await response.text()).toContain('Dashboard');
    }
    const head = await api.fetch('/favicon.svg', { method: 'HEAD' });
    expect(head.headers.get('content-type')).toBe('image/svg+xml');
    expect(head.headers.get('content-length')).toBe('6');
    expect(await head.text()).toBe('');
  });

  it('lets hashed files be kept for ever, and others be asked for again', async () => {
    const asset = await api.fetch('/assets/index-DiwrgTda.js');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const icon = await api.fetch('/favicon.svg');
    const again = await api.fetch('/favicon.svg', {
      headers: { 'if-none-match': icon.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });

  it('answers no page where the API or a file is missing', async () => {
    for (const path of ['/v1/nothing', '/auth/nothing', '/assets/old-AAAAAAAA.js', '/docs/nothing'])
      expect((await api.fetch(path, page)).status).toBe(404);
    const response = await api.fetch('/nothing.png', { headers: { accept: 'image/png' } });
    expect(Problem.parse(await response.json()).code).toBe('not_found');
  });

  it('serves nothing from outside of its folder', async () => {
    for (const path of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '/link.txt',
      '/.env',
      '/assets/../../secret.txt',
      '//etc/passwd',
      '/assets',
      '/%00',
    ])
      expect(await (await api.fetch(path)).text()).not.toBe('secret');
    expect((await api.fetch('/link.txt')).status).toBe(404);
    expect((await api.fetch('/.env')).status).toBe(404);
  });

  it('serves the agent by its digest alone', async () => {
    const response = await api.fetch(`/v1/agent/${sha256}`);
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect(
      createHash('sha256')
        .update(Buffer.from(await response.arrayBuffer()))
        .digest('hex'),
    ).toBe(sha256);
    for (const name of ['0'.repeat(64), 'agent.json', '..%2fsecret', sha256.toUpperCase()])
      expect((await api.fetch(`/v1/agent/${name}`)).status).toBe(404);
  });
});
