#!/bin/sh
# Compiles everything native with the headers of musl, and runs shim and host runtime, static against musl, under the
# tests that start them. A warning is an error. The addon is only compiled: there is no Node.js for musl here.
# Usage: test/musl.sh [vitest's arguments; default: see below]. Needs a built repository, g++ and musl-dev.
#
# musl-gcc is for C. The headers of libstdc++ are g++'s own, which were configured for glibc: what they ask of it is
# corrected by two files of this script's. The kernel's headers are the system's, behind those of musl.
set -eu

cd "$(dirname "$0")/.."
repository=$PWD
copy=$(mktemp -d "${TMPDIR:-/tmp}/outlive-musl-XXXXXX")
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

CXX=${CXX:-g++}
triplet=$("$CXX" -dumpmachine)
musl=$(echo "$triplet" | sed 's/gnu$/musl/')
version=$("$CXX" -dumpversion)
[ -e "/usr/include/$musl/features.h" ] || {
  echo 'musl.sh: the headers of musl are missing (Debian: musl-dev)' >&2
  exit 1
}

mkdir -p "$copy/shadow/bits" "$copy/kernel" "$copy/musl" "$copy/objects"
echo 'typedef struct __locale_struct *__locale_t;' >"$copy/shadow/bits/os_defines.h"
cat >"$copy/shadow/bits/c++config.h" <<'EOF'
#pragma GCC system_header
#include_next <bits/c++config.h>
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
EOF
ln -s /usr/include/linux /usr/include/asm-generic "/usr/include/$triplet/asm" "$copy/kernel"

# -nostdinc drops g++'s own directory too: its stddef.h and stdarg.h are musl's here.
headers="-nostdinc -nostdinc++ -isystem $copy/shadow -isystem /usr/include/c++/$version
  -isystem /usr/include/$triplet/c++/$version -isystem /usr/include/$musl -isystem $copy/kernel"
flags="-std=c++17 -O2 -Wall -Wextra -Wshadow -Wvla -Werror -fno-exceptions -fno-rtti -Inative $headers"

echo 'musl.sh: the addon'
node_headers=$(node -p 'const text = fs.readFileSync("build/config.gypi", "utf8").replace(/^#.*\n/gm, "");
  JSON.parse(text).variables.nodedir + "/include/node"')
for file in native/addon/*.cc native/common/*.cc; do
  # shellcheck disable=SC2086
  "$CXX" $flags -fPIC -c -o "$copy/objects/$(basename "$file").o" "$file" \
    -isystem "$(node -p 'require("node-addon-api").include_dir')" -isystem "$node_headers" \
    -DNAPI_VERSION=9 -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED
done

libraries=/usr/lib/$musl
for name in shim host; do
  echo "musl.sh: outlive-$name"
  # Not PIE: a static PIE needs an rcrt1.o, without which the result would be dynamic.
  # shellcheck disable=SC2086
  "$CXX" $flags -ffunction-sections -fdata-sections -Wl,--gc-sections "-DOUTLIVE_VERSION=\"$(node -p 'require("./package.json").version')\"" \
    -static -no-pie -nostdlib -o "$copy/musl/outlive-$name" "$libraries/crt1.o" "$libraries/crti.o" \
    native/common/*.cc $(find "native/$name" -name '*.cc') "-L$libraries" -lc -lgcc "$libraries/crtn.o"
  if readelf --program-headers "$copy/musl/outlive-$name" | grep -q INTERP; then
    echo "musl.sh: outlive-$name is not static" >&2
    exit 1
  fi
done

cd "$copy"
mkdir -p build/Release
cp -r "$repository"/package.json "$repository"/tsconfig.json "$repository"/tsconfig.build.json \
  "$repository"/vitest.config.ts "$repository"/native "$repository"/src "$repository"/test "$repository"/dist .
cp "$repository"/build/Release/outlive* build/Release
cp musl/outlive-shim musl/outlive-host build/Release
ln -s "$repository/node_modules" node_modules
# start-up.test.ts pins whole messages, in the words of glibc's strerror(3).
[ $# -gt 0 ] || set -- test/shim --exclude test/shim/start-up.test.ts test/host/lifecycle.test.ts test/host/process.test.ts test/host/terminal.test.ts \
  test/integration/lifecycle.test.ts test/integration/terminal.test.ts
node node_modules/vitest/vitest.mjs run "$@"
