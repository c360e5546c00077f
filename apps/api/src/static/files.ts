import { createReadStream } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { Readable } from 'node:stream';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/** A name whose build puts a hash of the content into it never changes its content. */
const hashedName = /[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;
const plainSegment = /^[A-Za-z0-9_@~-][A-Za-z0-9_.@~-]*$/;

export interface Files {
  /** The file at a URL path below the folder; null where there is none. Folders and dot files are none. */
  get(path: string, request: { head: boolean; ifNoneMatch: string | undefined }): Promise<Response | null>;
  /** The folder's index.html, for addresses of the single-page app; null where it isn't built. */
  index(head: boolean): Promise<Response | null>;
}

/** Serves the files of one folder, and nothing that a link leads to outside of it. */
export function createFiles(folder: string): Files {
  let root: Promise<string> | undefined;

  const locate = async (path: string) => {
    const segments = path.split('/').filter((segment) => segment !== '');
    if (segments.length === 0 || segments.length > 12 || !segments.every((name) => plainSegment.test(name)))
      return null;
    try {
      root ??= realpath(folder);
      const file = await realpath(join(await root, ...segments));
      if (!file.startsWith((await root) + sep)) return null;
      const found = await stat(file);
      return found.isFile() ? { file, size: found.size, modifiedMs: found.mtimeMs } : null;
    } catch {
      // Not there, or the folder isn't: asked again next time.
      root = undefined;
      return null;
    }
  };

  return {
    async get(path, { head, ifNoneMatch }) {
      const found = await locate(path);
      if (!found) return null;
      const { file, size, modifiedMs } = found;
      const etag = `"${size.toString(36)}-${Math.round(modifiedMs).toString(36)}"`;
      const immutable = path.startsWith('/assets/') && hashedName.test(path);
      const headers = {
        'content-type': types[extname(file)] ?? 'application/octet-stream',
        'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
        etag,
      };
      if (ifNoneMatch === etag) return new Response(null, { status: 304, headers });
      const content = head ? null : (Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>);
      return new Response(content, { headers: { ...headers, 'content-length': String(size) } });
    },

    async index(head) {
      const found = await locate('/index.html');
      if (!found) return null;
      const page = await readFile(found.file);
      return new Response(head ? null : page, {
        headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' },
      });
    },
  };
}
