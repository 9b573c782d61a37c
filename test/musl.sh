#!/bin/sh
# Compiles everything native with the headers of musl, and runs shim and host runtime, static against musl, under the
# tests that start them. A warning is an error. The addon is only compiled: there is no Node.js for musl here.
# Usage: test/musl.sh [vitest's arguments; default: see below]. Needs a built repository, g++ and musl-dev.
set -eu

cd "$(dirname "$0")/.."
repository=$PWD
copy=$(mktemp -d "${TMPDIR:-/tmp}/outlive-musl-XXXXXX")
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

CXX=${CXX:-g++}
. native/musl-headers.sh
musl=$(musl_triplet "$CXX")
[ -e "/usr/include/$musl/features.h" ] || {
  echo 'musl.sh: the headers of musl are missing (Debian: musl-dev)' >&2
  exit 1
}

mkdir -p "$copy/musl" "$copy/objects"
headers=$(musl_headers "$CXX" "$copy")
flags="-std=c++17 -O2 -Wall -Wextra -Wshadow -Wvla -Werror -fno-exceptions -fno-rtti -Inative $headers"

echo 'musl.sh: the addon'
node_headers=$(node -p 'const text = fs.readFileSync("build/config.gypi", "utf8").replace(/^#.*\n/gm, "");
  JSON.parse(text).variables.nodedir + "/include/node"')
addon_headers=$(realpath "$(node -p 'require("node-addon-api").include_dir')")
cd "$copy/objects"
# shellcheck disable=SC2086
printf '%s\0' "$repository"/native/addon/*.cc "$repository"/native/common/*.cc |
  xargs -0 -n 1 -P "$(nproc)" "$CXX" $flags "-I$repository/native" -fPIC -c -isystem "$addon_headers" -isystem "$node_headers" \
    -DNAPI_VERSION=9 -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED
cd "$repository"

for name in shim host; do
  echo "musl.sh: outlive-$name"
  # shellcheck disable=SC2046,SC2086
  "$CXX" $flags -ffunction-sections -fdata-sections -Wl,--gc-sections "-DOUTLIVE_VERSION=\"$(node -p 'require("./package.json").version')\"" \
    -o "$copy/musl/outlive-$name" native/common/*.cc $(find "native/$name" -name '*.cc') $(musl_link "$CXX")
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
