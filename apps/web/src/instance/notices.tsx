import type { OwnerCommandName, OwnerFrame } from '@claw-cloud/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react';
import { useToast } from '../design/toast.tsx';
import type { Area } from '../settings/areas.ts';
import { useConnection } from './connection.tsx';
import { describeNotice } from './notice-words.ts';

type Notice = Extract<OwnerFrame, { type: 'notice' }>['notice'];
type Unread = Partial<Record<Area, number>>;

interface NoticesValue {
  readonly unread: Unread;
  seen(area: Area): void;
}
const NoticesContext = createContext<NoticesValue>({ unread: {}, seen: () => undefined });

/** What the server said that its owner has not looked at yet, by the settings' area it belongs to. */
export const useNotices = (): NoticesValue => use(NoticesContext);

/** What a notice makes old. */
const stale: Record<Notice['kind'], readonly OwnerCommandName[]> = {
  grant_ending: ['support.list'],
  grant_ended: ['support.list', 'audit.list'],
  grant_session: ['support.list', 'audit.list'],
  gateway_restarted: ['instance.health'],
  device_added: ['devices.list'],
  update_offered: ['updates.get'],
};

/** Says each notice of the server once, and counts it until its area is looked at. */
export function NoticesProvider({ instanceId, children }: { instanceId: string; children: ReactNode }) {
  const { connection } = useConnection();
  const toast = useToast();
  const queries = useQueryClient();
  const [unread, setUnread] = useState<Unread>({});
  useEffect(() => {
    if (!connection) return;
    return connection.channel.onFrame((frame) => {
      if (frame.type !== 'notice') return;
      const { text, area, tone } = describeNotice(frame.notice);
      toast(text, tone);
      setUnread((before) => ({ ...before, [area]: (before[area] ?? 0) + 1 }));
      for (const name of stale[frame.notice.kind])
        void queries.invalidateQueries({ queryKey: ['owner', instanceId, name] });
    });
  }, [connection, toast, queries, instanceId]);
  const seen = useCallback(
    (area: Area) =>
      setUnread((before) => {
        if (!before[area]) return before;
        const { [area]: _, ...others } = before;
        return others;
      }),
    [],
  );
  const value = useMemo(() => ({ unread, seen }), [unread, seen]);
  return <NoticesContext value={value}>{children}</NoticesContext>;
}
