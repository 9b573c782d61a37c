#!/bin/sh
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer in a copy of the repository, and runs the posix
# tests on it. Every process that they start is instrumented too. Node itself leaks on purpose at exit, so leaks are not
# looked for here; test/posix/spawn-many.test.ts counts memory.
# Usage: test/asan.sh [vitest's arguments; default: test/posix]. Needs a built repository.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/outlive-asan-XXXXXX")
trap 'rm -rf "$copy"' EXIT INT TERM

cd "$repository"
cp -r binding.gyp package.json tsconfig.json tsconfig.build.json vitest.config.ts docs native src test "$copy"
ln -s "$repository/node_modules" "$copy/node_modules"
cd "$copy"

sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g'
npx node-gyp configure --loglevel=error
make --silent -j "$(nproc)" -C build outlive BUILDTYPE=Release CXXFLAGS="$sanitizers" LDFLAGS="$sanitizers"
nm -D build/Release/outlive.node | grep -q __asan_init || {
  echo 'asan.sh: the addon was built without AddressSanitizer' >&2
  exit 1
}
# Static programs, which need no such library: as they were built.
cp "$repository/build/Release/outlive-shim" "$repository/build/Release/outlive-host" build/Release/
npx tsc -p tsconfig.build.json

# Node is not built with it, so the library must come first. Memory that was freed is kept for a while to catch its use;
# not so much that it looks like a leak.
LD_PRELOAD=$(${CXX:-g++} -print-file-name=libasan.so)
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:quarantine_size_mb=4
UBSAN_OPTIONS=print_stacktrace=1
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS
node node_modules/vitest/vitest.mjs run "${@:-test/posix}"
