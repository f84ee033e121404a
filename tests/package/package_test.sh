#!/usr/bin/env bash
# The Debian packages as a user gets them: lintian, what is in them, and in a bare Debian (a chroot without anything but apt) the
# way from `apt install` to the first row, removal, a second installation, purge. What systemd does with them is
# tests/machine's.
#
#   tests/package/package_test.sh [CASE...]
#
# Builds them first (packaging/deb, which knows when it has nothing to do), as quickly as it goes; with SPAWND_TEST_LONG as users
# get them, and twice, to see that both are equal. A folder with packages can be named as SPAWND_PACKAGES, another release than
# bookworm as SPAWND_PACKAGE_RELEASE.
# PASS and FAIL lines, as tests/support/summary.py counts them. As root; needs mmdebstrap, lintian and the network.
set -uo pipefail
shopt -s inherit_errexit

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [[ -z ${SPAWND_CONTAINED:-} ]]; then
  SPAWND_CONTAINED=1 exec python3 "$repo/tests/support/contain.py" package bash "$0" "$@"
fi
if (( EUID != 0 )); then echo "SKIP package: needs root for a chroot"; exit 77; fi
for program in mmdebstrap lintian dh; do
  command -v $program >/dev/null || { echo "SKIP package: $program is not installed, ./dev setup does"; exit 77; }
done
export LC_ALL=C.UTF-8
release=${SPAWND_PACKAGE_RELEASE:-bookworm}
packages=${SPAWND_PACKAGES:-$repo/packages/$release}
work=$(mktemp -d /var/tmp/spawnd-package-test.XXXXXX)
root=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT

fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }
assert_eq() { [[ $1 == "$2" ]] || fail "$3: expected '$2', got '$1'"; }
assert_contains() { [[ $1 == *"$2"* ]] || fail "$3: expected '$2' in '$1'"; }

# inside SCRIPT: in the bare Debian, with processes and mounts of its own that end with the script.
inside() {
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child --propagation private bash -euc '
    root=$1
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cd "$root"
    mkdir -p outside
    pivot_root . outside
    umount -l /outside
    export HOME=/root DEBIAN_FRONTEND=noninteractive
    exec bash -euc "$2"' - "$root" "$helpers"$'\n'"$1" </dev/null
}
# What scripts inside may use.
# shellcheck disable=SC2016
helpers='
start_daemon() {
  spawnd serve >>/var/log/spawnd.log 2>&1 &
  daemon=$!
  for i in $(seq 600); do spawnctl version >/dev/null 2>&1 && return; sleep 0.1; done
  cat /var/log/spawnd.log >&2; return 1
}
stop_daemon() { kill "$daemon"; wait "$daemon" || true; }
sql() { timeout 60 spawnctl connect "$1" -- -XAtqc "$2"; }
# processes PATTERN: by name; there is no pgrep here.
processes() {
  local file name
  for file in /proc/[0-9]*/comm; do read -r name 2>/dev/null <$file || continue; [[ ! $name =~ ^($1) ]] || echo "$name $file"; done
}
left() { processes "spawnd|keeper|postgres"; grep spawnd /proc/mounts || true; }
'

contents() { dpkg-deb -c "$packages/$1"_*.deb | awk '{print substr($1, 1, 10), $2, $6}' | grep -v '/$' | sed -e 's|\./|/|' -e 's| /lib/| /usr/lib/|' | sort -k 3; }
field() { dpkg-deb -f "$packages/$1"_*.deb "$2"; }

case_lintian() {
  lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$packages"/spawnd_*.changes || fail "lintian complains"
}

# Each file by name: a new one is meant, or it is a mistake.
case_contents() {
  diff <(contents spawnd) "$repo/tests/package/spawnd.contents" >&2 || fail "spawnd has other files than tests/package/spawnd.contents"
  diff <(contents spawnctl) "$repo/tests/package/spawnctl.contents" >&2 || fail "spawnctl has other files than tests/package/spawnctl.contents"
  local package
  for package in spawnd spawnctl; do
    [[ -n $(field $package-dbgsym Build-Ids) ]] || fail "no debug symbols for $package"
    # Debconf asks nothing.
    ! dpkg-deb -I "$packages/$package"_*.deb | grep -qE ' (templates|config) ' || fail "$package asks questions"
  done
}

