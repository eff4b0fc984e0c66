#!/usr/bin/env bash
# Runs every libFuzzer program of build/fuzz: fuzz.sh SECONDS. New inputs go to build/corpus (the
# committed corpus is only read); an input that breaks something is kept in build/crashes, and its
# command to run it again is printed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=tools/lib.sh
source "$root/tools/lib.sh"

seconds=${1:-20}
[[ $seconds =~ ^[1-9][0-9]*$ ]] ||
  die "\"$seconds\" is not a number of seconds." "Try ./dev fuzz 60."

shopt -s nullglob
programs=(build/fuzz/godwit_*_fuzz)
((${#programs[@]})) || die "No fuzz program was built." "Look at build/log/build-fuzz.log."

failed=()
fuzz_one() {
  local program=$1 name corpus log found
  name=${program##*/godwit_}
  name=${name%_fuzz}
  corpus=$(<"$program.corpus")
  log=$log_dir/fuzz-$name.log
  mkdir -p "build/corpus/$name" "build/crashes/$name" "$log_dir"
  # The second folder is the seeds; libFuzzer writes to the first only.
  local folders=("build/corpus/$name")
  [[ ! -d $corpus ]] || folders+=("$corpus")
  if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="build/crashes/$name/" "${folders[@]}" >"$log" 2>&1; then
    found=$(grep -o 'stat::number_of_executed_units: *[0-9]*' "$log" | grep -o '[0-9]*$' || echo 0)
    if ((found == 0)); then
      say "fuzz $name: ran no input (see build/log/fuzz-$name.log)"
      failed+=("$name")
    else
      say "fuzz $name: $found inputs in $seconds s, nothing found"
    fi
  else
    failed+=("$name")
    tail -n 30 "$log" >&2
    say "fuzz $name: FAILED; run it again with: $program build/crashes/$name/FILE"
  fi
}

for program in "${programs[@]}"; do fuzz_one "$program"; done
((${#failed[@]} == 0)) ||
  die "Fuzzing found a fault in: ${failed[*]}." \
    "Correct it, and keep the input in fuzz/corpus/ as a test."
say "Fuzzed ${#programs[@]} programs"
