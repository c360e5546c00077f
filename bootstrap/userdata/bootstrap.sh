#!/bin/sh
# First start of a machine, and every later one until it is done: closes the machine, brings Node and the agent
# here by their digests, hardens, and starts the agent.
# POSIX sh; may be interrupted anywhere and run again. CLAW_ROOT prefixes every path (empty on a real machine).
#   bootstrap.sh            from cloud-init: hands over to claw-bootstrap.service; in a process sandbox, does it all
#   bootstrap.sh run        in that service
#   bootstrap.sh apt|fetch  the two halves that run side by side
set -u
umask 077
ROOT="${CLAW_ROOT:-}"
SELF="$ROOT/opt/claw/bootstrap.sh"
CONFIG="$ROOT/etc/claw/bootstrap.json"
SOURCES="$ROOT/etc/claw/sources.conf"
DONE="$ROOT/etc/claw/bootstrap.done"
AGENTS="$ROOT/opt/claw/agent"
NODES="$ROOT/opt/claw/node"
RUN=/run/claw-bootstrap
ATTEMPTS="${CLAW_FETCH_ATTEMPTS:-8}"
BASE_SECONDS="${CLAW_RETRY_SECONDS:-2}"
NODE=
PHASE=booting
LOG=

# The builder writes one field a line, so no JSON parser is needed before Node is found.
field() { sed -n "s/^ *\"$1\": *\"\([^\"]*\)\".*/\1/p" "$CONFIG" | head -n 1; }
say() { printf '%s claw-bootstrap: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1"; }

# Attempt number -> seconds: doubles up to 60, and half of it is chance, so that machines don't come in step.
pause() {
  wait_s=$BASE_SECONDS; i=1
  while [ "$i" -lt "$1" ] && [ "$wait_s" -lt 60 ]; do wait_s=$((wait_s * 2)); i=$((i + 1)); done
  [ "$wait_s" -gt 60 ] && wait_s=60
  [ "$wait_s" -eq 0 ] && return 0
  chance=$(od -An -N2 -tu2 /dev/urandom | tr -d ' \n')
  sleep $((wait_s / 2 + chance % (wait_s / 2 + 1)))
}

# The end of a log without what looks like a secret, as the inside of a JSON string.
tail_of() {
  [ -n "$1" ] && [ -r "$1" ] || return 0
  tail -c 3500 "$1" | tr -cd '\11\12\40-\176' | sed -e 's/[A-Za-z0-9_-]\{40,\}/[redacted]/g' -e 's#//[^/@ ]*@#//[redacted]@#g' \
    -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/ /g' | sed -e ':a' -e 'N' -e '$!ba' -e 's/\n/\\n/g'
}

# report STATUS MESSAGE [MILLISECONDS]. The token goes in by standard input: a command line can be read by every
# user of the machine.
report() {
  token=$(field registrationToken)
  [ -n "$token" ] || return 0
  text=$(printf '%s' "$2" | tr -d '"\\' | tr '\n\t' '  ' | cut -c1-400)
  more=
  [ -n "${3:-}" ] && more=",\"elapsedMs\":$3"
  [ "$1" = failed ] && [ -n "$LOG" ] && more="$more,\"logTail\":\"$(tail_of "$LOG")\""
  body=$(printf '{"instanceId":"%s","phase":"%s","status":"%s","message":"%s"%s}' "$(field instanceId)" "$PHASE" "$1" "$text" "$more")
  if command -v curl >/dev/null 2>&1; then
    curl --silent --fail --max-time 10 --retry 2 --output /dev/null --config - <<EOF || say "the control plane did not take the report"
url = "$(field controlPlaneUrl)/v1/bootstrap/phases"
header = "Authorization: Bearer $token"
header = "Content-Type: application/json"
data = "$(printf '%s' "$body" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')"
EOF
  elif [ -n "$NODE" ]; then
    "$NODE" --input-type=module - <<EOF || say "the control plane did not take the report"
const answer = await fetch('$(field controlPlaneUrl)/v1/bootstrap/phases', { method: 'POST', body: '$(printf '%s' "$body" | tr -d "'" | sed 's/\\/\\\\/g')',
  headers: { authorization: 'Bearer $token', 'content-type': 'application/json' }, signal: AbortSignal.timeout(10000) });
process.exit(answer.ok ? 0 : 1);
EOF
  fi
}

# Of the two halves side by side the one who started them reports.
fail() { say "failed: $1"; [ "$PHASE" = fetching ] || report failed "$1"; exit 1; }

find_node() {
  candidate=$(command -v node) || fail "Node.js 24 is not installed on this machine"
  version=$("$candidate" -p 'process.versions.node' 2>/dev/null) || fail "Node.js at $candidate does not run"
  major=${version%%.*}; minor=${version#*.}; minor=${minor%%.*}
  { [ "$major" -eq 24 ] && [ "$minor" -ge 16 ]; } || [ "$major" -ge 26 ] || fail "Node.js $version was found; needed is 24.16 or a later 24, or 26"
  NODE=$candidate
}

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1" | cut -d' ' -f1
  else "$NODE" -p 'require("crypto").createHash("sha256").update(require("fs").readFileSync(process.argv[1])).digest("hex")' "$1"; fi
}

# download URL FILE [MAX_BYTES]
download() {
  if command -v curl >/dev/null 2>&1; then
    curl --silent --show-error --fail --location --connect-timeout 20 --speed-limit 1000 --speed-time 30 --max-time 300 \
      --max-filesize "${3:-33554432}" --output "$2" "$1" 2>&1
  else
    "$NODE" --input-type=module -e '
      const [url, file] = process.argv.slice(1);
      const answer = await fetch(url, { signal: AbortSignal.timeout(120000) });
      if (!answer.ok) { console.log("HTTP " + answer.status); process.exit(1); }
      (await import("node:fs")).writeFileSync(file, Buffer.from(await answer.arrayBuffer()));' "$1" "$2" 2>&1
  fi
}

fetch_agent() {
  want=$1; target="$AGENTS/$want.mjs"
  mkdir -p "$AGENTS"
  [ -f "$target" ] && [ "$(sha256_of "$target")" = "$want" ] && return 0
  attempt=1; why=
  while [ "$attempt" -le "$ATTEMPTS" ]; do
    part="$target.part.$$"
    if why=$(download "$(field controlPlaneUrl)/v1/agent/$want" "$part"); then
      got=$(sha256_of "$part")
      if [ "$got" = "$want" ]; then mv -f "$part" "$target"; return 0; fi
      why="its SHA-256 is $got, expected $want"
    fi
    rm -f "$part"
    say "agent not fetched, attempt $attempt of $ATTEMPTS: $why"
    [ "$attempt" -lt "$ATTEMPTS" ] && pause "$attempt"
    attempt=$((attempt + 1))
  done
  fail "The agent could not be fetched in $ATTEMPTS attempts: $why"
}

# What runs at every later boot of a sandbox: this same script, which goes on where it stopped.
register_boot() {
  boot="$ROOT/etc/claw/boot.d/10-claw-agent"
  mkdir -p "$ROOT/etc/claw/boot.d"
  printf '#!/bin/sh\nexec /bin/sh "%s"\n' "$SELF" >"$boot.part" && chmod 700 "$boot.part" && mv -f "$boot.part" "$boot"
}

sandbox() {
  say "starting $(field instanceId)"
  register_boot || fail "The boot script could not be written"
  find_node
  report started "The machine is up"
  sha=$(field sha256)
  fetch_agent "$sha"
  say "agent $sha is here"
  exec "$NODE" "$AGENTS/$sha.mjs" bootstrap
}

# ---- a machine of its own, from here on ----

# Where the owner reads along in the cloud's console, whatever happens to the network.
show() {
  say "$1"
  for screen in /dev/console /dev/tty1; do (printf '\r\nclaw: %s\r\n' "$1" >"$screen") 2>/dev/null; done
  return 0
}

# The first thing of all, and without a network: nobody gets in.
close_machine() {
  systemctl mask --now --no-block ssh.service ssh.socket >/dev/null 2>&1
  usermod --password '!*' root
  rm -f /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
  write_firewall && load_firewall
}

# IPv4 and IPv6: nothing comes in but answers and what both need to work; the metadata service is root's alone,
# for it tells the user-data to whoever asks.
write_firewall() {
  cat >/etc/nftables.conf.part <<'EOF'
#!/usr/sbin/nft -f
table inet claw
delete table inet claw
table inet claw {
  chain input {
    type filter hook input priority filter; policy drop;
    iif "lo" accept
    ct state established,related accept
    ct state invalid drop
    icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    ip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
    ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain output {
    type filter hook output priority filter; policy accept;
    ip daddr 169.254.169.254 meta skuid != 0 reject
    ip6 daddr { fd00:ec2::254, fd20:ce::254 } meta skuid != 0 reject
  }
}
EOF
  chmod 644 /etc/nftables.conf.part && mv -f /etc/nftables.conf.part /etc/nftables.conf
}
load_firewall() { command -v nft >/dev/null 2>&1 || return 0; nft -f /etc/nftables.conf && systemctl enable -q --now nftables.service 2>/dev/null; }

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=240 -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 --no-install-recommends "$@"
}

missing() {
  for package in "$@"; do dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"; done
}

apt_once() {
  dpkg --configure -a --force-confdef --force-confold || return 1
  want=$(missing nftables unattended-upgrades ca-certificates curl openssh-server util-linux procps needrestart libpam-tmpdir libpam-passwdqc debsums)
  # One keeper of time is enough, and a provider's image may bring another.
  [ -n "$(missing chrony)" ] && [ -n "$(missing ntpsec)" ] && want="$want$(missing systemd-timesyncd)"
  [ -z "$want" ] && { apt_get check >/dev/null && echo CRON_CHECK=weekly >/etc/default/debsums; return; }
  apt_get update || return 1
  # The firewall first: it need not wait for the rest.
  case "$want" in *nftables*) apt_get install nftables && load_firewall || return 1 ;; esac
  # shellcheck disable=SC2086
  apt_get install $want && load_firewall || return 1
  # Once a week, every installed file against its package's digest. After its package: it brings a file of that name.
  echo CRON_CHECK=weekly >/etc/default/debsums
}