case_depends_on_little() {
  assert_eq "$(field spawnctl Depends | tr ',' '\n' | sed 's/ (.*//; s/ //g' | paste -sd' ')" "libc6" "what spawnctl needs"
  assert_contains "$(field spawnd Depends)" "libssl3" "what spawnd needs"
  [[ $release != bookworm || $(field spawnd Depends) != *llhttp* ]] || fail "spawnd needs llhttp, which $release does not have"
  [[ $(field spawnd Depends) != *postgres* ]] || fail "spawnd depends on an engine"
  assert_contains "$(field spawnd Recommends)" "postgresql-15" "what spawnd recommends"
}

# In a folder that has nothing else.
case_static_client() {
  mkdir "$work/nothing"
  cp "$packages/spawnctl-static" "$work/nothing/"
  assert_contains "$(chroot "$work/nothing" /spawnctl-static version 2>&1 || true)" "Client: $(field spawnctl Version | cut -d - -f 1)" "what it says"
}

# The longest: what is timed is what a user waits for.
case_from_apt_to_the_first_row() {
  local start=$SECONDS bare=$repo/build-deb/$release-bare.tar
  # Kept for a day.
  if [[ -z $(find "$bare" -mmin -1440 2>/dev/null) ]]; then
    mkdir -p "$(dirname "$bare")"
    mmdebstrap --quiet --variant=minbase $release "$bare-new.tar" "${mirror:-http://deb.debian.org/debian}" || fail "no bare Debian"
    mv "$bare-new.tar" "$bare"
  fi
  mkdir "$root"
  tar -C "$root" --exclude='./dev/*' -xf "$bare"
  echo "  a bare Debian: $((SECONDS - start)) s"
  mkdir "$root/packages"
  cp "$packages"/spawnd_*.deb "$packages"/spawnctl_*.deb "$root/packages/"
  inside '
    apt-get -q update >/var/log/update.log 2>&1 || { cat /var/log/update.log; exit 1; }
    start=$EPOCHREALTIME
    apt-get install -q -y /packages/spawnd_*.deb /packages/spawnctl_*.deb >/var/log/install.log 2>&1 || { cat /var/log/install.log; exit 1; }
    installed=$EPOCHREALTIME
    getent group spawn && getent passwd spawnd
    # Nobody starts services here; on a machine systemd has by now.
    test -L /etc/systemd/system/multi-user.target.wants/spawnd.service
    test -L /etc/systemd/system/sockets.target.wants/spawnd.socket
    start_daemon
    row=$(spawnctl run --image postgres-empty -- psql -X -A -t -c "select 1")
    end=$EPOCHREALTIME
    test "$row" = 1
    awk "BEGIN {printf \"  apt install: %.1f s; from there to the first row: %.1f s\n\", $installed - $start, $end - $installed}"
    awk "BEGIN {exit !($end - $start < '"${SPAWND_TEST_FIRST_ROW_SECONDS:-60}"')}" || { echo "it took too long" >&2; exit 1; }
    stop_daemon
  '
}

case_remove_keeps_data() {
  inside '
    start_daemon
    spawnctl create data-container -q --image postgres-empty --name kept
    sql kept "create table t as select 42 as answer"
    test -n "$(processes postgres)"
    # Not while somebody serves who is not systemd.
    ! apt-get remove -q -y spawnd >/var/log/refused.log 2>&1
    grep -q "stop what serves /var/lib/spawnd first" /var/log/refused.log
    test "$(sql kept "select answer from t")" = 42
    stop_daemon
    test -n "$(processes postgres)"
    apt-get remove -q -y spawnd >/var/log/remove.log 2>&1 || { cat /var/log/remove.log; exit 1; }
    cat /var/log/remove.log | grep -A 3 "kept until"
    grep -q "container kept of root, from postgres-empty, running: " /var/log/remove.log
    test -z "$(left)" || { left; exit 1; }
    test -e /var/lib/spawnd/catalog.db
    test ! -e /usr/bin/spawnd
  '
}

