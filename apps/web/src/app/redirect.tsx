import { type NavigateOptions, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

/**
 * Goes elsewhere, once. (The router's own component goes again at every render, and rendering is what a
 * change of address causes.)
 */
export function Redirect(target: NavigateOptions) {
  const navigate = useNavigate();
  const first = useRef(target);
  useEffect(() => {
    void navigate({ ...first.current, replace: true });
  }, [navigate]);
  return null;
}