apt_job() {
  attempt=1
  until apt_once; do
    [ "$attempt" -ge "$ATTEMPTS" ] && { echo "The system's packages could not be installed in $ATTEMPTS attempts"; return 1; }
    echo "attempt $attempt of $ATTEMPTS failed"
    pause "$attempt"; attempt=$((attempt + 1))
  done
}

# fetch_package NAME VERSION SHA512: an npm package, opened in NODES under its digest's name.
fetch_package() {
  opened="$NODES/.$1-$2"
  [ -f "$opened/.complete" ] && return 0
  registry=$(field npm); attempt=1
  [ -n "$registry" ] || { echo "This server was not told a registry to fetch $1 from"; return 1; }
  url="${registry%/}/$1/-/$1-$2.tgz"
  while :; do
    part="$NODES/.$1.tgz"; rm -rf "$opened"
    mkdir -p "$opened"
    if why=$(download "$url" "$part" 134217728); then
      got=$(sha512sum "$part" | cut -d' ' -f1)
      if [ "$got" != "$3" ]; then why="its SHA-512 is $got, expected $3"
      elif why=$(tar -xzf "$part" -C "$opened" --strip-components=1 --no-same-owner 2>&1); then : >"$opened/.complete"; rm -f "$part"; return 0; fi
    fi
    rm -rf "$part" "$opened"
    echo "$1 $2 not fetched, attempt $attempt of $ATTEMPTS: $why"
    [ "$attempt" -ge "$ATTEMPTS" ] && { echo "$1 $2 could not be fetched in $ATTEMPTS attempts: $why"; return 1; }
    pause "$attempt"; attempt=$((attempt + 1))
  done
}

