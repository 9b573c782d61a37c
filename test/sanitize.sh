#!/bin/sh
# Builds shim and host runtime with AddressSanitizer and UndefinedBehaviorSanitizer in a copy of the repository, and runs
# the tests that start them there. Any report of a sanitizer, and any failing test, is a failure.
# Usage: test/sanitize.sh [vitest's arguments; default: see below]. Needs a built repository.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/outlive-sanitize-XXXXXX")
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

cd "$repository"
mkdir -p "$copy/build/Release" "$copy/sanitized" "$copy/reports"
# Processes of other users report too.
chmod 755 "$copy" && chmod 1777 "$copy/reports"
cp -r package.json tsconfig.json tsconfig.build.json vitest.config.ts native src test "$copy"
cp build/Release/outlive* "$copy/build/Release"
ln -s "$repository/node_modules" "$copy/node_modules"
cd "$copy"
npx tsc -p tsconfig.build.json

flags='-std=c++17 -O1 -g -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fno-omit-frame-pointer -Inative
  -fsanitize=address,undefined -fno-sanitize-recover=all -static-libasan -static-libubsan'
for name in shim host; do
  # shellcheck disable=SC2086
  ${CXX:-g++} $flags -o "sanitized/outlive-$name" native/common/*.cc $(find native/$name -name '*.cc') &
  eval "${name}_build=$!"
done
wait "$shim_build"
wait "$host_build"
nm sanitized/outlive-shim | grep -q __asan_init || {
  echo 'sanitize.sh: the shim was built without AddressSanitizer' >&2
  exit 1
}

# A process that is killed reports nothing, and makes many more system calls: fewer of them are tried.
export OUTLIVE_KILL_STRIDE=7

# Exit codes are the programs' own language, so a report is looked for in files.
run() {
  leaks=$1
  shift
  # Neither shim nor runtime gets the environment of the tests, so the options are given by a wrapper.
  for name in shim host; do
    cat >"build/Release/outlive-$name.new" <<EOF
#!/bin/sh
export ASAN_OPTIONS='log_path=$copy/reports/asan:detect_leaks=$leaks:exitcode=99'
export UBSAN_OPTIONS='log_path=$copy/reports/ubsan:print_stacktrace=1'
exec '$copy/sanitized/outlive-$name' "\$@"
EOF
    chmod 755 "build/Release/outlive-$name.new"
    mv "build/Release/outlive-$name.new" "build/Release/outlive-$name"
  done
  node node_modules/vitest/vitest.mjs run --testTimeout 240000 "$@" || failed=1
}

failed=0
if [ $# -gt 0 ]; then
  run 0 "$@"
else
  # The leak check of a shim that leaves works through a process below it. The host runtime ends what is below a shim,
  # and the check waits for that process for ever; so leaks are looked for where fake runtimes run.
  run 1 test/shim --exclude test/shim/terminal.test.ts --exclude test/shim/echo.test.ts --exclude test/shim/gather.test.ts \
    --exclude test/shim/upgrade.test.ts --exclude test/shim/scope.test.ts --exclude 'test/shim/log-*.test.ts'
  # What drives shim and host runtime hardest. A program that is not static, and the shell of the wrapper, do not even
  # start with too few descriptors.
  run 0 test/shim/terminal.test.ts test/shim/echo.test.ts test/shim/gather.test.ts test/shim/upgrade.test.ts test/shim/log- test/host \
    test/monitor/oom.test.ts test/faults/durable.test.ts test/integration/lifecycle.test.ts test/integration/exec.test.ts \
    test/integration/operations.test.ts test/integration/two-phase.test.ts test/integration/reattach.test.ts \
    test/integration/terminal.test.ts \
    --testNamePattern '^((?!too few descriptors|more processes than descriptors).)*$'
fi
for report in "$copy"/reports/*; do
  [ -f "$report" ] || continue
  cat "$report" >&2
  failed=1
done
exit "$failed"
