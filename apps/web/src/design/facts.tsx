import type { ReactNode } from 'react';

/** Terms and what is known of them, two a row where there is room. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="grid gap-x-8 gap-y-3.5 px-5 py-4 text-sm sm:grid-cols-2">{children}</dl>;
}

export function Fact({ term, children, testId }: { term: string; children: ReactNode; testId?: string }) {
  return (
    <div className="min-w-0">
      <dt className="text-faint text-xs">{term}</dt>
      <dd className="mt-0.5 break-words" data-testid={testId}>
        {children}
      </dd>
    </div>
  );
}
