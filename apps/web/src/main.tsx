import './styles.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './app/data.ts';
import { takeLinkCode } from './app/link-code.ts';
import { createAppRouter } from './app/router.tsx';
import { SessionProvider } from './app/session.tsx';
import { takeSignInLink } from './app/sign-in-link.ts';
import { Toaster } from './design/toast.tsx';

// First of all: a link's token and keys must not stay in the address, the history or a screenshot.
const link = takeSignInLink(window.location, window.history);
takeLinkCode(window.location, window.history);

const root = document.getElementById('root');
if (!root) throw new Error('The page has no root element.');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={createQueryClient()}>
      <Toaster>
        <SessionProvider link={link}>
          <RouterProvider router={createAppRouter()} />
        </SessionProvider>
      </Toaster>
    </QueryClientProvider>
  </StrictMode>,
);
