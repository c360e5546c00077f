#!/bin/sh
# slot-warden.sh NUMBER FOLDER: holds one place for a lab, from "held" on stdout until stdin ends, and then removes
# everything that bears the place's number. It does the same before, for a lab that was cut off together with its
# warden. Exit 75: the place is taken.
set -u
number=$1 folder=$2 name=claw$1
locks=/run/claw-lab
mkdir -p "$locks" || exit 1
exec 9>"$locks/$number.lock"
flock -n 9 || exit 75
trap '' HUP INT TERM PIPE

groups() {
  awk -v name="claw-lab-$number" '($3 == "cgroup2") || ($3 == "cgroup" && $4 ~ /name=systemd/) { print $2 "/" name }' /proc/mounts
}

remove() {
  # All processes at once: machines, their supervisors, the lab's servers.
  for group in $(groups); do
    [ ! -e "$group/cgroup.kill" ] || echo 1 >"$group/cgroup.kill"
  done
  waited=0
  while cat $(find $(groups) -name cgroup.procs 2>/dev/null) /dev/null 2>/dev/null | grep -q . && [ $waited -lt 200 ]; do
    waited=$((waited + 1))
    sleep 0.05
  done
  # What joined a namespace from outside belongs to no group of ours.
  for space in $(ip netns list 2>/dev/null | awk '{ print $1 }' | grep -E "^$name(-|\$)"); do
    for process in $(ip netns pids "$space" 2>/dev/null); do kill -9 "$process" 2>/dev/null; done
    ip netns delete "$space" 2>/dev/null
  done
  awk -v source="claw-lab-$number" '$1 == source { print $2 }' /proc/mounts | sort -r | while read -r mount; do
    umount "$mount" 2>/dev/null || umount -l "$mount"
  done
  ip -o addr show dev lo 2>/dev/null | grep -oE "10\.77\.$((100 + number))\.[0-9]+/32" | while read -r address; do
    ip addr del "$address" dev lo
  done
  tries=0
  while [ $tries -lt 40 ]; do
    left=0
    for group in $(groups); do
      [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
      [ ! -d "$group" ] || left=1
    done
    [ $left = 1 ] || break
    tries=$((tries + 1))
    sleep 0.05
  done
  rmdir /run/systemd/nspawn/propagate/"$name"-* 2>/dev/null
  if [ -f "$locks/$number.folder" ]; then rm -rf "$(cat "$locks/$number.folder")"; fi
  rm -f "$locks/$number.folder"
}

remove
echo "$folder" >"$locks/$number.folder"
echo held
cat >/dev/null
remove
touch "$locks/$number.lock"
