# Packages of a Debian release that is not this machine's, fetched with an apt configuration of its own: one source, signed by the
# archive keyring that this Debian ships. The machine's sources, lists and preferences never see the other release.
# Sourced by packaging/setup and packaging/unpack; not run by itself.
# shellcheck shell=bash

# other_release SUITE FOLDER: sets the array other_release_options for apt-get, after an apt-get update that FOLDER keeps. Fails as
# apt does, with apt's words in FOLDER/log.
other_release() {
  local suite=$1 root=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
  # shellcheck disable=SC2016  # apt expands the fields
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Codename: bookworm' 2>/dev/null | head -n 1)
  mkdir -p "$root"/{lists/partial,archives/partial,empty}
  echo "deb [signed-by=$keyring arch=$(dpkg --print-architecture)] ${mirror:-http://deb.debian.org/debian/} $suite main" \
    >"$root/sources.list"
  : >"$root/status" # no package is installed: whoever asks for what one needs gets all of it
  : >"$root/preferences"
  other_release_options=(-y -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=3
    -o "Dir::Etc::SourceList=$root/sources.list" -o "Dir::Etc::SourceParts=$root/empty"
    -o "Dir::Etc::Preferences=$root/preferences" -o "Dir::Etc::PreferencesParts=$root/empty"
    -o "Dir::State::Lists=$root/lists" -o "Dir::Cache::archives=$root/archives" -o "Dir::Cache::pkgcache="
    -o "Dir::Cache::srcpkgcache=" -o Acquire::Languages=none -o APT::Sandbox::User=root)
  apt-get "${other_release_options[@]}" update >"$root/log" 2>&1
}
