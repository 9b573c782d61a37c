#!/bin/sh
# Runs one build of the addon under every supported major version of Node.js, each from npm's package `node`, installed
# for this run only: the smoke test of the system calls, a life under `node --permission`, and the demo. Needs a built repository and the npm registry.
# Usage: test/node-versions.sh [major version ...; default: 20 22 24 26]
set -eu

cd "$(dirname "$0")/.."
. test/support/node-version.sh
versions=$(mktemp -d "${TMPDIR:-/tmp}/outlive-node-versions-XXXXXX")
trap 'rm -rf "$versions"' EXIT
trap 'exit 130' INT TERM

for major in "${@:-20 22 24 26}"; do
  # Unquoted: the default is one word of four.
  for version in $major; do
    install_node "$version" "$versions/$version"
    "$node" test/posix/fixtures/smoke.js
    # Node 20 has the older name only.
    flag=--permission
    [ "$version" != 20 ] || flag=--experimental-permission
    mkdir "$versions/permission"
    "$node" --no-warnings "$flag" --allow-fs-read='*' --allow-fs-write='*' --allow-addons --allow-child-process \
      --allow-worker test/fixtures/permission.mjs "$versions/permission"
    rm -rf "$versions/permission"
    "$node" demo/demo.js >"$versions/demo" || {
      cat "$versions/demo" >&2
      exit 1
    }
    echo "demo v$version"
  done
done
