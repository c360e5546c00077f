import type { MachineFile } from './machine-file.ts';

/** The kernel's own defences; each answers for a way in or a way up. Applied where the kernel is the machine's own. */
const sysctl = `# Addresses and messages of the kernel are not for users.
kernel.kptr_restrict = 2
kernel.dmesg_restrict = 1
kernel.printk = 3 3 3 3
kernel.perf_event_paranoid = 3
kernel.unprivileged_bpf_disabled = 1
net.core.bpf_jit_harden = 2
# No other kernel, no keyboard tricks, no looking into others' processes.
kernel.kexec_load_disabled = 1
kernel.sysrq = 0
kernel.yama.ptrace_scope = 2
kernel.core_uses_pid = 1
kernel.randomize_va_space = 2
kernel.ctrl-alt-del = 0
dev.tty.ldisc_autoload = 0
vm.mmap_min_addr = 65536
vm.swappiness = 10
# Links and files in shared folders, and dumps of programs with privileges.
fs.protected_hardlinks = 1
fs.protected_symlinks = 1
fs.protected_fifos = 2
fs.protected_regular = 2
fs.suid_dumpable = 0
# This is no router.
net.ipv4.ip_forward = 0
net.ipv4.conf.all.forwarding = 0
net.ipv6.conf.all.forwarding = 0
net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.default.rp_filter = 1
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
net.ipv6.conf.all.accept_redirects = 0
net.ipv6.conf.default.accept_redirects = 0
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.send_redirects = 0
net.ipv4.conf.all.accept_source_route = 0
net.ipv4.conf.default.accept_source_route = 0
net.ipv6.conf.all.accept_source_route = 0
net.ipv6.conf.default.accept_source_route = 0
net.ipv4.conf.all.log_martians = 1
net.ipv4.conf.default.log_martians = 1
net.ipv4.conf.all.bootp_relay = 0
net.ipv4.conf.all.mc_forwarding = 0
net.ipv4.conf.all.proxy_arp = 0
net.ipv4.icmp_echo_ignore_broadcasts = 1
net.ipv4.icmp_ignore_bogus_error_responses = 1
net.ipv4.tcp_syncookies = 1
net.ipv4.tcp_rfc1337 = 1
net.ipv4.tcp_timestamps = 1
`;

/** Modules nothing here uses, which have been ways in before. */
const unusedModules = [
  'dccp',
  'sctp',
  'rds',
  'tipc',
  'ax25',
  'can',
  'atm',
  'n-hdlc',
  'cramfs',
  'freevxfs',
  'hfs',
  'hfsplus',
  'jffs2',
  'udf',
  'firewire-core',
  'firewire-ohci',
  'firewire-sbp2',
  'usb-storage',
  'thunderbolt',
];

const upgrades = `// Security upgrades by themselves, and the restart they ask for in a window of the night.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
Unattended-Upgrade::Origins-Pattern {
  "origin=Debian,codename=\${distro_codename},label=Debian-Security";
  "origin=Debian,codename=\${distro_codename}-security,label=Debian-Security";
  "origin=Ubuntu,archive=\${distro_codename}-security,label=Ubuntu";
};
Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
Unattended-Upgrade::Remove-Unused-Dependencies "true";
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-WithUsers "true";
Unattended-Upgrade::Automatic-Reboot-Time "03:40";
Unattended-Upgrade::OnlyOnACPower "false";
Unattended-Upgrade::SyslogEnable "true";
`;

/** Holds for any sshd that is ever started here: the one of a support grant, and the owner's after an ejection. */
const sshd = `PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
X11Forwarding no
AllowAgentForwarding no
AllowTcpForwarding no
MaxAuthTries 3
MaxSessions 2
LoginGraceTime 20
ClientAliveInterval 60
ClientAliveCountMax 2
TCPKeepAlive no
Compression no
LogLevel VERBOSE
Banner /etc/issue.net
`;

const notice = `This is a private, restricted system. It belongs to its owner, and access is for those whom the owner authorised,
under conditions that the owner set. Connections are logged and sessions recorded as evidence; whoever enters
without consent may be prosecuted under the law.
`;

