import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { docsPolicy } from '../http/security-headers.ts';
import { createFiles } from '../static/files.ts';
import { type ApiApp, createRouter } from './kit.ts';

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Claw Cloud API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
// A file of its own because the policy lets no inline script run. Without a validator: nothing leaves this server.
const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null });\n`;

const served = new Set(['swagger-ui.css', 'swagger-ui-bundle.js']);

/** The OpenAPI document, and a page to read it and try it with; the page comes from this server alone. */
export function docsRoutes(document: () => unknown): ApiApp {
  const app = createRouter();
  const files = createFiles(
    dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/swagger-ui.css')),
  );
  const html = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': docsPolicy,
    'cache-control': 'no-cache',
  };
  let text: string | undefined;

  app.get('/openapi.json', (c) => {
    text ??= JSON.stringify(document());
    return c.body(text, 200, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-cache',
    });
  });
  app.get('/docs', (c) => c.body(page, 200, html));
  app.get('/docs/start.js', (c) => c.body(start, 200, { 'content-type': 'text/javascript; charset=utf-8' }));
  app.get('/docs/:file', async (c) => {
    const name = c.req.param('file');
    const request = { head: c.req.method === 'HEAD', ifNoneMatch: c.req.header('if-none-match') };
    return (served.has(name) ? await files.get(`/${name}`, request) : null) ?? c.notFound();
  });
  return app;
}
