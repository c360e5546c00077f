import type { LabMachine } from '../../lab/index.ts';

/** What differs from machine to machine, or from minute to minute, of what lies in /etc. */
const ownOfEach =
  '^/etc/(machine-id|hostname|hosts|mailname|resolv.conf|adjtime|\\.updated|\\.pwd\\.lock|ld\\.so\\.cache|ssh/ssh_host_.*|' +
  'claw/(bootstrap\\.json|gateway\\.token)|netplan/.*|cloud/(build\\.info|instance|.*)|apparmor\\.d/cache.*|' +
  '(passwd|group|shadow|gshadow|subuid|subgid)-?|systemd/network/.*|ssl/certs/.*)$';

/**
 * What a first boot makes, as text that two machines can be compared by: every file of /etc and of what it installs
 * with its mode, owner and digest, links, accounts, what is enabled and what is masked.
 */
export const manifestOf = (machine: LabMachine): Promise<string> =>
  machine.run(
    `export LC_ALL=C
    { find /etc -xdev; find /opt/claw -path /opt/claw/store -prune -o -print; } | grep -Ev '${ownOfEach}' | sort | while read -r path; do
      if [ -L "$path" ]; then echo "$path -> $(readlink "$path")"
      elif [ -f "$path" ]; then case "$path" in
        /opt/claw/node/*/lib/*) ;;
        *) echo "$path $(stat -c '%a %U:%G' "$path") $(sha256sum <"$path" | cut -c1-16)" ;;
        esac
      elif [ -d "$path" ]; then case "$path" in /opt/claw/node/*/lib/*) ;; *) echo "$path $(stat -c '%a %U:%G' "$path")" ;; esac
      fi
    done
    (cd /opt/claw/node/current/lib && find . -type f | sort | xargs -d '\\n' sha256sum | sha256sum)
    stat -c '%n %a %U:%G' /etc/claw/bootstrap.json /etc/claw/gateway.token /var/lib/claw /var/lib/claw/bootstrap.json /var/lib/openclaw
    cut -d: -f1,7 /etc/passwd | sort
    cut -d: -f1,2 /etc/shadow | sort
    systemctl list-unit-files --no-legend --no-pager 'claw*' 'openclaw*' 'ssh*' nftables.service unattended-upgrades.service systemd-timesyncd.service tmp.mount swapfile.swap
    dpkg-query -W -f '\${Package} \${Version} \${Status}\\n'
    nft list ruleset`,
    { timeoutMs: 120_000 },
  );
