#!/usr/bin/env bash
# Tests of ./dev's set-up and of its words when something is wrong, with stand-ins for dpkg-query,
# apt-get, sudo and cargo: no package is installed, no network is used.
# shellcheck disable=SC2016 # the stand-ins and bash -c expand what is in single quotes
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/bin" "$scratch/tree" "$scratch/home"
cp -r "$repository/dev" "$repository/tools" "$scratch/tree/"

stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}
stub sudo '[ "$1" = -v ] && exit 0; [ "$1" = -- ] && shift; exec "$@"'
stub apt-get 'echo "apt-get $*" >>"$CALLS"; exit "${APT_STATUS:-0}"'
stub dpkg-query 'for name; do :; done
case " $MISSING " in *" $name "*) exit 1 ;; esac
printf "install ok installed"'
stub cargo 'echo "cargo ${CARGO_VERSION:-1.95.0} (stand-in)"'
stub rustc 'for target; do :; done
case " $NO_TARGET " in *" $target "*) echo /nowhere ;; *) echo "$HOME/lib" ;; esac'
stub rustup 'echo "rustup $*" >>"$CALLS"; exit 1'
mkdir -p "$scratch/home/lib"
touch "$scratch/home/lib/libstd-1.rlib"

failures=0
complain() {
  printf 'FAILED: %s\n%s\n' "$1" "$output" >&2
  failures=$((failures + 1))
}
# run COMMANDS: in a shell that has sourced what ./dev sources. Sets output, status and calls.
run() {
  : >"$scratch/calls"
  status=0
  output=$(cd "$scratch/tree" && env HOME="$scratch/home" CARGO_HOME="$scratch/home/.cargo" \
    GODWIT_CACHE_DIR="$scratch/cache" CALLS="$scratch/calls" MISSING="${missing-}" \
    NO_TARGET="${no_target-}" APT_STATUS="${apt_status-0}" CARGO_VERSION="${cargo_version-1.95.0}" \
    PATH="$scratch/bin:$PATH" bash -c "set -euo pipefail; root=\$PWD
      source tools/lib.sh; source tools/setup.sh; $1" 2>&1 </dev/null) || status=$?
  calls=$(<"$scratch/calls")
}
expect_status() { [[ $status == "$2" ]] || complain "$1: status $status, expected $2"; }
expect_output() { [[ $output == *"$2"* ]] || complain "$1: does not say \"$2\""; }
# shellcheck disable=SC2053 # the second argument is a pattern
expect_calls() { [[ $calls == $2 ]] || complain "$1: called: $calls"; }

missing='' run 'setup_build; setup_lint; setup_fuzz; setup_bench; setup_package'
expect_status 'all installed' 0
expect_calls 'all installed: apt is not asked' ''

missing='wabt fmt' run 'setup_build'
expect_status 'one missing' 0
expect_output 'one missing' 'Installing 1 Debian packages: wabt'
expect_calls 'one missing: it alone is installed' \
  '*update*install --no-install-recommends wabt'

missing='wabt' apt_status=100 run 'setup_build'
expect_status 'apt fails' 1
expect_output 'apt fails' 'dev: error: The step "apt-update" failed (status 100)'
expect_output 'apt fails' 'hint: The whole output is in build/log/apt-update.log'

run 'have() { [[ $1 != promtool ]]; }; setup_promtool; echo WENT ON'
expect_status 'no promtool to be had' 0
expect_output 'no promtool to be had' "Install Debian's package prometheus"
expect_output 'no promtool to be had' 'WENT ON'
expect_calls 'no promtool to be had: new lists are tried' \
  '*download prometheus*update*download*'

cargo_version=1.94.1 run 'setup_cargo; cargo --version'
if [[ ! -x /usr/bin/cargo ]]; then
  expect_status 'old cargo' 1
  expect_output 'old cargo' 'The Wasmtime bridge needs cargo 1.95 or newer'
fi
cargo_version=1.100.0 run 'setup_cargo'
expect_status 'newer cargo (1.100 is more than 1.95)' 0

no_target=wasm32-wasip2 run 'setup_rust_targets; echo WENT ON'
expect_status 'no target of Rust' 0
expect_calls 'no target of Rust: it alone is asked for' 'rustup target add wasm32-wasip2'
expect_output 'no target of Rust' 'guests that need it are skipped'
expect_output 'no target of Rust' 'WENT ON'

run 'run_logged sample sh -c "echo the reason; exit 7"; echo NOT REACHED'
expect_status 'a step fails' 1
expect_output 'a step fails: the log is shown' 'the reason'
expect_output 'a step fails' 'The step "sample" failed (status 7)'
[[ $output != *'NOT REACHED'* ]] || complain 'a step fails: the script went on'

run '(sleep 1; kill $$) & run_logged long sh -c "sleep 86397 & wait"'
expect_status 'ended while a step runs' 130
pgrep -f 'sleep 8639[7]' >/dev/null && complain 'ended while a step runs: the step goes on'

run 'false'
expect_status 'the unforeseen' 1
expect_output 'the unforeseen is a sentence too' 'dev: error: `false` failed with status 1'

run './dev'
expect_status 'no verb' 0
for verb in serve test build examples asan tsan fuzz bench fmt lint docs package install; do
  [[ $output == *$'\n'"  $verb "* ]] || complain "no verb: $verb is not listed"
  grep -q "^verb_$verb()" "$repository/dev" || complain "$verb is listed but does not exist"
done
run 'exec ./dev no-such-verb'
expect_status 'an unknown verb is wrong usage' 2
run 'exec ./dev build no-such-preset'
expect_status 'an unknown preset' 1
expect_output 'an unknown preset' 'Choose release, debug, asan, tsan or fuzz.'

((failures == 0)) || exit 1
echo 'dev: every case holds'
