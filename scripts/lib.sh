# Shared by the scripts in this folder; to be sourced. Installs only what is missing, so that a second run takes seconds.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

fail() {
  echo "$*" >&2
  exit 1
}

step_number=0
# step OF TEXT: tells how far we are.
step() {
  local of=$1
  shift
  step_number=$((step_number + 1))
  echo "== $step_number/$of $*"
}

# missing_packages GROUP...: the packages of these groups that are not installed.
missing_packages() {
  local group package command
  while read -r group package command; do
    [[ " $* " == *" $group "* ]] || continue
    if [[ -n $command ]] && command -v "$command" >/dev/null; then continue; fi
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || echo "$package"
  done < <(grep -v '^#' scripts/packages.txt) | sort -u
}

# need GROUP...: installs what is missing of these groups.
need() {
  command -v dpkg-query apt-get >/dev/null ||
    fail "This is no Debian: install what scripts/packages.txt lists for '$*', then build as README.md says."
  local -a missing apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3)
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  # A machine of a CI is thrown away after a power cut: there dpkg need not wait for the disk: one minute instead of six.
  if [[ ${CI:-} == true ]]; then apt+=(-o Dpkg::Options::=--force-unsafe-io); fi
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "These packages are missing, and there is no sudo. As root: apt-get install ${missing[*]}"
    apt=(sudo "${apt[@]}")
  fi
  echo "installing ${missing[*]}"
  # An old list may still do: whether it does, the installation finds out.
  "${apt[@]}" update >/dev/null || echo "apt-get update failed; trying with the old package lists" >&2
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}"
}

# need_programs: gets the programs of the group `program` into build/programs, where they are not in the PATH.
need_programs() {
  local group package program directory
  while read -r group package program; do
    [[ $group == program ]] || continue
    if command -v "$program" >/dev/null || [[ -x build/programs/$program ]]; then continue; fi
    echo "getting $program out of $package"
    directory=$(mktemp -d)
    # The package lists may be old, or not there at all.
    download_package "$package" "$directory" 2>/dev/null ||
      { as_root apt-get -q update >/dev/null && download_package "$package" "$directory"; } ||
      fail "apt-get could not download $package"
    mkdir -p build/programs
    dpkg-deb --fsys-tarfile "$directory"/*.deb | tar -x -C "$directory" "./usr/bin/$program"
    mv "$directory/usr/bin/$program" build/programs/  # whole, or not there
    rm -r "$directory"
  done < <(grep -v '^#' scripts/packages.txt)
}

# download_package PACKAGE DIRECTORY: (apt-get's own user could not write there)
download_package() {
  (cd "$2" && apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$1" >/dev/null)
}

# as_root COMMAND...
as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# build PRESET [TARGET]...: configures and builds into build/PRESET.
build() {
  local preset=$1
  shift
  cmake --preset "$preset" --log-level=WARNING >/dev/null
  cmake --build --preset "$preset" ${1:+--target "$@"}
}
