import type { Paths } from '../../paths.ts';

export const guardUnit = 'claw-agent-guard.service';

/**
 * The guard's unit. It runs at every boot and at every switch, and does something only while a new agent hasn't
 * confirmed itself; by the former agent's file, for that one has proven that it works.
 */
export const guardUnitText = (paths: Pick<Paths, 'agents' | 'agentPending'>, nodeBin: string): string =>
  `[Unit]
Description=Puts the former agent back when a new one does not confirm itself
ConditionPathExists=${paths.agentPending}
StartLimitIntervalSec=0

[Service]
Type=exec
Environment=CLAW_SERVICE=1
ExecStart=${nodeBin} ${paths.agents}/guard.mjs agent-guard
Restart=on-failure
RestartSec=2
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=-/opt/claw/agent -/var/lib/claw-root
ProtectHome=yes
PrivateTmp=yes
PrivateNetwork=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_FOWNER
MemoryMax=256M

[Install]
WantedBy=multi-user.target
`;
