#!/usr/bin/env bash
# Builds the last release from the history of this repository, and runs test/integration/last-release.test.ts against it.
# Usage: test/last-release.sh [commit or tag; default: the newest tag v*]. Needs a built repository.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD

# Before the first release: the state before the output log.
release=${1:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || echo 89e0c86)}
if ! git cat-file -e "$release^{commit}" 2>/dev/null; then
  echo "last-release.sh: $release is not in the history of this clone, so it is not tried" >&2
  exit 0
fi

copy=$(mktemp -d "${TMPDIR:-/tmp}/outlive-release-XXXXXX")
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$copy/node_modules/outlive"
git archive "$release" | tar -x -C "$copy/node_modules/outlive"
cd "$copy/node_modules/outlive"
ln -s "$repository/node_modules" node_modules
echo "last-release.sh: building $release"
JOBS=max npm run --silent build >build.log 2>&1 || {
  cat build.log >&2
  exit 1
}
cd "$repository"
OUTLIVE_LAST_RELEASE=$copy node node_modules/vitest/vitest.mjs run test/integration/last-release.test.ts
