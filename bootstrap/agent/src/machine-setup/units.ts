import { guardUnit, guardUnitText } from '../root/guard/unit.ts';
import { type Facts, gatewayMemoryMaxMb, heapMb } from './facts.ts';
import type { MachineFile } from './machine-file.ts';

const node = '/opt/claw/node/current/bin/node';
const agent = '/opt/claw/agent/current.mjs';

/**
 * What every service of ours does without. Not in it, for V8 writes the code it runs: MemoryDenyWriteExecute.
 */
export const confined = `NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=
AmbientCapabilities=
UMask=0077
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
IPAddressDeny=169.254.169.254 fd00:ec2::254`;

/** The agent: everything off that it doesn't need. It sees others' processes, for it watches OpenClaw's memory. */
const agentUnit = `[Unit]
Description=Claw Cloud agent
Wants=network-online.target claw-root.socket
After=network-online.target claw-root.socket
StartLimitIntervalSec=0

[Service]
Type=exec
User=claw-agent
Group=claw-agent
ExecStart=${node} --max-old-space-size=256 ${agent} run
Restart=always
RestartSec=3
TimeoutStopSec=40
Environment=CLAW_SERVICE=1 HOME=/var/lib/claw LANG=C.UTF-8
StateDirectory=claw
StateDirectoryMode=0700
LogsDirectory=claw
LogsDirectoryMode=0750
RuntimeDirectory=claw-agent
RuntimeDirectoryMode=0700
LoadCredential=gateway-token:/etc/claw/gateway.token
InaccessiblePaths=-/var/lib/openclaw -/var/lib/cloud -/var/lib/claw-root
OOMScoreAdjust=-500
MemoryMax=512M
TasksMax=128
LimitNOFILE=16384
${confined}
RestrictSUIDSGID=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
`;

/**
 * OpenClaw, whose tools run a shell as this user. Without RestrictSUIDSGID, which takes openat2 away: OpenClaw
 * needs it. PATH and HOME are a person's, programs may be run from its home and its TMPDIR.
 */
const gatewayUnit = `[Unit]
Description=OpenClaw gateway
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=openclaw
Group=openclaw
WorkingDirectory=/var/lib/openclaw/home
ExecStartPre=${node} ${agent} gateway-config
ExecStart=${node} --max-old-space-size=\${CLAW_HEAP_MB} /opt/claw/openclaw/current/openclaw.mjs gateway run
Restart=always
RestartSec=3
RestartPreventExitStatus=78
SuccessExitStatus=0 143
TimeoutStartSec=120
TimeoutStopSec=60
KillMode=control-group
OOMPolicy=continue
OOMScoreAdjust=500
Environment=CLAW_SERVICE=1 HOME=/var/lib/openclaw/home SHELL=/bin/bash LANG=C.UTF-8 TMPDIR=/var/lib/openclaw/tmp
Environment=PATH=/var/lib/openclaw/home/.local/bin:/opt/claw/node/current/bin:/usr/local/bin:/usr/bin:/bin
Environment=OPENCLAW_STATE_DIR=/var/lib/openclaw/state OPENCLAW_CONFIG_PATH=/var/lib/openclaw/openclaw.json
Environment=OPENCLAW_NO_RESPAWN=1 OPENCLAW_DISABLE_BONJOUR=1 OPENCLAW_NO_AUTO_UPDATE=1
Environment=OPENCLAW_SUPERVISOR_MODE=external OPENCLAW_SERVICE_REPAIR_POLICY=external
Environment=NODE_COMPILE_CACHE=/var/cache/openclaw/compile OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED=1
StateDirectory=openclaw openclaw/state openclaw/home openclaw/logs openclaw/tmp
StateDirectoryMode=0700
CacheDirectory=openclaw openclaw/compile
CacheDirectoryMode=0700
LogsDirectory=openclaw
LogsDirectoryMode=0700
LoadCredential=gateway-token:/etc/claw/gateway.token
InaccessiblePaths=-/var/lib/claw -/var/lib/cloud -/var/lib/claw-root -/run/claw -/var/log/claw
TasksMax=1024
LimitNOFILE=65536
${confined}
ProtectProc=invisible
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
`;

const gatewayMemory = (facts: Facts): string => `[Service]
Environment=CLAW_HEAP_MB=${heapMb(facts)}
MemoryMax=${gatewayMemoryMaxMb(facts)}M
MemorySwapMax=1G
`;

const rootSocket = `[Unit]
Description=Where the agent asks root

[Socket]
ListenStream=/run/claw/root.sock
SocketUser=root
SocketGroup=claw-agent
SocketMode=0660
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`;

/** Root's side of the closed list of verbs: it installs, starts, stops and opens a door, and loads no module. */
const rootUnit = `[Unit]
Description=Claw Cloud agent, what only root may do
Requires=claw-root.socket
After=claw-root.socket
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${node} --max-old-space-size=256 ${agent} root
Environment=CLAW_SERVICE=1 HOME=/root LANG=C.UTF-8
TimeoutStopSec=40
OOMScoreAdjust=-400
MemoryMax=1G
TasksMax=512
UMask=0022
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
`;

/** What the mounts lack where the system, or a provider's image, mounts them without. */
const mountsUnit = `[Unit]
Description=Nothing is run from shared memory and temporary files
DefaultDependencies=no
After=local-fs.target tmp.mount
Before=sysinit.target
ConditionPathIsMountPoint=/dev/shm

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount -o remount,nosuid,nodev,noexec /dev/shm
ExecStart=-/bin/mount -o remount,nosuid,nodev,noexec /tmp

[Install]
WantedBy=sysinit.target
`;

const tmpMount = `[Unit]
Description=Temporary files
ConditionPathIsSymbolicLink=!/tmp
DefaultDependencies=no
Conflicts=umount.target
Before=local-fs.target umount.target
After=swap.target

[Mount]
What=tmpfs
Where=/tmp
Type=tmpfs
Options=mode=1777,strictatime,nosuid,nodev,noexec,size=25%%,nr_inodes=1m

[Install]
WantedBy=local-fs.target
`;

const swapUnit = `[Unit]
Description=Swap, for memory is scarce
ConditionPathExists=/swapfile

[Swap]
What=/swapfile

[Install]
WantedBy=swap.target
`;

/** systemd's units of a server. */
export function unitFiles(facts: Facts): MachineFile[] {
  const unit = (name: string, content: string): MachineFile => ({
    path: `/etc/systemd/system/${name}`,
    content,
  });
  const guardPaths = {
    agents: '/opt/claw/agent',
    agentPending: '/var/lib/claw-root/agent-pending.json',
  };
  return [
    unit('claw-agent.service', agentUnit),
    unit('claw-root.socket', rootSocket),
    unit('claw-root.service', rootUnit),
    unit(guardUnit, guardUnitText(guardPaths, node)),
    unit('openclaw-gateway.service', gatewayUnit),
    unit('openclaw-gateway.service.d/memory.conf', gatewayMemory(facts)),
    unit('claw-mounts.service', mountsUnit),
    unit('tmp.mount', tmpMount),
    unit('swapfile.swap', swapUnit),
  ];
}
