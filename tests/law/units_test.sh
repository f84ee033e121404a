#!/usr/bin/env bash
# `systemd-analyze verify` over the units as `meson install` lays them, and the install's own layout.
#
#   units_test.sh BUILD_DIR      runs from meson; installs into a temporary DESTDIR
#
# verify looks for the program that ExecStart names, which the DESTDIR puts elsewhere, so the copy under test names
# the installed program by its place in the DESTDIR. Nothing else in it differs.
set -euo pipefail

build=$1
command -v systemd-analyze >/dev/null || { echo "SKIP units: systemd-analyze is not installed"; exit 77; }

root=$(mktemp -d /tmp/spawnd-units.XXXXXX)
trap 'rm -rf "$root"' EXIT
failed=0
pass() { echo "PASS units: $*"; }
fail() { echo "FAIL units: $*"; failed=1; }

DESTDIR=$root meson install -C "$build" --no-rebuild >"$root/log" 2>&1 || { cat "$root/log"; fail "meson install"; exit 1; }
unit() { find "$root" -path "*/$1" -type f | head -n 1; }
service=$(unit system/spawnd.service) socket=$(unit system/spawnd.socket)

verify() {
  local output
  output=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$@" 2>&1) || { echo "$output"; return 1; }
  # A unit on this machine may be at fault as well; only lines that name ours count, and there may be none.
  ! grep -E "spawnd\.(service|socket)" <<<"$output"
}

program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$service")
mkdir -p "$root/verify"
if [[ -x $root$program ]]; then pass "ExecStart names the installed $program"; else fail "ExecStart: $program is not installed"; fi
sed "s|^ExecStart=|ExecStart=$root|" "$service" >"$root/verify/spawnd.service"
cp "$socket" "$root/verify/"
if verify "$root"/verify/spawnd.{service,socket}; then pass "systemd-analyze verify is clean"; else fail "systemd-analyze verify"; fi

# The check must be able to fail.
sed 's/^Type=notify/Type=notify\nNoSuchOption=1/' "$root/verify/spawnd.service" >"$root/bad.service"
mkdir "$root/bad"; mv "$root/bad.service" "$root/bad/spawnd.service"; cp "$socket" "$root/bad/"
if verify "$root"/bad/spawnd.{service,socket} >/dev/null; then fail "verify accepts a bad unit"; else pass "verify refuses a bad unit"; fi

# docs: a mount namespace of the service's own would outlive it in its keepers.
own_namespace='^(Private(Tmp|Devices|Mounts|Users|IPC)|Protect(System|Home|Kernel|ControlGroups|Proc)[A-Za-z]*|ReadWritePaths|ReadOnlyPaths|InaccessiblePaths|BindPaths|BindReadOnlyPaths|TemporaryFileSystem|RootDirectory|RootImage|MountFlags|DynamicUser)='
if grep -E "$own_namespace" "$service"; then fail "the service has a mount namespace of its own"; else pass "no mount namespace of its own"; fi
if echo 'PrivateTmp=yes' | grep -qE "$own_namespace"; then pass "the namespace check can fail"; else fail "the namespace check cannot fail"; fi

for file in sysusers.d/spawnd.conf tmpfiles.d/spawnd.conf; do
  if [[ -n $(unit "$file") ]]; then pass "installs $file"; else fail "$file is not installed"; fi
done
if systemd-sysusers --dry-run "$(unit sysusers.d/spawnd.conf)" >/dev/null; then pass "sysusers accepts the user"; else fail "sysusers"; fi
exit $failed
