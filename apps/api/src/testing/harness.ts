import { signer } from '@claw-cloud/auth/testing';
import type { JobName } from '@claw-cloud/contracts';
import { key43, newOwnerId, startTestDatabase, type TestDatabase } from '@claw-cloud/db/testing';
import type { ApiConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { type RunningApi, type StartOptions, startApi } from '../server.ts';

export const party = 'https://cloud.example';
const issuer = 'https://clerk.cloud.example';

export interface TestApi extends RunningApi {
  readonly database: TestDatabase;
  readonly config: ApiConfig;
  /** Every line it logged. */
  readonly logged: string[];
  /** What it put into the queue. */
  readonly jobs: { name: JobName; data: unknown }[];
  /** Somebody who is signed in. */
  person(ownerId?: string): Promise<TestPerson>;
  /** A request to the api with no token. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export interface TestPerson {
  readonly ownerId: string;
  token(): Promise<string>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  send(method: string, path: string, body: unknown): Promise<Response>;
}

/** A real api over a real database, signed in to with tokens in Clerk's shape. */
export async function startTestApi(
  changes: Partial<ApiConfig> = {},
  options: StartOptions = {},
): Promise<TestApi> {
  const database = await startTestDatabase();
  await database.db.provisioner.publishIntakeKey({ kid: 'kid-1', publicKey: key43() });
  const { sign, pem } = await signer({ issuer, party });
  const config: ApiConfig = {
    host: '127.0.0.1',
    port: 0,
    publicUrl: party,
    database,
    queue: { kind: 'postgres', url: database.postgresUrl('queue') },
    auth: { kind: 'clerk', jwtKey: pem, issuer, publishableKey: 'pk_test_x' },
    authorizedParties: [party],
    agentDir: null,
    webDir: null,
    nodeName: 'test',
    sandbox: true,
    trustedProxyHops: 0,
    ...changes,
  };
  const logged: string[] = [];
  const jobs: TestApi['jobs'] = [];
  const api = await startApi(config, {
    log: createLog((line) => logged.push(line)),
    db: database.db,
    queue: { add: async (name, data) => void jobs.push({ name, data }) },
    ...options,
  }).catch(async (error: unknown) => {
    await database.stop();
    throw error;
  });

  const request = (path: string, init?: RequestInit) =>
    fetch(`${api.url}${path}`, { signal: AbortSignal.timeout(15_000), ...init });
  return {
    ...api,
    database,
    config,
    logged,
    jobs,
    fetch: request,
    async person(ownerId = newOwnerId()) {
      const token = () => sign({ sub: ownerId });
      const headers = async (more: HeadersLike = {}) => ({
        ...more,
        authorization: `Bearer ${await token()}`,
      });
      return {
        ownerId,
        token,
        fetch: async (path, init = {}) =>
          request(path, { ...init, headers: await headers(init.headers as HeadersLike | undefined) }),
        send: async (method, path, body) =>
          request(path, {
            method,
            headers: await headers({ 'content-type': 'application/json' }),
            body: JSON.stringify(body),
          }),
      };
    },
    async stop() {
      await api.stop();
      await database.stop();
    },
  };
}

type HeadersLike = Record<string, string>;
