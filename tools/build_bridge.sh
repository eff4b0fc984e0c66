#!/usr/bin/env bash
# Builds the Rust bridge:   build_bridge.sh SOURCE_DIR CARGO_TARGET_DIR OUTPUT_DIR
# Runs its Rust tests:      build_bridge.sh --test SOURCE_DIR CARGO_TARGET_DIR
# Clippy, no warnings:      build_bridge.sh --lint SOURCE_DIR CARGO_TARGET_DIR
# Locked to Cargo.lock. Offline once the crates have been fetched: the network is asked only when
# the local cache lacks a crate. A lock file serialises clones that build at the same time.
set -euo pipefail
verb=--build
case $1 in --*) verb=$1; shift ;; esac
source_dir=$1 target_dir=$2
mkdir -p "$target_dir"
export CARGO_TARGET_DIR=$target_dir
cd "$source_dir"
exec 9>"$target_dir/.godwit-lock"
flock 9
# --offline fails at once when a crate is missing.
if ! cargo fetch --locked --offline --quiet 2>/dev/null; then
  cargo fetch --locked --quiet
fi
# To cargo all clones of the project are one package, and it tells by time stamps whether what it
# built last is current: without this a clone would be given another clone's library.
sources=$(find Cargo.toml Cargo.lock src hosts -type f -print0 | sort -z | xargs -0 cat | sha256sum)
if [ "$(cat "$target_dir/.godwit-sources" 2>/dev/null)" != "$sources" ]; then
  touch src/lib.rs hosts/src/lib.rs
  echo "$sources" >"$target_dir/.godwit-sources"
fi
case $verb in
--test) exec cargo test --release --locked --offline --workspace --lib ;;
--lint) exec cargo clippy --release --locked --offline --workspace --all-targets -- -D warnings ;;
esac
cargo build --release --locked --quiet --offline
output_dir=$3
mkdir -p "$output_dir"
# Copied only when different, so that an unchanged bridge does not make everything link again.
built=$target_dir/release/libgodwit_wasmtime_bridge.a
cmp -s "$built" "$output_dir/libgodwit_wasmtime_bridge.a" ||
  cp "$built" "$output_dir/libgodwit_wasmtime_bridge.a"
touch "$output_dir/libgodwit_wasmtime_bridge.a"