/** The system's settings, as files of ours beside the system's own. */
export function settingsFiles(): MachineFile[] {
  return [
    { path: '/etc/sysctl.d/60-claw.conf', content: sysctl },
    {
      path: '/etc/modprobe.d/60-claw.conf',
      content: unusedModules.map((name) => `install ${name} /bin/false\nblacklist ${name}\n`).join(''),
    },
    { path: '/etc/apt/apt.conf.d/60claw', content: upgrades },
    // apt's helpers run scripts from /tmp otherwise, where nothing may be run.
    { path: '/etc/apt/apt.conf.d/61claw', content: 'APT::ExtractTemplates::TempDir "/var/tmp";\n' },
    {
      path: '/etc/systemd/journald.conf.d/60-claw.conf',
      content:
        '[Journal]\nStorage=persistent\nSystemMaxUse=200M\nSystemKeepFree=300M\nRuntimeMaxUse=50M\nMaxRetentionSec=90day\nRateLimitBurst=5000\n',
    },
    {
      path: '/etc/systemd/resolved.conf.d/60-claw.conf',
      content: '[Resolve]\nLLMNR=no\nMulticastDNS=no\n',
    },
    {
      path: '/etc/systemd/coredump.conf.d/60-claw.conf',
      content: '[Coredump]\nStorage=none\nProcessSizeMax=0\n',
    },
    { path: '/etc/security/limits.d/60-claw.conf', content: '* hard core 0\n* soft core 0\n' },
    { path: '/etc/ssh/sshd_config.d/60-claw.conf', content: sshd, mode: 0o600 },
    // Of two sshd settings the first file's wins, and after a power cut cloud-init may never come back to this one.
    {
      path: '/etc/ssh/sshd_config.d/50-cloud-init.conf',
      content: 'PasswordAuthentication no\n',
      mode: 0o600,
    },
    { path: '/etc/issue', content: notice },
    { path: '/etc/issue.net', content: notice },
    { path: '/etc/motd', content: notice },
    { path: '/etc/profile.d/60-claw.sh', content: 'umask 027\nTMOUT=900\nreadonly TMOUT\n' },
    // A library's upgrade restarts what uses it, without asking anybody.
    {
      path: '/etc/needrestart/conf.d/60-claw.conf',
      content: "$nrconf{restart} = 'a';\n$nrconf{kernelhints} = 0;\n$nrconf{ucodehints} = 0;\n",
    },
    {
      path: '/etc/sysusers.d/claw.conf',
      content:
        'u claw-agent - "Claw Cloud agent" /var/lib/claw /usr/sbin/nologin\nu openclaw - "OpenClaw" /var/lib/openclaw/home /usr/sbin/nologin\n',
    },
    {
      path: '/etc/tmpfiles.d/claw.conf',
      content:
        'd /etc/claw 0755 root root -\nd /var/lib/claw-root 0700 root root -\nd /run/claw 0755 root root -\n',
    },
  ];
}

/** What only root needs to read or run, and the system leaves open. */
export const rootOnly: readonly (readonly [path: string, mode: number])[] = [
  ['/etc/cron.d', 0o700],
  ['/etc/cron.daily', 0o700],
  ['/etc/cron.hourly', 0o700],
  ['/etc/cron.weekly', 0o700],
  ['/etc/cron.monthly', 0o700],
  ['/etc/crontab', 0o600],
  ['/etc/ssh/sshd_config', 0o600],
  ['/etc/sudoers.d', 0o750],
];

/** login.defs with our values in place of its own: new files are for their owner's group at most, passwords are slow to guess. */
export function hardenLoginDefs(text: string): string {
  const values: Record<string, string> = {
    UMASK: '027',
    PASS_MAX_DAYS: '365',
    PASS_MIN_DAYS: '1',
    SHA_CRYPT_MIN_ROUNDS: '65536',
    SHA_CRYPT_MAX_ROUNDS: '65536',
  };
  let result = text;
  for (const [name, value] of Object.entries(values)) {
    const set = new RegExp(`^${name}\\b.*$`, 'm');
    const suggested = new RegExp(`^#[ \\t]*${name}[ \\t]+\\d+[ \\t]*$`, 'm');
    const line = [set, suggested].find((pattern) => pattern.test(result));
    result = line
      ? result.replace(line, `${name}\t${value}`)
      : `${result.replace(/\n*$/, '\n')}${name}\t${value}\n`;
  }
  return result;
}