fetch_node() {
  . "$SOURCES"
  home="$NODES/$node_version"
  if ! [ -x "$home/bin/node" ] || ! [ -f "$home/.complete" ]; then
    case $(uname -m) in
      x86_64) kind=x64 digest=$node_x64 ;;
      aarch64) kind=arm64 digest=$node_arm64 ;;
      *) echo "There is no Node for $(uname -m)"; return 1 ;;
    esac
    mkdir -p "$NODES"
    fetch_package "node-linux-$kind" "$node_version" "$digest" && fetch_package npm "$npm_version" "$npm_sha512" || return 1
    rm -rf "$home" "$NODES/.node-linux-$kind-$node_version/.complete" "$NODES/.npm-$npm_version/.complete"
    mkdir -p "$home/bin" "$home/lib/node_modules"
    mv "$NODES/.node-linux-$kind-$node_version/bin/node" "$home/bin/node"
    mv "$NODES/.npm-$npm_version" "$home/lib/node_modules/npm"
    rm -rf "$NODES/.node-linux-$kind-$node_version"
    chmod -R u=rwX,go=rX "$home"
    sync; : >"$home/.complete"
  fi
  chmod 755 "$ROOT/opt/claw" "$NODES"
  ln -sfn "$node_version" "$NODES/current"
}

