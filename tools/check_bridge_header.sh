#!/usr/bin/env bash
# Fails when src/engines/wasmtime/bridge/include/godwit_bridge.h is not what cbindgen makes of the
# Rust sources; with --write it makes the header anew. Needs Debian's cbindgen (0.24); exit 77
# (skipped) without it.
set -euo pipefail
bridge=$(dirname "$(dirname "$(readlink -f "$0")")")/src/engines/wasmtime/bridge
header=$bridge/include/godwit_bridge.h
if ! command -v cbindgen >/dev/null; then
  echo "cbindgen is missing: apt-get install cbindgen" >&2
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# cbindgen reads one file: the three that make up the ABI, without inner comments, imports, tests.
sed -s -e '/^#\[cfg(test)\]/,$d' -e '/^\/\/!/d' -e '/^use /d' -e '/^pub use /d' \
  -e '/^impl /,/^}/d' \
  "$bridge/hosts/src/types.rs" "$bridge/src/types.rs" "$bridge/src/abi.rs" >"$work/godwit_bridge.rs"
cbindgen --quiet --config "$bridge/cbindgen.toml" --output "$work/godwit_bridge.h" \
  "$work/godwit_bridge.rs"
if [ "${1-}" = --write ]; then
  mkdir -p "$bridge/include"
  cp "$work/godwit_bridge.h" "$header"
elif ! diff -u "$header" "$work/godwit_bridge.h"; then
  echo "the header is stale: run tools/check_bridge_header.sh --write" >&2
  exit 1
fi
