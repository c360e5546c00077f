import type { ApiApp } from '../routes/kit.ts';

/** Looks up which methods a path takes, from the routes `app` has now; none for a path that isn't there. */
export function allowedMethods(app: ApiApp): (path: string) => string[] {
  const routes = app.routes
    .filter(({ method, path }) => method !== 'ALL' && path !== '/*')
    .map(({ method, path }) => ({
      method,
      pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:[A-Za-z0-9]+/g, '[^/]+')}$`),
    }));
  return (path) => {
    const methods = new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  };
}