case_install_again_finds_the_data() {
  inside '
    apt-get install -q -y --no-install-recommends /packages/spawnd_*.deb >/var/log/again.log 2>&1 || { cat /var/log/again.log; exit 1; }
    start_daemon
    for i in $(seq 300); do test "$(sql kept "select answer from t" 2>/dev/null)" = 42 && break; sleep 0.1; done
    test "$(sql kept "select answer from t")" = 42
    stop_daemon
  '
}

case_purge_says_what_it_removes() {
  inside '
    # Its processes ended with the machine that they ran on.
    start_daemon
    for i in $(seq 300); do sql kept "select 1" >/dev/null 2>&1 && break; sleep 0.1; done
    stop_daemon
    mkdir -p /etc/spawnd && echo "volumeSize: 1GiB" >/etc/spawnd/spawnd.yaml
    apt-get purge -q -y spawnd spawnctl >/var/log/purge.log 2>&1 || { cat /var/log/purge.log; exit 1; }
    grep -A 3 "removing all data" /var/log/purge.log
    grep -q "container kept of root" /var/log/purge.log
    test -z "$(left)" || { left; exit 1; }
    for path in /var/lib/spawnd /etc/spawnd /run/spawnd /usr/bin/spawnd /usr/bin/spawnctl; do test ! -e $path || { ls -lR $path; exit 1; }; done
    dpkg-query -W spawnd spawnctl 2>/dev/null | grep . && exit 1 || true
    # The server that apt brought is the user'"'"'s from here on.
    ls /usr/lib/postgresql/*/bin/postgres
  '
}

# Where the packages were, so that its libraries are there.
case_tarball() {
  rm -rf "$root/packages"
  mkdir "$root/packages"
  tar -C "$root/packages" -xf "$packages"/spawnd-*.tar.xz
  inside '
    cd /packages/spawnd-*
    ./install
    for file in /etc/systemd/system/spawnd.service /etc/udev/rules.d/59-spawnd.rules /etc/sysusers.d/spawnd.conf \
      /usr/local/bin/spawnctl /usr/local/share/man/man8/spawnd.8.gz; do test -e $file || { echo "no $file"; exit 1; }; done
    grep -q "^ExecStart=/usr/local/bin/spawnd serve" /etc/systemd/system/spawnd.service
    mkdir -p /run/spawnd
    start_daemon
    test "$(spawnctl-static run --image postgres-empty -- psql -X -A -t -c "select 1" 2>/dev/null)" = 1
    stop_daemon
    ./install --remove
    test -e /var/lib/spawnd/catalog.db
    ! find /usr/local /etc -name "*spawn*" ! -type d ! -path "/etc/*/*.wants/*" | grep . || exit 1
    rm -r /var/lib/spawnd
  '
}

cases=("$@")
(( ${#cases[@]} )) || mapfile -t cases < <(sed -n 's/^case_\([a-z_]*\)() {$/\1/p' "$0")
start=$SECONDS
options=(--quick)
(( ! ${SPAWND_TEST_LONG:-0} )) || options=(--check)
[[ -n ${SPAWND_PACKAGES:-} ]] || "$repo/packaging/deb" --release "$release" --no-lint --tarball "${options[@]}" || { echo "FAIL package: it is not built"; exit 1; }
echo "  built after $((SECONDS - start)) s"
# shellcheck disable=SC2016  # apt expands the fields
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' "Codename: bookworm" 2>/dev/null | head -n 1)
failed=0
for name in "${cases[@]}"; do
  start=$SECONDS
  (set -e; "case_$name") >"$work/log" 2>&1
  if (( $? == 0 )); then  # not as a condition, where set -e would not count
    echo "PASS package: $name ($((SECONDS - start)) s)"
    grep '^  ' "$work/log" || true
  else
    echo "FAIL package: $name"
    tail -n 60 "$work/log"
    failed=1
  fi
done
exit $failed
