#!/usr/bin/env bash
# Builds the machine: the kernel, an initramfs and the disk image of a Debian with systemd, from this machine's own apt
# sources. The result is kept and is made only once for each content of this file. Prints the directory that holds it:
# `vmlinuz`, `initrd`, `disk`. Needs root and the programs that test/vm/run looks for.
# Usage: test/vm/machine.sh <cache directory>
set -euo pipefail
cache=$1

packages=(
  systemd systemd-sysv dbus dbus-user-session libpam-systemd # init, and a manager for each user
  runc crun busybox-static                                   # what the checks start
  criu iptables                                              # checkpoints; criu locks the network by iptables
  kmod libstdc++6                                            # modules; Node.js is linked with libstdc++
)
# Loaded at boot; criu asks for the *_diag ones, to list sockets. The initramfs loads those that the disk needs.
boot_modules=(af_packet_diag inet_diag netlink_diag tcp_diag udp_diag raw_diag unix_diag)
disk_modules=(virtio_pci virtio_blk ext4)
disk_size=2G

mkdir -p "$cache"
# One build at a time. The lock ends with this process, however that ends.
exec 9>"$cache/lock"
flock 9

key=$(sha256sum <"$0" | cut -c1-16)
if [[ -d $cache/$key ]]; then
  touch "$cache/$key"
  echo "$cache/$key"
  exit
fi

# What an interrupted build left. No other build runs, since we hold the lock.
rm -rf "$cache"/building-*
build=$cache/building-$$
finish() {
  local status=$?
  ((status == 0)) || tail -n 40 "$build/log" >&2
  rm -rf "$build"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM
mkdir "$build"
root=$build/root
echo 'building the machine: about a minute' >&2
exec 3>&1 >"$build/log" 2>&1

apt-get update -qq
read -r mirror codename < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' \
  'Created-By: Packages' 'Origin: Debian' 'Component: main' | awk '$2 !~ /-/')

# In namespaces of its own: if we are killed, its mounts and processes go, too.
list=$(printf '%s,' "${packages[@]}")
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
  debootstrap --variant=minbase --include="${list%,}" "$codename" "$root" "$mirror"

# The kernel, without the scripts of its package: they would make an initramfs of their own.
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
(cd "$build" && apt-get -o APT::Sandbox::User=root download -qq "$kernel")
dpkg -x "$build"/linux-image-*.deb "$build/kernel"
version=${kernel#linux-image-}
mv "$build/kernel/boot/vmlinuz-$version" "$build/vmlinuz"
mv "$build/kernel/lib/modules" "$root/lib/modules"
depmod --basedir "$root" "$version"

# The initramfs: busybox loads the modules of the disks, mounts them and hands over to systemd.
initramfs=$build/initramfs
mkdir -p "$initramfs"/{bin,dev,proc,root,modules}
cp "$root/bin/busybox" "$initramfs/bin/"
{
  echo '#!/bin/busybox sh'
  echo 'set -e'
  echo '/bin/busybox mount -t devtmpfs dev /dev'
  modprobe --dirname "$root" --set-version "$version" --show-depends --all "${disk_modules[@]}" |
    awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
    while read -r module; do
      cp "$module" "$initramfs/modules/"
      echo "/bin/busybox insmod /modules/${module##*/}"
    done
  echo 'until [ -b /dev/vda ] && [ -b /dev/vdb ]; do /bin/busybox sleep 0.1; done'
  echo '/bin/busybox mount -t ext4 /dev/vda /root'
  echo '/bin/busybox mount -t ext4 -o ro /dev/vdb /root/opt/outlive'
  echo '/bin/busybox mount --move /dev /root/dev'
  echo 'exec /bin/busybox switch_root /root /sbin/init'
} >"$initramfs/init"
chmod 755 "$initramfs/init"
(cd "$initramfs" && find . | cpio --quiet -o -H newc) | gzip -1 >"$build/initrd"

# The driver runs the checks (inside/driver.js); /opt/outlive is the second disk, which test/vm/run makes at each run.
printf '%s\n' "${boot_modules[@]}" >"$root/etc/modules-load.d/outlive.conf"
mkdir "$root/opt/outlive"
echo outlive-vm >"$root/etc/hostname"
cat >"$root/etc/systemd/system/outlive-checks.service" <<'UNIT'
[Unit]
Description=The checks of outlive
RequiresMountsFor=/opt/outlive
After=basic.target dbus.service systemd-user-sessions.service systemd-logind.service

[Service]
ExecStart=/opt/outlive/node /opt/outlive/test/vm/inside/driver.js
StandardOutput=file:/dev/ttyS1
StandardError=tty
TTYPath=/dev/ttyS0
UNIT
units=$root/etc/systemd/system
ln -s ../outlive-checks.service "$units/multi-user.target.wants/"
ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_reap.service e2scrub_all.timer \
  fstrim.timer getty@tty1.service serial-getty@ttyS0.service systemd-networkd-wait-online.service; do
  ln -sf /dev/null "$units/$unit"
done
chroot "$root" useradd --create-home --shell /bin/sh job
mkdir -p "$root/var/lib/systemd/linger"
touch "$root/var/lib/systemd/linger/job"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,locale,man}/*

mke2fs -q -t ext4 -d "$root" "$build/disk" "$disk_size"
rm -rf "$root" "$initramfs" "$build"/kernel "$build"/*.deb

# Those of other recipes that nobody has used for a week.
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +7 -exec rm -rf {} +
mv "$build" "$cache/$key"
echo "$cache/$key" >&3
