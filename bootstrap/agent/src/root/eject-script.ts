export const ejectUnit = 'claw-eject.service';

/** Runs until it has ended well: after a failure, and at every boot until then. */
export const ejectUnitText = (folder: string): string => `[Unit]
Description=Gives this server to its owner
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh ${folder}/eject.sh ${folder}
Restart=on-failure
RestartSec=5
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
`;

/**
 * Everything an ejection does, as a script that needs nothing of what it takes away. Each step may be cut off and run
 * again. The owner's way in is open and tried before anything of ours goes.
 */
export const ejectScript = `#!/bin/sh
set -eu
umask 022
folder=$1
say() { echo "claw-eject: $1"; }
# put FILE MODE: standard input becomes the file, whole or not at all.
put() {
  mkdir -p "$(dirname "$1")"
  cat >"$1.claw-part"
  chmod "$2" "$1.claw-part"
  mv -f "$1.claw-part" "$1"
}
# The answer to the owner is still on its way.
sleep 2

say "the owner's way in"
mkdir -p /root/.ssh
chmod 700 /root/.ssh
touch /root/.ssh/authorized_keys
if ! grep -qxF "$(cat "$folder/owner.pub")" /root/.ssh/authorized_keys; then
  cat /root/.ssh/authorized_keys "$folder/owner.pub" | put /root/.ssh/authorized_keys 600
fi
# No password either way, but a daemon without PAM would refuse a key to a locked account.
case "$(getent shadow root | cut -d: -f2)" in '!'*) usermod --password '*' root ;; esac
rm -f /etc/ssh/sshd_config.d/60-claw.conf
put /etc/ssh/sshd_config.d/10-keys-only.conf 600 <<'EOF'
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
EOF
ssh-keygen -A >/dev/null
mkdir -p /run/sshd
/usr/sbin/sshd -t
# A server that is given away has a daemon of its own again, at this boot and at every other.
systemctl unmask --quiet ssh.service ssh.socket
systemctl daemon-reload
systemctl enable --quiet ssh.service
systemctl restart ssh.service

say "the firewall is yours"
put /etc/nftables.conf 644 <<'EOF'
#!/usr/sbin/nft -f
# Yours to change. SSH comes in, answers come in, and nothing else does.
table inet filter
delete table inet filter
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iif "lo" accept
    ct state established,related accept
    ct state invalid drop
    icmp type { destination-unreachable, time-exceeded, parameter-problem, echo-request } accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request } accept
    ip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
    ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
    tcp dport 22 accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain output {
    type filter hook output priority filter; policy accept;
    # The cloud's metadata service tells this server's start-up data to whoever asks: only root may.
    ip daddr 169.254.169.254 meta skuid != 0 reject
    ip6 daddr { fd00:ec2::254, fd20:ce::254 } meta skuid != 0 reject
  }
}
EOF
{ cat /etc/nftables.conf; printf 'table inet claw\\ndelete table inet claw\\n'; } >"$folder/switch.nft"
nft -f "$folder/switch.nft"
systemctl enable --quiet nftables.service

tries=0
until timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/22 && head -c 8 <&3' 2>/dev/null | grep -q '^SSH-2.0-'; do
  tries=$((tries + 1))
  [ "$tries" -lt 20 ] || { say "the SSH daemon does not answer: nothing was taken away"; exit 1; }
  sleep 1
done

say "OpenClaw stays, by itself"
if [ -e /etc/claw/gateway.token ]; then
  mkdir -p /etc/openclaw
  put /etc/openclaw/gateway.token 600 </etc/claw/gateway.token
fi
unit=/etc/systemd/system/openclaw-gateway.service
if [ -e "$unit" ]; then
  sed -e '/^ExecStartPre=.*gateway-config/d' \\
    -e 's#/etc/claw/gateway\\.token#/etc/openclaw/gateway.token#' \\
    -e 's#CLAW_SERVICE=1 ##' \\
    -e '/^InaccessiblePaths=/d' "$unit" | put "$unit" 644
fi
systemctl daemon-reload

say "the agent goes"
systemctl stop 'claw-support*' 2>/dev/null || true
for name in claw-agent.service claw-root.socket claw-root.service claw-agent-guard.service claw-bootstrap.service; do
  systemctl disable --quiet --now "$name" 2>/dev/null || true
done
rm -f /etc/systemd/system/claw-agent.service /etc/systemd/system/claw-root.socket /etc/systemd/system/claw-root.service \\
  /etc/systemd/system/claw-agent-guard.service /etc/systemd/system/claw-bootstrap.service \\
  /etc/systemd/system/multi-user.target.d/claw.conf
rmdir /etc/systemd/system/multi-user.target.d 2>/dev/null || true
rm -rf /run/systemd/system/claw-support* /run/claw-support /run/claw /run/claw-agent /run/claw-bootstrap
# What happened here is its owner's to keep: the audit, the recordings, the backups.
umask 077
mkdir -p /root/claw-records
for kept in /var/lib/claw/audit /var/lib/claw-root/support /var/lib/claw-root/backups /var/lib/claw/backups; do
  [ ! -e "$kept" ] || { rm -rf "/root/claw-records/$(basename "$kept")" && cp -a "$kept" /root/claw-records/ && rm -rf "$kept"; }
done
umask 022
rm -rf /opt/claw/agent /etc/claw /var/lib/claw /var/lib/claw-root /var/log/claw /etc/tmpfiles.d/claw.conf
put /etc/sysusers.d/openclaw.conf 644 <<'EOF'
u openclaw - "OpenClaw" /var/lib/openclaw/home /usr/sbin/nologin
EOF
rm -f /etc/sysusers.d/claw.conf
for user in claw-agent claw-support; do
  pkill -KILL -u "$user" 2>/dev/null || true
  userdel "$user" 2>/dev/null || true
done
# cloud-init would write its first-start script again if it were gone.
printf '#!/bin/sh\\n# This server was given to its owner: there is nothing left to start.\\nexit 0\\n' | put /opt/claw/bootstrap.sh 700
printf 'This server is yours. OpenClaw runs as openclaw-gateway.service on 127.0.0.1:18789; its settings are in\\n/var/lib/openclaw/openclaw.json, its token in /etc/openclaw/gateway.token.\\n' | put /etc/motd 644
printf 'This server is private. Access without its owner'"'"'s leave is not authorised.\\n' | put /etc/issue.net 644
printf 'This server is private. Access without its owner'"'"'s leave is not authorised.\\n' | put /etc/issue 644

say "done"
systemctl disable --quiet claw-eject.service
rm -f /etc/systemd/system/claw-eject.service
rm -rf "$folder"
sync
systemctl daemon-reload
`;
