import type { ErrorComponentProps } from '@tanstack/react-router';
import { Button } from '../design/button.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Page } from './shell.tsx';

/** A page that threw: the rest of the dashboard goes on. */
export function PageFault({ error }: ErrorComponentProps) {
  return (
    <Page narrow>
      <ErrorNotice
        trouble={troubleOf(error)}
        action={
          <Button variant="secondary" size="sm" onClick={() => window.location.reload()}>
            Reload the page
          </Button>
        }
      />
    </Page>
  );
}
