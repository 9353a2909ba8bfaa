# What ./run and ./test share; sourced, with $root set to the repository. Everything here says what it does
# on stderr, and does nothing where nothing is to be done.

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

build_dir=$root/build/release

# Runs a command as root: directly, or by sudo where that exists.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root, and there is no sudo; run as root: $*"
  fi
}

available() { [ -n "$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(].*\)$/\1/p')" ]; }

# Lines of package lists without comments: one package or "a | b" each. "[ARCH]" at the end: on that one only.
package_lines() {
  local arch
  arch=$(dpkg --print-architecture 2>/dev/null || uname -m)
  sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e "s/ \\[$arch\\]\$//" -e '/\]$/d' -e '/^$/d' "$@"
}

# The lines of which no alternative is installed.
missing_lines() {
  local line name
  local -A here=()
  while read -r name; do here[$name]=1; done < <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
  package_lines "$@" | while read -r line; do
    for name in ${line//|/ }; do [ -z "${here[$name]:-}" ] || continue 2; done
    printf '%s\n' "$line"
  done
}

# Installs what the package lists name and the machine lacks, in one apt-get call.
ensure_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "This is not a Debian-like system: install the counterparts of these packages yourself:"
    say "$(package_lines "$@" | tr '\n' ' ')"
    return
  fi
  local missing names=() line name chosen
  missing=$(missing_lines "$@")
  [ -n "$missing" ] || return 0
  say "Packages to install: $(printf '%s' "$missing" | tr '\n' ',' | sed 's/,/, /g')"
  [ "$(id -u)" = 0 ] || say "apt-get needs root: sudo may ask for your password."
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 update >&2 ||
    die "apt-get update failed; see above"
  while read -r line; do
    chosen=
    for name in ${line//|/ }; do
      if available "$name"; then chosen=$name; break; fi
    done
    [ -n "$chosen" ] || die "this distribution carries none of: $line (Debian 12 and Ubuntu 24.04 do)"
    names+=("$chosen")
  done <<<"$missing"
  # --no-remove: a package that would push out one of yours is your decision, not ours.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
    --no-install-recommends --no-remove install "${names[@]}" >&2 ||
    die "apt-get could not install: ${names[*]}; see above"
}

# Compile jobs: one per CPU that this process may use, and 1.3 GB of memory for each.
jobs() {
  local cpus memory
  cpus=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1300000)}' /proc/meminfo)
  [ "${memory:-1}" -ge 1 ] || memory=1
  echo $((cpus < memory ? cpus : memory))
}

# build TESTS [TARGET...]: configures where needed (TESTS is ON or OFF; ON stays on) and builds.
build() {
  local tests=$1 cache=$build_dir/CMakeCache.txt
  shift
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    say "The build folder belongs to another place: starting it anew"
    rm -rf "$build_dir"
  fi
  if [ ! -f "$build_dir/build.ninja" ] || { [ "$tests" = ON ] && ! grep -qx 'PINGTI_TESTS:BOOL=ON' "$cache"; }; then
    say "Configuring a release build in build/release"
    (cd "$root" && cmake --preset release -DPINGTI_TESTS="$tests" >&2) || die "cmake failed; see above"
  fi
  if [ ! -x "$build_dir/src/cli/pingti" ]; then say "Building with $(jobs) jobs: some minutes the first time"; fi
  ninja -C "$build_dir" -j "$(jobs)" "$@" >&2 || die "the build failed; see above"
}

# Fetches the default model unless it is there; prints its path.
fetch_model() {
  export PINGTI_MODELS=${PINGTI_MODELS:-$root/models}
  "$build_dir/src/cli/pingti" pull smollm2-135m || die "the default model could not be fetched; see above"
}
