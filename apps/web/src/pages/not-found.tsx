import { Compass } from 'lucide-react';
import { Page } from '../app/shell.tsx';
import { ButtonLink } from '../design/button.tsx';
import { EmptyState } from '../design/empty-state.tsx';

/** An address that leads nowhere, or to somebody else's things: they look the same. */
export function NotFoundPage() {
  return (
    <Page narrow>
      <EmptyState
        icon={<Compass size={20} aria-hidden />}
        title="There is nothing here"
        action={<ButtonLink to="/">Go to your servers</ButtonLink>}
      >
        The address may be mistyped, or what was here has been removed.
      </EmptyState>
    </Page>
  );
}
