import { createHash } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { CloudEnv, CloudParts } from './context.ts';
import { errorResponse, texts } from './errors.ts';

/** How keys are kept. */
export const digest = (key: string): string => createHash('sha256').update(key).digest('hex');

const everyone = [/^\/(regions|plans|os)$/, /^\/regions\/[^/]+\/availability$/];

/**
 * The user permissions ("ACLs") a request needs, by the vendor's names. The vendor lists the names and what they are
 * for; which of its endpoints wants which is read from that, not from a table of theirs.
 */
export function aclsOf(method: string, path: string, body: Record<string, unknown>): string[] {
  const [, kind = ''] = path.split('/');
  if (kind === 'firewalls') return ['firewall'];
  if (method === 'GET')
    return ['account', 'regions', 'plans', 'os'].includes(kind) ? [] : ['subscriptions_view'];
  if (method === 'POST' && /^\/(instances|blocks|reserved-ips)$/.test(path)) return ['provisioning'];
  if (method === 'PATCH' && body.plan !== undefined) return ['subscriptions', 'upgrade'];
  return ['subscriptions'];
}

/** The caller's address as the vendor would see it; in-process callers have none. */
function addressOf(incoming: CloudEnv['Bindings']['incoming']): string {
  return (incoming?.socket?.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
}

/** Key, allow-list and permissions, in the vendor's order: a strange address learns nothing about the key's powers. */
export function access(parts: CloudParts): MiddlewareHandler<CloudEnv> {
  return async (c, next) => {
    const path = new URL(c.req.url).pathname.replace(/^\/v2/, '');
    const key = /^Bearer (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    // Regions, plans and systems are public; a wrong key is refused all the same.
    if (key === undefined && c.req.method === 'GET' && everyone.some((pattern) => pattern.test(path))) {
      c.set('accountName', 'nobody');
      return next();
    }
    const hash = key === undefined ? '' : digest(key);
    c.set('keyMark', `sha256:${hash.slice(0, 12)}`);
    const grant = parts.store.keys.get(hash);
    if (!grant) return errorResponse(401, texts.badKey);
    const address = addressOf(c.env?.incoming);
    if (grant.allow && !grant.allow.includes(address)) return errorResponse(401, texts.badAddress(address));
    c.set('grant', grant);
    c.set('accountName', grant.account);
    c.set('account', parts.store.account(grant.account));
    await next();
  };
}

/** 403 for what the key's user may not do. Runs after the faults: these may hide it. */
export function requireAcl(): MiddlewareHandler<CloudEnv> {
  return async (c, next) => {
    const path = new URL(c.req.url).pathname.replace(/^\/v2/, '');
    const text = c.req.method === 'PATCH' ? await c.req.raw.clone().text() : '';
    let body: Record<string, unknown> = {};
    try {
      body = JSON.parse(text || '{}') as Record<string, unknown>;
    } catch {
      // The route says what is wrong with it.
    }
    const grant = c.get('grant');
    const wanted = aclsOf(c.req.method, path, body);
    if (grant && !wanted.every((acl) => grant.acls.includes(acl))) return errorResponse(403, 'Forbidden.');
    await next();
  };
}
