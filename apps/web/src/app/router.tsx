import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  type RouterHistory,
} from '@tanstack/react-router';
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
  component: lazyRouteComponent(() => import('../pages/add-credential.tsx'), 'AddCredentialPage'),
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
  component: lazyRouteComponent(() => import('../pages/server-settings.tsx'), 'ServerSettingsPage'),
});

const nowhere = createRoute({ getParentRoute: () => shell, path: '/$', component: NotFoundPage });

const routes = root.addChildren([
  signIn,
  signUp,
  shell.addChildren([
    servers,
    credentials,
    addCredential,
    deploy,
    activity,
    nowhere,
    server.addChildren([serverIndex, chat, conversation, timeline, settings]),
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
