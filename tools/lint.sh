#!/usr/bin/env bash
# The checks that need no run: lint.sh [--all] [--format-only] [--no-tidy] [FILE…]
# clang-tidy is slow, so by default it reads only the C++ files that differ from the merge base with
# main (or, on main itself, that the last ten commits touched; at most GODWIT_TIDY_LIMIT files).
# Every check runs even when an earlier one failed; the exit status tells.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=tools/lib.sh
source "$root/tools/lib.sh"

bridge=src/engines/wasmtime/bridge
build=build/release
all=0 tidy=1 format_only=0 files=()
for argument in "$@"; do
  case $argument in
    --all) all=1 ;;
    --format-only) format_only=1 ;;
    --no-tidy) tidy=0 ;;
    -*) die "There is no option \"$argument\"." "Use --all, --format-only, --no-tidy or files." ;;
    *) files+=("$argument") ;;
  esac
done

failed=()
# check NAME COMMAND…
check() {
  local name=$1 started=$SECONDS
  shift
  if "$@" >&2; then
    say "$name: fine ($((SECONDS - started)) s)"
  else
    failed+=("$name")
    say "$name: FAILED"
  fi
}

cpp_files() { repository_files '*.h' '*.cc' '*.c' ':!examples'; }

format_cpp() { cpp_files | xargs -r clang-format-19 --dry-run -Werror; }

format_rust() {
  if ! cargo fmt --version >/dev/null 2>&1; then
    say "no \`cargo fmt\` here: skipped (rustup component add rustfmt)"
    return 0
  fi
  cargo fmt --all --manifest-path $bridge/Cargo.toml --check
}

changed_files() {
  local base head
  head=$(git rev-parse -q --verify HEAD) || return 0
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null) ||
    base=''
  if [[ -n $base && $base != "$head" ]]; then
    git diff --name-only "$base"
  else
    git log -n 10 --name-only --format=
    git diff --name-only HEAD
  fi
  git ls-files --others --exclude-standard
}

# The .cc files among what is to be looked at; a changed header stands for its .cc, if it has one.
tidy_files() {
  local file
  if ((all)); then
    repository_files 'src/*.cc'
  elif ((${#files[@]})); then
    printf '%s\n' "${files[@]}"
  else
    changed_files
  fi | sed -n 's#^\(\./\)\{0,1\}\(src/.*\)\.\(cc\|h\)$#\2.cc#p' | awk '!seen[$0]++' |
    while IFS= read -r file; do
      # Only what this build compiles has flags to be read with.
      if [[ -f $file ]] && grep -qF "\"$root/$file\"" $build/compile_commands.json; then
        printf '%s\n' "$file"
      fi
    done
}

run_tidy() {
  local list limit=${GODWIT_TIDY_LIMIT:-100000}
  mapfile -t list < <(tidy_files)
  # What is shipped comes before what tests it, since there may be a limit.
  mapfile -t list < <(printf '%s\n' "${list[@]}" |
    awk '/_(test|bench|fuzz)\.cc$/ { tests = tests $0 "\n"; next } NF; END { printf "%s", tests }')
  if ((${#list[@]} > limit)); then
    say "clang-tidy: the first $limit of ${#list[@]} files"
    list=("${list[@]:0:limit}")
  fi
  ((${#list[@]})) || return 0
  say "clang-tidy reads ${#list[@]} files"
  # One process a file, `jobs` at a time; the commands are g++'s, hence the extra argument.
  printf '%s\n' "${list[@]}" |
    xargs -P "$jobs" -n 1 clang-tidy-19 -p $build --quiet --warnings-as-errors='*' \
      --extra-arg=-Wno-unknown-warning-option 2> >(grep -v ' warnings\? generated' >&2 || true)
}

run_shellcheck() {
  if ! have shellcheck; then
    say "no shellcheck here: skipped (apt-get install shellcheck)"
    return 0
  fi
  { repository_files '*.sh' && printf '%s\n' dev .ci/run; } | xargs shellcheck -x
}

run_clippy() {
  if ! cargo clippy --version >/dev/null 2>&1; then
    say "no \`cargo clippy\` here: skipped (rustup component add clippy)"
    return 0
  fi
  tools/build_bridge.sh --lint $bridge "$GODWIT_CACHE_DIR/bridge-target"
}

check clang-format format_cpp
check rustfmt format_rust
if ((!format_only)); then
  check shellcheck run_shellcheck
  check style python3 tests/style/style_test.py
  check include-rule python3 tests/include_rule/include_rule_test.py
  ((!tidy)) || check clang-tidy run_tidy
  check clippy run_clippy
fi
((${#failed[@]} == 0)) ||
  die "Not clean: ${failed[*]}." "\`./dev fmt\` cures formatting; the rest is named above."
