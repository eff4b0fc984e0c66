# shellcheck shell=bash
# What ./dev and its helpers share: saying what happens, long commands with a log and progress,
# failing with a sentence. Sourced; the caller has set `root` (the repository) and `set -euo
# pipefail`.

log_dir=${root:?}/build/log
export GODWIT_CACHE_DIR=${GODWIT_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/godwit}
# So that clones in different places share what ccache has kept.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
export jobs=${GODWIT_JOBS:-$(nproc)}

say() { printf '== %s\n' "$*" >&2; }

# die SENTENCE [HINT]: ends the command; both are whole sentences.
die() {
  trap - ERR
  printf 'dev: error: %s\n' "$1" >&2
  [[ -z ${2-} ]] || printf '  hint: %s\n' "$2" >&2
  exit 1
}

# Whatever was not foreseen still ends with a sentence that says where to look.
on_unforeseen_error() {
  local status=$1 line=$2 command=$3 source=${BASH_SOURCE[1]-dev}
  die "\`$command\` failed with status $status (${source##*/}, line $line)." \
    "Logs of what ran are in $log_dir; run \`bash -x ./dev …\` to see each step."
}
set -E
# A long step is a process group of its own; it ends with this script.
running_group=''
trap '[[ -z $running_group ]] || kill -- "-$running_group" 2>/dev/null; exit 130' INT TERM
trap 'on_unforeseen_error $? $LINENO "$BASH_COMMAND"' ERR

have() { command -v "$1" >/dev/null 2>&1; }

# The last thing that a log says about progress: ninja's `[12/345] …`, else its last line.
progress_of() {
  local line crates=''
  line=$(grep -a '^\[[0-9]*/[0-9]*\]' "$1" | tail -n 1 | cut -c1-72 || true)
  [[ -n $line ]] || line=$(grep -av '^[[:space:]]*$' "$1" | tail -n 1 | cut -c1-72 || true)
  if [[ -n ${engine_crates-} ]]; then
    local built
    built=$(find "$GODWIT_CACHE_DIR/bridge-target/release/deps" -name '*.d' 2>/dev/null | wc -l)
    crates=" (engine: $built of about $engine_crates crates)"
  fi
  printf '%s%s' "$line" "$crates"
}

# run_logged NAME COMMAND…: runs it with all output in build/log/NAME.log, tells how it goes (a
# moving line on a terminal, a line every half minute elsewhere), and fails with the log's end.
run_logged() {
  local name=$1 log=$log_dir/$1.log started=$SECONDS told=$SECONDS pid status=0 elapsed
  shift
  mkdir -p "$log_dir"
  # Its failure is told below, with the log.
  set -m
  (trap - ERR && "$@") >"$log" 2>&1 </dev/null &
  set +m
  pid=$!
  running_group=$pid
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    elapsed=$(printf '%d:%02d' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)))
    if [[ -t 2 ]]; then
      printf '\r\033[K   %s  %s' "$elapsed" "$(progress_of "$log")" >&2
    elif ((SECONDS - told >= 30)); then
      told=$SECONDS
      printf '   %s  %s\n' "$elapsed" "$(progress_of "$log")" >&2
    fi
  done
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
  wait "$pid" || status=$?
  running_group=''
  ((status == 0)) && return 0
  tail -n 40 "$log" >&2
  die "The step \"$name\" failed (status $status); the end of its output is above." \
    "The whole output is in ${log#"$root"/}; correct the cause and run the same command again."
}

# The files of the repository: tracked, and new ones that are not ignored.
# `safe.directory`: a clone that another user made is read all the same; nothing of it is run.
repository_files() {
  git -C "$root" -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" |
    sort -u | while IFS= read -r file; do
    [[ ! -f $root/$file ]] || printf '%s\n' "$file"
  done
}
