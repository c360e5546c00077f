import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  type RouterHistory,
} from '@tanstack/react-router';
import type { AddCredentialSearch } from '../pages/add-credential.tsx';
import { NotFoundPage } from '../pages/not-found.tsx';
import { ServersPage } from '../pages/servers.tsx';
import { AccountPage } from '../pages/sign-in.tsx';
import { PageFault } from './page-fault.tsx';
import { Shell, Splash } from './shell.tsx';

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFoundPage,
  errorComponent: PageFault,
});

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
const nextPage = (search: Record<string, unknown>): { next?: string } => {
  const next = text(search.next);
  return next === undefined ? {} : { next };
};

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: nextPage,
  component: () => <AccountPage kind="sign-in" />,
});
const signUp = createRoute({
  getParentRoute: () => root,
  path: '/sign-up',
  validateSearch: nextPage,
  component: () => <AccountPage kind="sign-up" />,
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  notFoundComponent: NotFoundPage,
});
const servers = createRoute({ getParentRoute: () => shell, path: '/', component: ServersPage });
const credentials = createRoute({
  getParentRoute: () => shell,
  path: '/credentials',
  component: lazyRouteComponent(() => import('../pages/credentials.tsx'), 'CredentialsPage'),
});
const addCredential = createRoute({
  getParentRoute: () => shell,
  path: '/credentials/new',
  validateSearch: (search: Record<string, unknown>): AddCredentialSearch => {
    const given = { cloud: text(search.cloud), name: text(search.name), replaces: text(search.replaces) };
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  },
  component: lazyRouteComponent(() => import('../pages/add-credential.tsx'), 'AddCredentialPage'),
});
const credential = createRoute({
  getParentRoute: () => shell,
  path: '/credentials/$credentialId',
  component: lazyRouteComponent(() => import('../pages/credential.tsx'), 'CredentialPage'),
});
const found = createRoute({
  getParentRoute: () => shell,
  path: '/found',
  component: lazyRouteComponent(() => import('../pages/found.tsx'), 'FoundPage'),
});
const deploy = createRoute({
  getParentRoute: () => shell,
  path: '/deploy',
  validateSearch: (search: Record<string, unknown>): { credential?: string } => {
    const credential = text(search.credential);
    return credential === undefined ? {} : { credential };
  },
  component: lazyRouteComponent(() => import('../pages/deploy.tsx'), 'DeployPage'),
});
const activity = createRoute({
  getParentRoute: () => shell,
  path: '/activity',
  component: lazyRouteComponent(() => import('../pages/activity.tsx'), 'ActivityPage'),
});

const link = createRoute({
  getParentRoute: () => shell,
  path: '/link',
  validateSearch: (search: Record<string, unknown>): { server?: string } => {
    const from = text(search.server);
    return from === undefined ? {} : { server: from };
  },
  component: lazyRouteComponent(() => import('../pages/link.tsx'), 'LinkPage'),
});

const server = createRoute({
  getParentRoute: () => shell,
  path: '/servers/$instanceId',
  component: lazyRouteComponent(() => import('../pages/server.tsx'), 'ServerLayout'),
});
const serverIndex = createRoute({
  getParentRoute: () => server,
  path: '/',
  component: lazyRouteComponent(() => import('../pages/server.tsx'), 'ServerIndex'),
});
const chat = createRoute({
  getParentRoute: () => server,
  path: '/chat',
  component: lazyRouteComponent(() => import('../pages/server-chat.tsx'), 'ServerChatPage'),
});
const conversation = createRoute({
  getParentRoute: () => server,
  path: '/chat/$conversationId',
  component: lazyRouteComponent(() => import('../pages/server-chat.tsx'), 'ServerChatPage'),
});
const timeline = createRoute({
  getParentRoute: () => server,
  path: '/timeline',
  component: lazyRouteComponent(() => import('../pages/server-timeline.tsx'), 'ServerTimelinePage'),
});
const settings = createRoute({
  getParentRoute: () => server,
  path: '/settings',
  component: lazyRouteComponent(() => import('../settings/layout.tsx'), 'SettingsLayout'),
});
const settingsIndex = createRoute({
  getParentRoute: () => settings,
  path: '/',
  component: lazyRouteComponent(() => import('../settings/layout.tsx'), 'SettingsIndex'),
});
const overview = createRoute({
  getParentRoute: () => settings,
  path: '/overview',
  component: lazyRouteComponent(() => import('../settings/overview.tsx'), 'OverviewArea'),
});
const machine = createRoute({
  getParentRoute: () => settings,
  path: '/machine',
  component: lazyRouteComponent(() => import('../settings/machine.tsx'), 'MachineArea'),
});
const model = createRoute({
  getParentRoute: () => settings,
  path: '/model',
  component: lazyRouteComponent(() => import('../settings/model.tsx'), 'ModelArea'),
});
const updates = createRoute({
  getParentRoute: () => settings,
  path: '/updates',
  component: lazyRouteComponent(() => import('../settings/updates.tsx'), 'UpdatesArea'),
});
const logs = createRoute({
  getParentRoute: () => settings,
  path: '/logs',
  component: lazyRouteComponent(() => import('../settings/logs.tsx'), 'LogsArea'),
});
const configuration = createRoute({
  getParentRoute: () => settings,
  path: '/configuration',
  component: lazyRouteComponent(() => import('../settings/configuration.tsx'), 'ConfigurationArea'),
});
const backups = createRoute({
  getParentRoute: () => settings,
  path: '/backups',
  component: lazyRouteComponent(() => import('../settings/backups.tsx'), 'BackupsArea'),
});
const devices = createRoute({
  getParentRoute: () => settings,
  path: '/devices',
  component: lazyRouteComponent(() => import('../settings/devices.tsx'), 'DevicesArea'),
});
const support = createRoute({
  getParentRoute: () => settings,
  path: '/support',
  component: lazyRouteComponent(() => import('../settings/support.tsx'), 'SupportArea'),
});
const attest = createRoute({
  getParentRoute: () => settings,
  path: '/attest',
  component: lazyRouteComponent(() => import('../settings/attest.tsx'), 'AttestArea'),
});
const security = createRoute({
  getParentRoute: () => settings,
  path: '/security',
  component: lazyRouteComponent(() => import('../settings/security.tsx'), 'SecurityArea'),
});

const nowhere = createRoute({ getParentRoute: () => shell, path: '/$', component: NotFoundPage });

const routes = root.addChildren([
  signIn,
  signUp,
  shell.addChildren([
    servers,
    credentials,
    addCredential,
    credential,
    found,
    deploy,
    activity,
    link,
    nowhere,
    server.addChildren([
      serverIndex,
      chat,
      conversation,
      timeline,
      settings.addChildren([
        settingsIndex,
        overview,
        machine,
        model,
        updates,
        logs,
        configuration,
        backups,
        devices,
        support,
        attest,
        security,
      ]),
    ]),
  ]),
]);

/** Every page and its address. `history` is for tests. */
export function createAppRouter(history?: RouterHistory) {
  return createRouter({
    routeTree: routes,
    defaultPreload: 'intent',
    defaultPendingComponent: Splash,
    defaultErrorComponent: PageFault,
    scrollRestoration: true,
    ...(history ? { history } : {}),
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
