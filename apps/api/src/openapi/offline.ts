import { ProductError } from '@claw-cloud/contracts';
import { createApp } from '../app.ts';
import type { OwnerGate } from '../http/owner.ts';
import type { ApiParts } from '../parts.ts';
import { openApiDocument } from './document.ts';

/** The document of an api that has every route, made without a database: routes are described, never called. */
export function apiDocument(): Record<string, unknown> {
  const unused = (): never => {
    throw new ProductError('unavailable', 'This api only describes itself.', 'Start the api.');
  };
  const absent = new Proxy({}, { get: unused });
  const parts = {
    config: {
      publicUrl: 'http://127.0.0.1:4600',
      auth: { kind: 'local', databaseUrl: '', secret: '', operatorToken: 'described, never called' },
      authorizedParties: [],
      agentDir: null,
      webDir: null,
      sandbox: true,
      trustedProxyHops: 0,
    },
    issuer: { handler: unused },
    db: absent,
  } as unknown as ApiParts;
  const gate: OwnerGate = async () => unused();
  return openApiDocument(createApp(parts, gate, { get: unused }));
}
