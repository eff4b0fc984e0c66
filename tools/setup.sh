# shellcheck shell=bash
# Installs what is missing on a Debian 12 machine, by package name, and finds a cargo. Sourced by
# ./dev. Nothing is asked of apt when everything is there.

packages_build=(g++ cmake ninja-build ccache pkg-config git python3 curl ca-certificates
  libcurl4-openssl-dev
  libboost1.81-dev node-llhttp libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libfmt-dev
  libexpected-dev libssl-dev libseccomp-dev libgtest-dev libgmock-dev libbenchmark-dev
  librapidcheck-dev)
packages_guests=(clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 libc++-19-dev-wasm32
  libc++abi-19-dev-wasm32 wabt binaryen dpkg-dev)
packages_lint=(clang-format-19 clang-tidy-19 shellcheck)
packages_fuzz=(clang-19 libclang-rt-19-dev)
packages_bench=(wrk strace)
packages_package=(dpkg-dev file)

# Debian's promtool, which checks our metrics. Its package would start a Prometheus server on every
# interface: only the tool is taken out of it.
package_promtool=prometheus

cargo_minimum=1.95

missing_packages() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == 'install ok installed' ]] ||
      printf '%s\n' "$package"
  done
}

# as_root COMMAND…: apt needs root; a developer's machine has sudo.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif have sudo; then
    sudo -- "$@"
  else
    die "Packages must be installed, but this user is not root and there is no sudo." \
      "Run as root: apt-get install --no-install-recommends ${missing[*]-}"
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

# install_packages NAME…: only those that are missing.
install_packages() {
  local missing
  have dpkg-query || die "This is not a Debian machine: there is no dpkg-query." \
    "Use Debian 12, or install the packages named in tools/setup.sh by your system's means."
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  # Asked for here, since a background command has no terminal to read a password from.
  ((EUID == 0)) || ! have sudo || sudo -v
  run_logged apt-update apt update
  run_logged apt-install apt install --no-install-recommends "${missing[@]}"
}

# version_at_least HAVE WANTED
version_at_least() {
  [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

# cargo_version FILE: nothing when there is no such cargo.
cargo_version() {
  local name version rest
  read -r name version rest < <("$1" --version 2>/dev/null || true) || true
  [[ $name != cargo ]] || printf '%s' "$version"
}

use_cargo_of() {
  PATH=$1:$PATH
  export PATH
}

# A cargo on the PATH serves when it is new enough; then rustup's usual place; then Debian's
# `cargo-web` (the security archive keeps it current for the browsers' sake).
setup_cargo() {
  local found version=''
  for found in "$(command -v cargo || true)" "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin/cargo"; do
    [[ -x $found ]] || continue
    version=$(cargo_version "$found")
    if [[ -n $version ]] && version_at_least "$version" $cargo_minimum; then
      use_cargo_of "${found%/*}"
      return 0
    fi
  done
  install_packages cargo-web rustc-web
  version=$(cargo_version /usr/bin/cargo)
  if [[ -n $version ]] && version_at_least "$version" $cargo_minimum; then
    use_cargo_of /usr/bin
    return 0
  fi
  die "The Wasmtime bridge needs cargo $cargo_minimum or newer; Debian's is ${version:-missing}." \
    "Add the bookworm-security archive to apt, or install Rust with rustup, then run this again."
}

# For guests in Rust: tests look for these targets when a build is configured. Without them the
# guests are missing, and nothing else.
setup_rust_targets() {
  local target
  have rustup && have rustc || return 0
  for target in wasm32-wasip1 wasm32-wasip2; do
    ! compgen -G "$(rustc --print target-libdir --target $target 2>/dev/null)/libstd-*" \
      >/dev/null || continue
    say "Getting Rust's target $target"
    rustup target add $target >/dev/null 2>&1 ||
      say "It could not be had: guests that need it are skipped (rustup target add $target)."
  done
}

setup_build() {
  local packages=("${packages_build[@]}" "${packages_guests[@]}")
  # The header of the bridge is generated where the bridge has a configuration for it.
  [[ ! -f ${root:?}/src/engines/wasmtime/bridge/cbindgen.toml ]] || packages+=(cbindgen)
  install_packages "${packages[@]}"
  setup_cargo
  setup_rust_targets
}

# On the PATH, or in build/tools, where tests look as well.
setup_promtool() {
  local target=${root:?}/build/tools folder
  ! have promtool && [[ ! -x $target/promtool ]] || return 0
  say "Fetching promtool (out of Debian's package $package_promtool)"
  folder=$(mktemp -d)
  mkdir -p "$target" "${log_dir:?}"
  # A list of packages that is out of date names a file that is gone.
  if fetch_promtool "$folder" || { apt update >/dev/null 2>&1 && fetch_promtool "$folder"; }; then
    install -m 755 "$folder/usr/bin/promtool" "$target/promtool"
  else
    say "There is no promtool: the test that checks the metrics with it will be skipped." \
      "Install Debian's package $package_promtool to have it run."
  fi
  rm -rf "$folder"
}
fetch_promtool() {
  local folder=$1
  (cd "$folder" && apt-get -q download "$package_promtool" &&
    dpkg-deb --fsys-tarfile "$package_promtool"_*.deb | tar -x ./usr/bin/promtool) \
    >"$log_dir/promtool.log" 2>&1
}
setup_test() {
  setup_build
  setup_promtool
}
setup_lint() { install_packages "${packages_lint[@]}"; }
setup_fuzz() { install_packages "${packages_fuzz[@]}"; }
setup_bench() { install_packages "${packages_bench[@]}"; }
setup_package() { install_packages "${packages_package[@]}"; }
