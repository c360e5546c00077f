#!/bin/sh
# finish-image.sh ROOT KIND: makes a freshly unpacked Debian what a provider's image is. Stdin: the lab's certificate.
set -eu
root=$1 kind=$2

# Machines trust the lab's authority, and so does Node in them, which reads no system store unless told to. This is
# the one thing here that a rented server has not.
cat >"$root/usr/local/share/ca-certificates/lab.crt"
chroot "$root" update-ca-certificates >/dev/null 2>&1
mkdir -p "$root/etc/systemd/system.conf.d"
printf '[Manager]\nDefaultEnvironment=NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n' \
  >"$root/etc/systemd/system.conf.d/50-lab-authority.conf"
echo NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt >>"$root/etc/environment"

# As Debian's cloud images have it: no identity of their own, names resolved by systemd.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id" "$root/etc/hostname"
: >"$root/etc/machine-id"
ln -s ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
echo localhost >"$root/etc/hostname"
echo LANG=C.UTF-8 >"$root/etc/default/locale"
echo 'manage_etc_hosts: true' >"$root/etc/cloud/cloud.cfg.d/01_debian_cloud.cfg"
# A container's disk is already mounted.
if [ "$kind" = vm ]; then
  echo 'LABEL=root / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1' >"$root/etc/fstab"
else
  : >"$root/etc/fstab"
fi
chroot "$root" systemctl enable -q systemd-networkd systemd-resolved 2>/dev/null

# Each machine makes host keys of its own, and RSA ones take seconds: the other kinds are as good for the lab.
printf 'ssh_genkeytypes: [ed25519, ecdsa]\n' >"$root/etc/cloud/cloud.cfg.d/02_host_keys.cfg"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb
