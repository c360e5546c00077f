import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { SandboxOptions } from './sandbox.ts';

function port(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new Error(`${name} must be a port, not '${text}'.`);
  return value;
}

function positive(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} must be a whole number above 0, not '${text}'.`);
  return value;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

function texts(name: string): Record<string, string> {
  const text = process.env[name];
  if (!text) return {};
  const value: unknown = JSON.parse(text);
  const valid =
    typeof value === 'object' && value !== null && Object.values(value).every((v) => typeof v === 'string');
  if (!valid) throw new Error(`${name} must be a JSON object of texts.`);
  return value as Record<string, string>;
}

/** The Python that holds moto; the repository's test script makes it. */
export function testPython(): string {
  const { CLAW_TEST_PYTHON, CLAW_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = CLAW_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'claw-cloud');
  return CLAW_TEST_PYTHON || join(cache, 'python-tests', 'bin', 'python');
}

/**
 * The sandbox's settings from the environment. Required: SANDBOX_CONTROL_TOKEN, SANDBOX_STATE_DIR. Others:
 * SANDBOX_PORT and SANDBOX_MODEL_PORT (0: a free one), SANDBOX_STORE_DIR, SANDBOX_NODE_BIN_DIR (default: of this
 * Node), SANDBOX_IMAGE_FILES (JSON path → content), SANDBOX_MACHINE_ENV (JSON), SANDBOX_KEEP_MACHINES (1),
 * SANDBOX_ACCEPT_ANY_TOKEN (1), SANDBOX_REQUESTS_PER_HOUR, SANDBOX_MAX_SERVERS, SANDBOX_ACTION_MS. Throws with the
 * variable's name.
 */
export function readEnv(): SandboxOptions {
  const stateDir = resolve(required('SANDBOX_STATE_DIR'));
  const storeDir = process.env.SANDBOX_STORE_DIR;
  return {
    port: port('SANDBOX_PORT', 0),
    modelPort: port('SANDBOX_MODEL_PORT', 0),
    controlToken: required('SANDBOX_CONTROL_TOKEN'),
    stateDir,
    storeDir: storeDir ? resolve(storeDir) : join(stateDir, 'store'),
    nodeBinDir: process.env.SANDBOX_NODE_BIN_DIR || dirname(process.execPath),
    imageFiles: texts('SANDBOX_IMAGE_FILES'),
    machineEnv: texts('SANDBOX_MACHINE_ENV'),
    keepMachines: process.env.SANDBOX_KEEP_MACHINES === '1',
    cloud: {
      ...(process.env.SANDBOX_ACCEPT_ANY_TOKEN === '1' ? { tokens: 'any' as const } : {}),
      actionMs: positive('SANDBOX_ACTION_MS', 40),
      limits: {
        servers: positive('SANDBOX_MAX_SERVERS', 10),
        primaryIps: positive('SANDBOX_MAX_SERVERS', 10),
        requestsPerHour: positive('SANDBOX_REQUESTS_PER_HOUR', 3600),
      },
    },
  };
}
