import { useEffect } from 'react';

/** Names the tab after what is shown in it. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title === undefined ? 'Claw Cloud' : `${title} · Claw Cloud`;
  }, [title]);
}
