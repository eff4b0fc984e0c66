# shellcheck shell=bash
# build_debian_cgi: a CGI program that nobody here wrote, from its Debian source packages to
# build/third-party/man2html.wasm. Sourced by build_examples.sh, whose variables and functions it
# uses. docs/guides/existing-cgi.md explains what is done here, and why.
#
# The sources come through apt as the machine has it set up, so apt checks the signatures; apt's
# own lists, caches and hooks are left alone, and it needs no root. Other versions than these are
# taken where the machine's Debian has no longer these.

readonly man2html_source='man2html=1.6g-14' # GPL-2+; built for tests, never shipped
readonly zlib_source='zlib=1:1.2.13.dfsg-1'

: "${root:?}" "${work:?}" # of build_examples.sh
debian="$work/debian"
shims="$root/tools/debian_cgi"

# The machine's own sources of packages, once more as sources of source packages. Its settings (a
# proxy, for instance) hold, but not its hooks, which are meant for its own lists.
configure_private_apt() {
  local list='' parts='' file
  eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
  rm -rf "$debian/apt/sources"
  mkdir -p "$debian/apt/"{sources,lists/partial,cache/archives/partial}
  for file in "$list" "$parts"/*.list; do
    [[ ! -f "$file" ]] || sed -n '/cdrom:/d; s/^deb\(-src\)\?\([[:space:]]\)/deb-src\2/p' "$file"
  done | sort -u >"$debian/apt/sources/debian.list"
  for file in "$parts"/*.sources; do
    [[ ! -f "$file" ]] ||
      sed 's/^Types:.*/Types: deb-src/I' "$file" >"$debian/apt/sources/${file##*/}"
  done
  cat >"$debian/apt/apt.conf" <<END
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$debian/apt/sources";
Dir::State::lists "$debian/apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$debian/apt/cache";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
END
}

private_apt() { apt-get -q -c "$debian/apt/apt.conf" "$@"; }

# get_source NAME=VERSION: unpacked, with Debian's patches, in $debian/NAME/source.
get_source() {
  local name="${1%%=*}" folder="$debian/${1%%=*}" partial="$debian/${1%%=*}.partial"
  rm -rf "$folder" "$partial"
  mkdir -p "$partial"
  (cd "$partial" &&
    { private_apt source --only-source "$1" || private_apt source --only-source "$name"; })
  mv "$partial/$name"-*/ "$partial/source"
  sed -n 's/^Version: //p' "$partial/$name"_*.dsc >"$partial/version"
  echo "$1" >"$partial/wanted"
  mv "$partial" "$folder"
}

get_sources() {
  local source wanted=()
  for source in "$man2html_source" "$zlib_source"; do
    [[ "$(cat "$debian/${source%%=*}/wanted" 2>/dev/null)" == "$source" ]] || wanted+=("$source")
  done
  ((${#wanted[@]})) || return 0
  configure_private_apt
  # A source of packages that doesn't answer makes it fail, but may not be the one that counts.
  private_apt update || true
  for source in "${wanted[@]}"; do
    get_source "$source"
  done
}

# compile_man2html OUTPUT: unchanged sources; what they lack is in tools/debian_cgi.
compile_man2html() {
  local objects="$work/man2html" man2html="$debian/man2html/source" zlib="$debian/zlib/source"
  local -a cc=(clang-19 --target=wasm32-wasi -O2 -c) strange=(-w -include "$shims/man2html.h")
  local file
  rm -rf "$objects"
  mkdir -p "$objects"
  for file in man2html.cgi utils; do
    "${cc[@]}" "${strange[@]}" -DMAN_CONFIG='"/etc/manpath.config"' \
      "$man2html/debian/sources/$file.c" -o "$objects/$file.o"
  done
  for file in man2html cgibase abbrev strdefs; do
    "${cc[@]}" "${strange[@]}" -DCONVERTER -DGUNZIP='"gunzip -c"' \
      "$man2html/man2html/$file.c" -o "$objects/converter_$file.o"
  done
  for file in adler32 crc32 inflate inffast inftrees zutil gzlib gzread; do
    "${cc[@]}" -w -DHAVE_UNISTD_H "$zlib/$file.c" -o "$objects/zlib_$file.o"
  done
  "${cc[@]}" -Wall -Wextra -Wpedantic -I"$zlib" "$shims/man2html.c" -o "$objects/processes.o"
  # wasm-ld's own 64 KiB of stack lie where an overflow would run into the data.
  clang-19 --target=wasm32-wasi -s -Wl,-z,stack-size=1048576 -Wl,--stack-first \
    "$objects"/*.o -o "$1"
}

# compile_man2html_reference FOLDER: the same for this machine, to compare with.
compile_man2html_reference() {
  local man2html="$debian/man2html/source"
  mkdir -p "$1"
  cc -w -O2 -include "$shims/rooted.h" -DMAN_CONFIG='"/etc/manpath.config"' \
    "$man2html"/debian/sources/{man2html.cgi,utils}.c -o "$1/cgi"
  cc -w -O2 -include "$shims/rooted.h" -DGUNZIP='"gunzip -c"' \
    "$man2html"/man2html/{man2html,cgibase,abbrev,strdefs}.c -o "$1/man2html"
}

make_man2html() {
  local source="$debian/man2html/source"
  # Out of the package's Makefile.
  sed 's/man-\(.*\)/static char version[] = "\1";/' "$source/version" >"$source/src/version.h"
  compile_man2html "$work/result/man2html.wasm"
  if command -v cc >/dev/null; then
    compile_man2html_reference "$root/build/third-party/man2html.reference"
  fi
}

build_debian_cgi() {
  local name=third-party/man2html output="$root/build/third-party/man2html.wasm" inputs start_ms
  local log="$work/log/man2html.log" stamp="$debian/man2html.stamp" status=0 source version
  inputs="$(cat "$root/tools/build_debian_cgi.sh" "$shims"/*.[ch] | sha256sum)"
  if [[ -f "$output" && "$(cat "$stamp" 2>/dev/null)" == "$inputs" ]]; then
    echo "fresh   $name"
    fresh=$((fresh + 1))
    return
  fi
  ensure c
  if [[ -z "$missing" ]] && { ! command -v apt-get || ! command -v dpkg-source; } >/dev/null; then
    missing='no apt-get or dpkg-source; apt-get install dpkg-dev'
  fi
  if [[ -n "$missing" ]]; then
    show_skipped "$name" "$missing"
    return
  fi
  start_ms="$(now_ms)"
  mkdir -p "$debian" "$root/build/third-party"
  run_strictly get_sources >"$log"
  if ((status != 0)); then
    show_skipped "$name" \
      "apt got no source packages, see ${log#"$root"/}; it needs Debian's package archive"
    return
  fi
  run_strictly make_man2html >>"$log"
  if ((status != 0)); then
    show_failed "$name" "$log"
    return
  fi
  publish "$work/result/man2html.wasm" "$output"
  echo "$inputs" >"$stamp"
  show_built "$name" "$output" "$start_ms"
  for source in "$man2html_source" "$zlib_source"; do
    version="$(<"$debian/${source%%=*}/version")"
    if [[ "$version" != "${source#*=}" ]]; then
      echo "note    $name: made of ${source%%=*} $version; apt has no ${source#*=} any more"
    fi
  done
}
