import { join } from 'node:path';

/** The folder of live grants: in memory, so that no grant outlives a reboot. */
export const liveFolder = '/run/claw-support';
export const unitFolder = '/run/systemd/system';
/** The user that sessions without root run as; it has no login of its own. */
export const supportUser = 'claw-support';
export const endScript = join(liveFolder, 'end');

/** Where the agent reaches the SSH daemon of a grant. */
export const socketOf = (grantId: string): string => join(liveFolder, grantId, 'sshd.sock');

/** The names of everything that exists of one grant. */
export interface GrantPlaces {
  /** Gone at the end and at a reboot. */
  live: string;
  socket: string;
  config: string;
  keys: string;
  /** One file per running session, which holds the name of its terminal. */
  terminals: string;
  /** What stays: root's own, 0700. */
  kept: string;
  grantJson: string;
  endedJson: string;
  sessions: string;
  units: {
    socket: string;
    daemon: string;
    slice: string;
    end: string;
    endTimer: string;
    warn: string;
    warnTimer: string;
  };
}

/** `rootState` is root's own folder; `grantId` was checked. */
export function placesOf(rootState: string, grantId: string): GrantPlaces {
  const live = join(liveFolder, grantId);
  const kept = join(rootState, 'support', grantId);
  const unit = `claw-support-${grantId}`;
  return {
    live,
    socket: socketOf(grantId),
    config: join(live, 'sshd_config'),
    keys: join(live, 'authorized_keys'),
    terminals: join(live, 'terminals'),
    kept,
    grantJson: join(kept, 'grant.json'),
    endedJson: join(kept, 'ended.json'),
    sessions: join(kept, 'sessions'),
    units: {
      socket: `${unit}.socket`,
      daemon: `${unit}@.service`,
      slice: `${unit}.slice`,
      end: `${unit}-end.service`,
      endTimer: `${unit}-end.timer`,
      warn: `${unit}-warn.service`,
      warnTimer: `${unit}-warn.timer`,
    },
  };
}
