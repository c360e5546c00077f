#!/bin/sh
# A machine's first process: leads its session, runs the boot script, keeps the serial log bounded, and ends the
# machine when the sandbox that owns it has been gone for some seconds. Plain sh because one runs per machine.
# Arguments: server folder, file with the sandbox's pid, keep (1: outlive the sandbox), node, end-machine script.
dir=$1 pidfile=$2 keep=$3 node=$4 ender=$5
serial=$dir/serial.log
limit=5242880

( sh "$dir/boot.sh"; echo $? >"$dir/boot.exit.new"; mv "$dir/boot.exit.new" "$dir/boot.exit" ) >>"$serial" 2>&1 </dev/null &

missed=0
tick=0
while :; do
  sleep 1
  pid=
  if [ -r "$pidfile" ]; then read -r pid _ <"$pidfile"; fi
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then missed=0; else missed=$((missed + 1)); fi
  if [ "$keep" != 1 ] && [ "$missed" -ge 4 ]; then
    echo "[sandbox] the sandbox cloud is gone: this machine ends" >>"$serial"
    exec "$node" "$ender" "$dir"
  fi
  tick=$((tick + 1))
  if [ "$tick" -ge 5 ]; then
    tick=0
    size=$(wc -c <"$serial" 2>/dev/null || echo 0)
    if [ "$size" -gt "$limit" ]; then
      # Copied over in place: writers hold the file open for appending.
      tail -c 2621440 "$serial" >"$serial.tail" && cat "$serial.tail" >"$serial"
      rm -f "$serial.tail"
    fi
  fi
done
