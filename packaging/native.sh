#!/bin/sh
# Builds the native files of the package: the addon for glibc, shim and host runtime static against musl, all stripped.
# Usage: packaging/native.sh <x64|arm64> <output directory>. Needs `npm ci`, for the headers of Node.js, a g++ for this
# processor, and the headers and archives of musl (Debian: musl-dev of its architecture).
set -eu

cd "$(dirname "$0")/.."
. native/musl-headers.sh
processor=$1
output=$2
case $processor in
  x64) triplet=x86_64-linux-gnu ;;
  arm64) triplet=aarch64-linux-gnu ;;
  *)
    echo "native.sh: unknown processor $processor" >&2
    exit 1
    ;;
esac
CXX=$triplet-g++
fail() {
  echo "native.sh: $1" >&2
  exit 1
}
[ "$(command -v "$CXX")" ] || fail "there is no $CXX (Debian: g++-$(echo "${triplet%%-*}" | tr _ -)-linux-gnu)"
debian=$(echo "$processor" | sed s/x64/amd64/)
[ -e "/usr/lib/$(musl_triplet "$CXX")/libc.a" ] || fail "there is no musl for $processor
(Debian: dpkg --add-architecture $debian && apt-get update && apt-get install -y musl-dev:$debian)"
node_headers=$(node -p 'const text = fs.readFileSync("build/config.gypi", "utf8").replace(/^#.*\n/gm, "");
  JSON.parse(text).variables.nodedir + "/include/node"' 2>/dev/null) || fail 'not built; npm ci'

work=$(mktemp -d "${TMPDIR:-/tmp}/outlive-native-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$output"

# As in binding.gyp.
flags='-std=c++17 -O2 -Wall -Wextra -Wshadow -Wvla -Werror -fno-exceptions -fno-rtti -fvisibility=hidden
  -ffunction-sections -fdata-sections -Wl,--gc-sections -s -Inative'
# shellcheck disable=SC2086
"$CXX" $flags -shared -fPIC -o "$output/outlive.node" native/addon/*.cc \
  native/common/descriptors.cc native/common/pidfd.cc native/common/text.cc \
  -isystem "$(node -p 'require("node-addon-api").include_dir')" -isystem "$node_headers" \
  -DNODE_GYP_MODULE_NAME=outlive -DBUILDING_NODE_EXTENSION -DNAPI_VERSION=9 \
  -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED

headers=$(musl_headers "$CXX" "$work")
for name in shim host; do
  # shellcheck disable=SC2046,SC2086
  "$CXX" $flags $headers "-DOUTLIVE_VERSION=\"$(node -p 'require("./package.json").version')\"" \
    -o "$output/outlive-$name" native/common/*.cc $(find "native/$name" -name '*.cc' | sort) $(musl_link "$CXX")
done
