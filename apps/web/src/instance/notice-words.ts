import type { OwnerFrame } from '@claw-cloud/contracts';
import type { Area } from '../settings/areas.ts';
import { restartReasons } from './machine-events.ts';

type Notice = Extract<OwnerFrame, { type: 'notice' }>['notice'];

/** A notice in words, where in the settings it belongs, and whether it asks for a look. */
export function describeNotice(
  notice: Notice,
  now = Date.now(),
): { text: string; area: Area; tone: 'neutral' | 'caution' } {
  switch (notice.kind) {
    case 'grant_ending': {
      const minutes = Math.max(1, Math.round((Date.parse(notice.endsAt) - now) / 60_000));
      const left = minutes === 1 ? 'a minute' : `${minutes} minutes`;
      return { text: `${notice.name}’s access ends in ${left}.`, area: 'support', tone: 'neutral' };
    }
    case 'grant_ended':
      return {
        text: {
          expired: `${notice.name}’s access has ended: its time is over.`,
          revoked: `${notice.name}’s access was ended.`,
          rebooted: `${notice.name}’s access has ended: the server was restarted.`,
        }[notice.why],
        area: 'support',
        tone: 'neutral',
      };
    case 'grant_session':
      return { text: `${notice.name} has entered your server.`, area: 'support', tone: 'caution' };
    case 'gateway_restarted':
      return {
        text: `The assistant was restarted${restartReasons[notice.reason] ? `: ${restartReasons[notice.reason]}` : ''}.`,
        area: 'overview',
        tone: notice.reason === 'owner' ? 'neutral' : 'caution',
      };
    case 'device_added':
      return {
        text: `A device was added: ${notice.name}. If it is not yours, revoke it.`,
        area: 'devices',
        tone: 'caution',
      };
    case 'update_offered':
      return { text: `OpenClaw ${notice.version} is available.`, area: 'updates', tone: 'neutral' };
  }
}
