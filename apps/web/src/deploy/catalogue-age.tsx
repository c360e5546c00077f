import type { Catalogue } from '@claw-cloud/contracts';
import { RotateCw } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from '../design/button.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { ago } from '../instance/words.ts';
import { useCatalogueRefresh } from './catalogue-refresh.ts';

/** When the cloud told these prices, and a way to ask it again. */
export function CatalogueAge({ credentialId, catalogue }: { credentialId: string; catalogue: Catalogue }) {
  const refresh = useCatalogueRefresh(credentialId);
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-1 text-muted text-xs" data-testid="catalogue-age">
        <span>
          Prices in {catalogue.currency}, told by your cloud{' '}
          <time dateTime={catalogue.fetchedAt} title={new Date(catalogue.fetchedAt).toLocaleString()}>
            {ago(catalogue.fetchedAt)}
          </time>
        </span>
        <Button
          variant="ghost"
          size="sm"
          className="h-7 px-2 text-xs"
          busy={refresh.busy}
          onClick={refresh.ask}
          data-testid="catalogue-refresh"
        >
          {!refresh.busy && <RotateCw size={12} aria-hidden />}
          {refresh.busy ? 'Asking' : 'Ask again'}
        </Button>
      </p>
      {refresh.error !== undefined && (
        <ErrorNotice trouble={troubleOf(refresh.error)} tone="caution" className="mt-2" />
      )}
    </>
  );
}
