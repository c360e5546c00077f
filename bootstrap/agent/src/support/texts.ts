import { endScript, type GrantPlaces, liveFolder, supportUser } from './places.ts';

export interface DoorOptions {
  grantId: string;
  places: GrantPlaces;
  hostKey: string;
  /** OpenSSH's line of the granted key: type and base64 alone. */
  publicKey: string;
  endsAt: Date;
  seconds: number;
  /** Starts the recorder: program and script, both absolute. */
  recorder: { node: string; agent: string };
}

/** How long before its end a grant is warned of it. */
export const warnSeconds = 5 * 60;

const pad = (value: number): string => String(value).padStart(2, '0');

/** A point in time as `authorized_keys` has it, in UTC: that form has no time zone to go wrong. */
export function expiryTime(at: Date): string {
  const day = `${at.getUTCFullYear()}${pad(at.getUTCMonth() + 1)}${pad(at.getUTCDate())}`;
  return `${day}${pad(at.getUTCHours())}${pad(at.getUTCMinutes())}${pad(at.getUTCSeconds())}Z`;
}

/** As systemd's OnCalendar= has it. */
export const calendarTime = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;

const recorderCommand = ({ recorder, grantId }: DoorOptions): string =>
  `${recorder.node} ${recorder.agent} support-session ${grantId}`;

/**
 * The daemon's own configuration; the system's is never read. Every login is the recorder's, which needs root to keep
 * the recording out of the session's reach and gives the session to an ordinary user unless the owner granted root.
 */
export const sshdConfig = (options: DoorOptions): string => `HostKey ${options.hostKey}
AuthorizedKeysFile ${options.places.keys}
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
PermitEmptyPasswords no
PermitRootLogin forced-commands-only
AllowUsers root
ForceCommand ${recorderCommand(options)}
DisableForwarding yes
AllowTcpForwarding no
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
GatewayPorts no
PermitUserRC no
PermitUserEnvironment no
PrintMotd no
PrintLastLog no
StrictModes yes
UsePAM no
PidFile none
MaxAuthTries 3
MaxSessions 4
LoginGraceTime 20
ClientAliveInterval 30
ClientAliveCountMax 4
LogLevel VERBOSE
`;

/** The one key of a grant, with an end of its own. */
export const authorizedKeys = (options: DoorOptions): string =>
  `restrict,pty,expiry-time="${expiryTime(options.endsAt)}",command="${recorderCommand(options)}" ${options.publicKey}\n`;

/** The units of a grant, by file name. Systemd alone ends it: neither agent nor control plane is asked. */
export function unitFiles(options: DoorOptions): Record<string, string> {
  const { grantId, places, seconds, endsAt } = options;
  const { units, socket, config } = places;
  const warnAfter = seconds - warnSeconds;
  const files: Record<string, string> = {
    [units.slice]: `[Unit]
Description=Sessions of support grant ${grantId}
`,
    [units.socket]: `[Unit]
Description=Door of support grant ${grantId}, reached by the agent alone

[Socket]
ListenStream=${socket}
SocketUser=root
SocketGroup=claw-agent
SocketMode=0660
Accept=yes
MaxConnections=4
RemoveOnStop=yes
`,
    // What is killed has nothing to save: the recording is written as it happens, and what was to be said was said.
    [units.daemon]: `[Unit]
Description=Connection of support grant ${grantId}
CollectMode=inactive-or-failed

[Service]
ExecStart=-/usr/sbin/sshd -i -e -f ${config}
StandardInput=socket
StandardOutput=socket
StandardError=journal
SyslogIdentifier=claw-support
Slice=${units.slice}
KillMode=control-group
KillSignal=SIGKILL
`,
    [units.end]: `[Unit]
Description=End of support grant ${grantId}

[Service]
Type=oneshot
ExecStart=/bin/sh ${endScript} ${grantId} expired
`,
    // Whichever comes first: a clock set back stops the calendar, not the time since the start.
    [units.endTimer]: `[Unit]
Description=End of support grant ${grantId}

[Timer]
OnActiveSec=${seconds}s
OnCalendar=${calendarTime(endsAt)}
AccuracySec=200ms
RemainAfterElapse=no
Unit=${units.end}
`,
  };
  if (warnAfter <= 0) return files;
  return {
    ...files,
    [units.warn]: `[Unit]
Description=Warning before the end of support grant ${grantId}

[Service]
Type=oneshot
ExecStart=/bin/sh ${endScript} ${grantId} warn
`,
    [units.warnTimer]: `[Unit]
Description=Warning before the end of support grant ${grantId}

[Timer]
OnActiveSec=${warnAfter}s
AccuracySec=1s
RemainAfterElapse=no
Unit=${units.warn}
`,
  };
}

/**
 * Ends a grant (`end <grant> expired|revoked`) or warns its sessions (`end <grant> warn`). A shell script of its own,
 * so that the end needs neither the agent nor Node, and may be run again at any point of itself.
 */
export const endScriptText = (rootState: string): string => `#!/bin/sh
set -u
grant=$1 why=$2
live=${liveFolder}/$grant
kept=${rootState}/support/$grant
unit=claw-support-$grant

tell() {
  for file in "$live"/terminals/*; do
    [ -e "$file" ] || continue
    # A terminal that nobody reads must not hold up the end.
    timeout --signal=KILL 0.4 sh -c 'printf "\\r\\n*** %s ***\\r\\n" "$1" >"$(cat "$2")"' sh "$1" "$file" 2>/dev/null &
  done
}

# Ends what the sessions run, and gives the daemon a moment: it then passes on what their terminals still hold, and goes.
end_sessions() {
  group=$(systemctl show --property=ControlGroup --value "$unit.slice")
  case $group in
  */"$unit.slice") group=/sys/fs/cgroup$group ;;
  *) return 0 ;;
  esac
  for pid in $(cat "$group"/*/cgroup.procs 2>/dev/null); do
    case $(cat "/proc/$pid/comm" 2>/dev/null) in
    sshd*) ;;
    *) kill -KILL "$pid" 2>/dev/null ;;
    esac
  done
  timeout --signal=KILL 0.5 sh -c 'while [ -n "$(cat "$0"/*/cgroup.procs 2>/dev/null)" ]; do sleep 0.02; done' "$group"
}

if [ "$why" = warn ]; then
  tell "This support access ends in five minutes."
  wait
  exit 0
fi

systemctl stop "$unit.socket"
tell "This support access has ended ($why)."
wait
end_sessions
# Whatever calls itself sshd, and whoever doesn't listen.
systemctl stop "$unit@*.service" "$unit.slice"
if [ ! -e "$kept/ended.json" ]; then
  printf '{"at":"%s","why":"%s"}\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$why" >"$kept/ended.part" &&
    sync "$kept/ended.part" && mv "$kept/ended.part" "$kept/ended.json"
fi
rm -rf "$live"
# What a session left running elsewhere ends with the last grant.
set -- ${liveFolder}/grt_*
[ -e "$1" ] || pkill -KILL -u ${supportUser}
systemctl stop --no-block "$unit-end.timer" "$unit-warn.timer"
rm -f /run/systemd/system/"$unit".* /run/systemd/system/"$unit"@.service /run/systemd/system/"$unit"-end.* /run/systemd/system/"$unit"-warn.*
systemctl --no-block daemon-reload
exit 0
`;
