import { Bell, Check, CircleAlert, TriangleAlert, X } from 'lucide-react';
import { createContext, type ReactNode, use, useCallback, useEffect, useState } from 'react';
import { classes } from './classes.ts';

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: 'positive' | 'critical' | 'neutral' | 'caution';
}
type Say = (text: string, tone?: Toast['tone']) => void;

const ToastContext = createContext<Say>(() => undefined);
let count = 0;

/** Says something that needs no answer. */
export const useToast = (): Say => use(ToastContext);

/** Where toasts appear; once, around the app. */
export function Toaster({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const say = useCallback<Say>((text, tone = 'positive') => {
    count += 1;
    setToasts((before) => [...before.slice(-2), { id: count, text, tone }]);
  }, []);
  const drop = useCallback(
    (id: number) => setToasts((before) => before.filter((toast) => toast.id !== id)),
    [],
  );
  return (
    <ToastContext value={say}>
      {children}
      <div
        role="status"
        aria-live="polite"
        className="pointer-events-none fixed right-4 bottom-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2"
      >
        {toasts.map((toast) => (
          <One key={toast.id} toast={toast} drop={drop} />
        ))}
      </div>
    </ToastContext>
  );
}

const looks: Record<Toast['tone'], { Icon: typeof Check; ink: string }> = {
  positive: { Icon: Check, ink: 'text-positive' },
  critical: { Icon: CircleAlert, ink: 'text-critical' },
  caution: { Icon: TriangleAlert, ink: 'text-caution-ink' },
  neutral: { Icon: Bell, ink: 'text-muted' },
};

function One({ toast, drop }: { toast: Toast; drop: (id: number) => void }) {
  useEffect(() => {
    const timer = setTimeout(() => drop(toast.id), 6000);
    return () => clearTimeout(timer);
  }, [toast.id, drop]);
  const { Icon, ink } = looks[toast.tone];
  return (
    <div
      data-testid="toast"
      className="pointer-events-auto flex animate-rise items-start gap-2.5 rounded-lg border border-line bg-raised px-3.5 py-3 shadow-2"
    >
      <Icon size={16} aria-hidden className={classes('mt-0.5 shrink-0', ink)} />
      <p className="min-w-0 flex-1">{toast.text}</p>
      <button
        type="button"
        aria-label="Dismiss"
        onClick={() => drop(toast.id)}
        className="text-faint hover:text-ink"
      >
        <X size={14} aria-hidden />
      </button>
    </div>
  );
}
