import { type NavigateOptions, useLocation, useMatch, useRouter } from '@tanstack/react-router';
import { useCallback, useEffect, useRef } from 'react';

/**
 * Goes elsewhere on a page's own behalf, and returns undefined when it doesn't: somebody has asked for another page,
 * which may still be being fetched while this one is shown.
 */
export function useMoveOn(): (target: NavigateOptions) => Promise<void> | undefined {
  const router = useRouter();
  const here = useMatch({ strict: false, select: ({ id }) => id });
  return useCallback(
    (target) => {
      const asked = router.matchRoutes(router.latestLocation);
      return asked.some(({ id }) => id === here) ? router.navigate(target) : undefined;
    },
    [router, here],
  );
}

/**
 * Goes elsewhere, once. (The router's own component goes again at every render, and rendering is what a
 * change of address causes.)
 */
export function Redirect(target: NavigateOptions) {
  const moveOn = useMoveOn();
  const { href } = useLocation();
  const first = useRef(target);
  const gone = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: who asked for another page may come back to this one.
  useEffect(() => {
    if (!gone.current) gone.current = moveOn({ ...first.current, replace: true }) !== undefined;
  }, [moveOn, href]);
  return null;
}