fetch_job() {
  sha=$(field sha256)
  # Side by side: the agent comes from the control plane, Node from the registry.
  (fetch_agent "$sha") & agent=$!
  fetch_node; code=$?
  wait "$agent" || return 1
  [ "$code" -eq 0 ] || return "$code"
  chmod 755 "$AGENTS"; chmod 644 "$AGENTS/$sha.mjs"
  [ -L "$AGENTS/current.mjs" ] || ln -sfn "$sha.mjs" "$AGENTS/current.mjs"
}

now_ms() { date +%s%3N; }

# Gives up with the cause of what went wrong: the last line of its log.
give_up() {
  PHASE=$1; LOG="$RUN/$1.log"
  why=$(tail -n 1 "$LOG" 2>/dev/null | sed 's/^[^ ]* claw-bootstrap: failed: //')
  [ "$2" = 124 ] && why="It took longer than its limit. ${why}"
  show "$1 failed: ${why:-unknown}"
  tail -n 20 "$LOG"
  report failed "${why:-unknown}" "$(($(now_ms) - $3))"
  exit 1
}

machine() {
  mkdir -p -m 700 "$RUN"
  count=$(($(cat "$RUN/count" 2>/dev/null || echo 0) + 1)); echo "$count" >"$RUN/count"
  # Bounded, and starts again at the next boot.
  [ "$count" -le 40 ] || { show "given up after 40 attempts; restart the server to try again"; exit 78; }
  [ "$count" -gt 1 ] && pause 4
  begun=$(now_ms)
  show "first boot of $(field instanceId)"
  close_machine
  report started "The machine is up" &
  PHASE=hardening; report started "Firewall, upgrades, time" &
  timeout -k 10 900 /bin/sh "$SELF" apt >"$RUN/hardening.log" 2>&1 & apt=$!
  show "fetching Node and the agent"
  PHASE=fetching; report started "Node and the agent" &
  # Only an image without it has to wait for apt to bring it.
  command -v curl >/dev/null 2>&1 || wait "$apt"
  timeout -k 10 1500 /bin/sh "$SELF" fetch >"$RUN/fetching.log" 2>&1; code=$?
  [ "$code" -eq 0 ] || give_up fetching "$code" "$begun"
  report finished "Node and the agent" "$(($(now_ms) - begun))" &
  show "setting the machine up"
  # Reports its own phases: users, units and limits, then OpenClaw.
  timeout -k 10 1800 "$NODES/current/bin/node" "$AGENTS/current.mjs" machine-setup 2>&1; code=$?
  [ "$code" -eq 0 ] || { show "setting up failed"; wait "$apt"; exit 1; }
  PHASE=hardening
  wait "$apt"; code=$?
  [ "$code" -eq 0 ] || give_up hardening "$code" "$begun"
  nft list table inet claw >/dev/null 2>"$RUN/hardening.log" || give_up hardening 1 "$begun"
  report finished "Firewall, upgrades, time" "$(($(now_ms) - begun))" &
  # The agent gets the token now, and reports from here on.
  "$NODES/current/bin/node" "$AGENTS/current.mjs" hand-over || { show "handing over failed"; exit 1; }
  show "starting OpenClaw and the agent"
  systemctl daemon-reload
  systemctl enable -q --now claw-root.socket && systemctl enable -q claw-agent-guard.service openclaw-gateway.service claw-agent.service &&
    systemctl start --no-block openclaw-gateway.service claw-agent.service || { show "the services could not be started"; exit 1; }
  wait
  sync
  : >"$DONE"
  sync
  show "done in $((($(now_ms) - begun) / 1000)) s; the agent goes on"
}

[ -r "$CONFIG" ] || { say "failed: $CONFIG is missing"; exit 1; }
case "${1:-}" in
  apt) umask 022; apt_job ;;
  fetch) umask 022; PHASE=fetching; fetch_job ;;
  run) umask 022; machine ;;
  *)
    if [ "${CLAW_PROCESS_SANDBOX:-}" = 1 ]; then sandbox; fi
    close_machine
    systemctl daemon-reload
    exec systemctl start --no-block claw-bootstrap.service
    ;;
esac
