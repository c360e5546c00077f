import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { AgentEnvironment } from '../env.ts';
import type { Paths } from '../paths.ts';
import { readIfThere, readOrSetAside, writePrivate } from '../private-file.ts';

/** A model provider the image brings along, at /etc/claw/model.json. */
export const ModelJson = z.object({
  provider: z.object({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
    baseUrl: z.url().max(300),
    apiKey: z.string().min(1).max(500),
    api: z.string().max(60).default('openai-completions'),
  }),
  model: z.object({ id: z.string().min(1).max(120), name: z.string().max(120) }),
});

/** The name of the gateway's token among a unit's credentials. */
const tokenCredential = 'gateway-token';

/** The provider of the warm-up's stand-in model; in OpenClaw's configuration only while warming up. */
export const warmUpProvider = 'claw-warm-up';

type Json = { [key: string]: unknown };
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(base: Json, over: Json): Json {
  const merged: Json = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key];
    if (value === undefined) delete merged[key];
    else merged[key] = isObject(value) && isObject(old) ? merge(old, value) : value;
  }
  return merged;
}

/** What an owner may change later: written on the first start only. */
const firstSettings: Json = {
  models: { mode: 'merge' },
  agents: { defaults: { heartbeat: { every: '0m' } } },
  session: { dmScope: 'per-channel-peer' },
};

/** What holds at every start, whatever was patched in between: nothing but loopback, and no shell unasked. */
const enforcedSettings = (port: number, paths: Paths, token: string): Json => ({
  gateway: {
    mode: 'local',
    bind: 'loopback',
    port,
    auth: { mode: 'token', token },
    terminal: { enabled: false },
    controlUi: { enabled: false },
  },
  discovery: { mdns: { mode: 'off' } },
  update: { channel: 'stable', checkOnStart: false },
  logging: { file: paths.openclawLog, maxFileBytes: 10_000_000 },
  tools: { exec: { mode: 'ask' }, elevated: { enabled: false } },
});

/** One provider of OpenAI's or another known protocol, as OpenClaw's configuration has it. */
export function providerSettings(input: {
  baseUrl: string;
  apiKey: string;
  api: string;
  model: { id: string; name: string };
}): Json {
  return {
    baseUrl: input.baseUrl,
    apiKey: input.apiKey,
    api: input.api,
    models: [
      {
        id: input.model.id,
        name: input.model.name,
        reasoning: false,
        input: ['text', 'image'],
        contextWindow: 128_000,
        maxTokens: 8192,
      },
    ],
  };
}

export interface ConfigInput {
  paths: Paths;
  port: number;
  /**
   * Where the stand-in model listens, or null where none is to be written; it is left out where a model of the image
   * serves for warming up.
   */
  standInUrl: string | null;
  /** @default a reference to OpenClaw's environment */
  token?: string;
  /** @default silent */
  log?: (message: string) => void;
}

/** What a first turn may be answered by: the image's own model, being the default, or the stand-in. */
export type WarmUpModel = 'default' | 'stand-in';

const environmentToken = '${OPENCLAW_GATEWAY_TOKEN}';

/** The model provider of the image; null on a plain machine. Raises where the file isn't of its form. */
export function readImageModel(paths: Paths): z.infer<typeof ModelJson> | null {
  const text = readIfThere(paths.modelJson);
  return text === null ? null : ModelJson.parse(JSON.parse(text));
}

/** What answers a first turn, given the default model of OpenClaw's configuration as it stands. */
export function warmUpModelOf(paths: Paths, config: Record<string, unknown>): WarmUpModel {
  const image = readImageModel(paths);
  const chosen = defaultModel(config);
  const imageModel = image === null ? null : `${image.provider.id}/${image.model.id}`;
  return imageModel !== null && (chosen === null || chosen === imageModel) ? 'default' : 'stand-in';
}

/** The stand-in as OpenClaw's configuration has it. */
export const standInSettings = (baseUrl: string): Json =>
  providerSettings({
    baseUrl,
    apiKey: 'none',
    api: 'openai-completions',
    model: { id: 'stand-in', name: 'Warm-up' },
  });

/**
 * Writes OpenClaw's configuration (0600) in its own folder: our settings over whatever is there. Its
 * parent folders are made; a model of the image becomes the default as long as none is set. A configuration that
 * can't be read is kept aside, and a new one begun: a gateway that never starts helps nobody.
 */
export function writeOpenClawConfig(input: ConfigInput): WarmUpModel {
  const { paths, port, standInUrl, token = environmentToken, log = () => undefined } = input;
  for (const folder of [paths.openclawState, paths.openclawHome])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  const existing = readOrSetAside(paths.openclawConfig, (text) => Configuration.parse(JSON.parse(text)), log);
  const image = readImageModel(paths);
  const imageModel = image === null ? null : `${image.provider.id}/${image.model.id}`;
  const warmUpModel = warmUpModelOf(paths, existing ?? {});
  let config = merge(merge(firstSettings, existing ?? {}), enforcedSettings(port, paths, token));
  if (image && warmUpModel === 'default') {
    config = merge(config, {
      models: {
        providers: { [image.provider.id]: providerSettings({ ...image.provider, model: image.model }) },
      },
      agents: { defaults: { model: { primary: imageModel } } },
    });
  }
  const standIn = warmUpModel === 'stand-in' && standInUrl !== null ? standInSettings(standInUrl) : undefined;
  const providers = { [warmUpProvider]: standIn };
  writePrivate(
    paths.openclawConfig,
    `${JSON.stringify(merge(config, { models: { providers } }), null, 2)}\n`,
  );
  return warmUpModel;
}

const Configuration = z.looseObject({});

function defaultModel(config: Json): string | null {
  const { agents } = config;
  const defaults = isObject(agents) ? agents['defaults'] : undefined;
  const model = isObject(defaults) ? defaults['model'] : undefined;
  const named = isObject(model) ? model['primary'] : model;
  return typeof named === 'string' ? named : null;
}

/**
 * The gateway's token. On a server systemd gives it to the agent's unit and the gateway's as a credential; in a
 * process sandbox it is made on the first start, kept 0600, and given to OpenClaw by its environment only. Raises
 * where a server's unit has no credential.
 */
export function gatewayToken(
  env: Pick<AgentEnvironment, 'service' | 'credentialsDir'>,
  paths: Paths,
): string {
  if (env.service) {
    const given = env.credentialsDir === null ? null : readIfThere(join(env.credentialsDir, tokenCredential));
    if (!given?.trim()) throw new Error(`this unit was not given the credential ${tokenCredential}`);
    return given.trim();
  }
  const kept = readIfThere(paths.gatewayToken)?.trim();
  if (kept) return kept;
  const made = randomBytes(32).toString('base64url');
  writePrivate(paths.gatewayToken, `${made}\n`);
  return made;
}
