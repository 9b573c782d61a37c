#!/bin/sh
# Builds every fuzz target of this folder with clang's libFuzzer, ASan and UBSan, and runs each for a while on one core.
# Usage: native/fuzz/run.sh [seconds for each target, default 20]. A crash, a leak or a hang is a failure; its input is
# printed. A target names its other sources, relative to the repository, in its first lines "// fuzz-sources: <path>…".
# Its dictionary, if any, is <target>.dict.
# Without a clang that has libFuzzer it prints that and does nothing; with OUTLIVE_STRICT=1 it fails.
set -eu

seconds=${1:-20}
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
clang=${CLANGXX:-clang++}

# -U_FORTIFY_SOURCE: the checked variants of libc functions would hide the calls from ASan.
flags='-std=c++17 -g -O1 -Wall -Wextra -Werror -fno-exceptions -fno-rtti -U_FORTIFY_SOURCE -Inative
  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all'

echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' >"$work/probe.cc"
# shellcheck disable=SC2086
if ! "$clang" $flags -o "$work/probe" "$work/probe.cc" 2>"$work/probe.log"; then
  if [ "${OUTLIVE_STRICT:-}" = 1 ]; then
    cat "$work/probe.log" >&2
    echo "FAILED: fuzzing needs $clang with libFuzzer (OUTLIVE_STRICT=1)" >&2
    exit 1
  fi
  echo "SKIPPED: fuzzing needs $clang with libFuzzer" >&2
  exit 0
fi

for target in native/fuzz/*_fuzz.cc; do
  name=$(basename "$target" .cc)
  sources=$(sed -n 's|^// fuzz-sources: ||p' "$target")
  # shellcheck disable=SC2086
  "$clang" $flags -o "$work/$name" "$target" $sources
  mkdir "$work/$name.corpus" "$work/$name.crash"
  dictionary=native/fuzz/$name.dict
  [ -f "$dictionary" ] && dictionary=-dict=$dictionary || dictionary=
  echo "== $name, $seconds s"
  # shellcheck disable=SC2086
  if ! "$work/$name" "$work/$name.corpus" $dictionary -artifact_prefix="$work/$name.crash/" -timeout=10 \
    -rss_limit_mb=2048 -max_len=4096 -max_total_time="$seconds" -print_final_stats=1 >"$work/log" 2>&1; then
    tail -n 80 "$work/log" >&2
    for input in "$work/$name.crash"/*; do
      if [ -f "$input" ]; then echo "input (base64): $(base64 -w 0 "$input")" >&2; fi
    done
    echo "FAILED: $name" >&2
    exit 1
  fi
  grep -E '^(Done|stat::number_of_executed_units)' "$work/log"
done
