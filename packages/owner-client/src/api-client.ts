import {
  type AddCredential,
  AuditEvent,
  Catalogue,
  CatalogueRenewal,
  CloudList,
  Credential,
  type DeployInstance,
  Instance,
  IntakeKey,
  Me,
  Operation,
  type PowerWish,
  PublicConfig,
  Receipt,
  type ResizeInstance,
  Stray,
} from '@claw-cloud/contracts';
import { z } from 'zod';
import { isProblem, misshapen, problemOf, unreachable } from './problem.ts';

export interface ApiClientOptions {
  /** Where the api answers, without a trailing slash; '' is the page's own origin. */
  readonly baseUrl: string;
  /** The session token for the Authorization header; `fresh` asks for one that was not used before. */
  readonly getToken: (options?: { fresh?: boolean }) => Promise<string>;
  /** @default globalThis.fetch */
  readonly fetch?: typeof fetch;
  /** How long one request may take. @default 20000 */
  readonly timeoutMs?: number;
}

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Sends no session token. */
  readonly open?: boolean;
}

export type ApiClient = ReturnType<typeof createApiClient>;

const DeployAnswer = z.object({ instance: Instance, operation: Operation });
const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });

/**
 * The control plane's HTTP API, typed over the contracts: every answer is parsed, every error is a
 * {@link ProblemError}. A 401 is tried once more with a fresh token.
 */
export function createApiClient(options: ApiClientOptions) {
  const { baseUrl, getToken, timeoutMs = 20_000 } = options;
  const fetchFn = options.fetch ?? ((input, init) => globalThis.fetch(input, init));

  const send = async (path: string, call: Call, fresh: boolean): Promise<Response> => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (!call.open) headers.authorization = `Bearer ${await getToken({ fresh })}`;
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await fetchFn(`${baseUrl}${path}`, {
      method: call.method ?? 'GET',
      headers,
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    }).catch((error: unknown) => {
      if (call.signal?.aborted) throw call.signal.reason;
      throw unreachable(error);
    });
    if (response.ok) return response;
    throw await problemOf(response);
  };

  const request = async <T extends z.ZodType>(
    path: string,
    answer: T,
    call: Call = {},
  ): Promise<z.output<T>> => {
    const response = await send(path, call, false).catch((error: unknown) => {
      if (!call.open && isProblem(error, 'unauthenticated')) return send(path, call, true);
      throw error;
    });
    const body: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
    const parsed = answer.safeParse(body);
    if (!parsed.success) throw misshapen(parsed.error, response.headers.get('x-request-id'));
    return parsed.data;
  };

  const id = encodeURIComponent;
  return {
    baseUrl,
    getToken,
    config: (signal?: AbortSignal) => request('/v1/config', PublicConfig, { open: true, signal }),
    me: (signal?: AbortSignal) => request('/v1/me', Me, { signal }),
    intakeKey: (signal?: AbortSignal) => request('/v1/intake-key', IntakeKey, { signal }),

    /** Each cloud's ways to give access, filled in for this owner. */
    listClouds: (signal?: AbortSignal) => request('/v1/clouds', CloudList, { signal }),
    listStrays: async (signal?: AbortSignal) => (await request('/v1/strays', list(Stray), { signal })).items,
    deleteStray: (strayId: string) => request(`/v1/strays/${id(strayId)}`, Stray, { method: 'DELETE' }),

    addCredential: (body: AddCredential) => request('/v1/credentials', Credential, { method: 'POST', body }),
    listCredentials: async (signal?: AbortSignal) =>
      (await request('/v1/credentials', list(Credential), { signal })).items,
    getCredential: (credentialId: string, signal?: AbortSignal) =>
      request(`/v1/credentials/${id(credentialId)}`, Credential, { signal }),
    removeCredential: (credentialId: string) =>
      request(`/v1/credentials/${id(credentialId)}`, z.unknown(), { method: 'DELETE' }),
    getCatalogue: (credentialId: string, signal?: AbortSignal) =>
      request(`/v1/credentials/${id(credentialId)}/catalogue`, Catalogue, { signal }),
    /** Has the cloud asked for its prices of today; answers with the catalogue as it stands. */
    refreshCatalogue: (credentialId: string) =>
      request(`/v1/credentials/${id(credentialId)}/catalogue`, CatalogueRenewal, { method: 'POST' }),

    deployInstance: (body: DeployInstance) =>
      request('/v1/instances', DeployAnswer, { method: 'POST', body }),
    listInstances: async (signal?: AbortSignal) =>
      (await request('/v1/instances', list(Instance), { signal })).items,
    getInstance: (instanceId: string, signal?: AbortSignal) =>
      request(`/v1/instances/${id(instanceId)}`, Instance, { signal }),
    destroyInstance: (instanceId: string) =>
      request(`/v1/instances/${id(instanceId)}`, Operation, { method: 'DELETE' }),
    /** Starts, stops or reboots the machine; the operation goes on after the answer. */
    powerInstance: (instanceId: string, wish: PowerWish) =>
      request(`/v1/instances/${id(instanceId)}/${wish}`, Operation, { method: 'POST' }),
    resizeInstance: (instanceId: string, body: ResizeInstance) =>
      request(`/v1/instances/${id(instanceId)}/resize`, Operation, { method: 'POST', body }),
    /** Looks for drift and changes nothing. */
    checkInstance: (instanceId: string) =>
      request(`/v1/instances/${id(instanceId)}/check`, Operation, { method: 'POST' }),
    repairInstance: (instanceId: string) =>
      request(`/v1/instances/${id(instanceId)}/repair`, Operation, { method: 'POST' }),
    /** Tries another credential of the same cloud on a server, which moves to it when it fits. */
    replaceCredential: (instanceId: string, credentialId: string) =>
      request(`/v1/instances/${id(instanceId)}/credential`, Operation, {
        method: 'POST',
        body: { credentialId },
      }),
    /** Asks the server to restart the assistant: the one thing the control plane may ask of it. */
    restartGateway: (instanceId: string) =>
      request(`/v1/instances/${id(instanceId)}/restart-gateway`, z.unknown(), { method: 'POST' }),
    getReceipt: (instanceId: string, signal?: AbortSignal) =>
      request(`/v1/instances/${id(instanceId)}/receipt`, Receipt, { signal }),
    getOperation: (operationId: string, signal?: AbortSignal) =>
      request(`/v1/operations/${id(operationId)}`, Operation, { signal }),
    listAudit: async (page: { limit?: number; before?: string } = {}, signal?: AbortSignal) => {
      const query = new URLSearchParams();
      if (page.limit !== undefined) query.set('limit', String(page.limit));
      if (page.before !== undefined) query.set('before', page.before);
      const tail = query.size > 0 ? `?${query}` : '';
      return (await request(`/v1/audit-events${tail}`, list(AuditEvent), { signal })).items;
    },
  };
}
