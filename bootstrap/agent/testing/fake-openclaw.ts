import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Its entry: the fake gateway as a process, with OpenClaw's environment and configuration. */
const entry = `
import { readFileSync } from 'node:fs';
import { startFakeGateway } from ${JSON.stringify(join(import.meta.dirname, 'fake-gateway.ts'))};
const { gateway: { port } } = JSON.parse(readFileSync(process.env.OPENCLAW_CONFIG_PATH, 'utf8'));
const gateway = await startFakeGateway({ port, token: process.env.OPENCLAW_GATEWAY_TOKEN });
gateway.answer = ({ method, params }) => {
  const final = { type: 'event', event: 'chat', payload: { sessionKey: params.sessionKey, state: 'final' } };
  if (method === 'chat.send') setImmediate(() => gateway.emit(final));
  return method === 'config.get' ? { hash: 'h', config: {} } : {};
};
process.on('SIGTERM', () => process.exit(0));
`;

/** Puts a whole installation into a store whose OpenClaw is the fake gateway: ready in half a second; for tests. */
export function writeFakeOpenClaw(storeDir: string, version = '2026.9.6'): void {
  const prefix = join(storeDir, `openclaw-${version}`);
  const packageDir = join(prefix, 'lib/node_modules/openclaw');
  mkdirSync(packageDir, { recursive: true });
  writeFileSync(join(packageDir, 'package.json'), JSON.stringify({ version, type: 'module' }));
  writeFileSync(join(packageDir, 'openclaw.mjs'), entry);
  writeFileSync(join(prefix, '.complete.json'), '{}');
}
