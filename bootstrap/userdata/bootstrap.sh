#!/bin/sh
# First start of a machine, and every later one: brings the agent here by its SHA-256 and starts it.
# POSIX sh; may be interrupted anywhere and run again. CLAW_ROOT prefixes every path (empty on a real machine).
set -u
umask 077
ROOT="${CLAW_ROOT:-}"
CONFIG="$ROOT/etc/claw/bootstrap.json"
AGENTS="$ROOT/opt/claw/agent"
ATTEMPTS="${CLAW_FETCH_ATTEMPTS:-8}"
BASE_SECONDS="${CLAW_RETRY_SECONDS:-2}"
NODE=

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

# The token goes in by standard input: a command line can be read by every user of the machine.
report() {
  token=$(field registrationToken)
  [ -n "$token" ] || return 0
  text=$(printf '%s' "$2" | tr -d '"\\' | tr '\n\t' '  ' | cut -c1-400)
  body=$(printf '{"instanceId":"%s","phase":"booting","status":"%s","message":"%s"}' "$(field instanceId)" "$1" "$text")
  if command -v curl >/dev/null 2>&1; then
    curl --silent --fail --max-time 10 --retry 2 --output /dev/null --config - <<EOF || say "the control plane did not take the report"
url = "$(field controlPlaneUrl)/v1/bootstrap/phases"
header = "Authorization: Bearer $token"
header = "Content-Type: application/json"
data = "$(printf '%s' "$body" | sed 's/"/\\"/g')"
EOF
  elif [ -n "$NODE" ]; then
    "$NODE" --input-type=module - <<EOF || say "the control plane did not take the report"
const answer = await fetch('$(field controlPlaneUrl)/v1/bootstrap/phases', { method: 'POST', body: '$(printf '%s' "$body" | tr -d "'")',
  headers: { authorization: 'Bearer $token', 'content-type': 'application/json' }, signal: AbortSignal.timeout(10000) });
process.exit(answer.ok ? 0 : 1);
EOF
  fi
}

fail() { say "failed: $1"; report failed "$1"; exit 1; }

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

download() {
  if command -v curl >/dev/null 2>&1; then
    curl --silent --show-error --fail --location --max-time 120 --max-filesize 33554432 --output "$2" "$1" 2>&1
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

# What runs at every later boot: this same script, which goes on where it stopped.
register_boot() {
  boot="$ROOT/etc/claw/boot.d/10-claw-agent"
  mkdir -p "$ROOT/etc/claw/boot.d"
  printf '#!/bin/sh\nexec /bin/sh "%s/opt/claw/bootstrap.sh"\n' "$ROOT" >"$boot.part" && chmod 700 "$boot.part" && mv -f "$boot.part" "$boot"
}

[ -r "$CONFIG" ] || { say "failed: $CONFIG is missing"; exit 1; }
say "starting $(field instanceId)"
register_boot || fail "The boot script could not be written"
find_node
report started "The machine is up"
sha=$(field sha256)
fetch_agent "$sha"
say "agent $sha is here"
exec "$NODE" "$AGENTS/$sha.mjs" bootstrap
