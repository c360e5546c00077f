#!/bin/sh
# finish-vm-image.sh ROOT TARGET: gives a Debian its lab port, and makes TARGET/{vmlinuz,initrd,disk.img} of it.
set -eu
root=$1 target=$2

# A root shell behind a port of the virtual machine, so that commands can be run with ssh and network closed.
cat >"$root/usr/local/sbin/lab-port" <<'PORT'
#!/usr/bin/python3
import base64, json, subprocess, threading, time

port = open('/dev/virtio-ports/lab.exec', 'r+b', buffering=0)
writing = threading.Lock()


def run(ask):
    try:
        done = subprocess.run(ask['argv'], input=base64.b64decode(ask['input']), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=ask['seconds'], cwd='/root')
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        code, out, err = 124, late.stdout or b'', late.stderr or b''
    except OSError as error:
        code, out, err = 127, b'', str(error).encode()
    if code < 0:
        code = 128 - code
    text = {'id': ask['id'], 'code': code, 'stdout': base64.b64encode(out).decode(),
            'stderr': base64.b64encode(err).decode()}
    left = (json.dumps(text) + '\n').encode()
    with writing:
        while left:
            left = left[port.write(left):]


kept = b''
while True:
    chunk = port.read(65536)
    if not chunk:
        time.sleep(0.05)
        continue
    kept += chunk
    while b'\n' in kept:
        line, kept = kept.split(b'\n', 1)
        try:
            ask = json.loads(line)
        except ValueError:
            continue
        threading.Thread(target=run, args=(ask,), daemon=True).start()
PORT
chmod 755 "$root/usr/local/sbin/lab-port"
cat >"$root/etc/systemd/system/lab-port.service" <<'UNIT'
[Unit]
Description=Commands from the lab
DefaultDependencies=no
After=systemd-udevd.service systemd-remount-fs.service
ConditionVirtualization=vm
[Service]
ExecStartPre=/bin/sh -c 'while ! test -e /dev/virtio-ports/lab.exec; do sleep .2; done'
ExecStart=/usr/local/sbin/lab-port
Restart=always
Environment=HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[Install]
WantedBy=sysinit.target
UNIT
chroot "$root" systemctl enable -q lab-port.service 2>/dev/null

cp -L "$root"/boot/vmlinuz-* "$target/vmlinuz"
cp -L "$root"/boot/initrd.img-* "$target/initrd"
# As a provider's disk: a partition table, one partition that grows at the first boot.
truncate -s 3G "$target/disk.img"
printf 'label: gpt\nstart=2048, type=L, name=root\n' | sfdisk -q "$target/disk.img"
mkfs.ext4 -q -L root -d "$root" -E offset=1048576 "$target/disk.img" 3142656k
rm -rf "$root"
mkdir "$root"
