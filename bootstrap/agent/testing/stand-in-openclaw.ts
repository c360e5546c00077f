import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeGateway } from './fake-gateway.ts';

/**
 * OpenClaw's entry, as far as a machine's boot needs it: `--version`, and `gateway run` as the fake gateway. Bundled
 * into one file and laid where OpenClaw is expected (bootstrap/lab/stand-in.ts); ready in half a second; for tests.
 */
const argv = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as {
  version: string;
};
const { env } = process;

/** From the environment, from what the configuration says, or from systemd's credential. */
function token(config: { gateway?: { auth?: { token?: unknown } } }): string {
  if (env.OPENCLAW_GATEWAY_TOKEN) return env.OPENCLAW_GATEWAY_TOKEN;
  const configured = config.gateway?.auth?.token;
  if (typeof configured === 'string' && !configured.startsWith('$')) return configured;
  if (env.CREDENTIALS_DIRECTORY) {
    return readFileSync(join(env.CREDENTIALS_DIRECTORY, 'gateway-token'), 'utf8').trim();
  }
  throw new Error('the gateway has no token');
}

if (argv.includes('--version')) {
  process.stdout.write(`OpenClaw ${manifest.version} (stand-in)\n`);
} else if (argv[0] === 'gateway') {
  const config = JSON.parse(readFileSync(env.OPENCLAW_CONFIG_PATH ?? '', 'utf8')) as {
    gateway: { port?: number; auth?: { token?: unknown } };
  };
  const asked = argv.indexOf('--port');
  const port = asked < 0 ? (config.gateway.port ?? 18789) : Number(argv[asked + 1]);
  const gateway = await startFakeGateway({ port, token: token(config), version: manifest.version });
  gateway.answer = ({ method, params }) => {
    const final = {
      type: 'event',
      event: 'chat',
      payload: { sessionKey: params.sessionKey, state: 'final' },
    };
    if (method === 'chat.send') setImmediate(() => gateway.emit(final));
    return method === 'config.get' ? { hash: 'h', config: {} } : {};
  };
  process.stdout.write(`stand-in gateway ${manifest.version} listens on ${port}\n`);
  process.on('SIGTERM', () => process.exit(0));
} else {
  process.stderr.write(`the stand-in knows no '${argv.join(' ')}'\n`);
  process.exitCode = 2;
}
