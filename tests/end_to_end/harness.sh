# Sourced by every end-to-end test: an isolated daemon in a temporary folder, assertions, a clean-up that checks.
#
#   source "$(dirname "$0")/harness.sh"
#   case_first_thing() { ...; }                  # a case is a function case_*; `set -e` holds inside
#   run_cases "$@"                               # all, in order of definition, or those named
#
# Prints `PASS|FAIL|SKIP file: case` lines, which tests/support/summary.py counts. The whole file runs under
# tests/support/contain.py, which fails it when a process, mount or loop device is left. Cases share the file's
# daemon and run one after the other, each in a subshell, so what they tell each other goes through $work.
# shellcheck shell=bash
set -uo pipefail
shopt -s inherit_errexit

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
suite=$(basename "$0" _test.sh)
if [[ -z ${SPAWND_CONTAINED:-} ]]; then
  SPAWND_CONTAINED=1 exec python3 "$repo/tests/support/contain.py" "$suite" bash "$0" "$@"
fi
unset SPAWND_CONTAINED
contained_by=$PPID

build=${SPAWND_BUILD:-$repo/build}
spawnd=$build/daemon/spawnd
ctl_program=$build/client/spawnctl
export LC_ALL=C.UTF-8 PATH=/usr/lib/postgresql/15/bin:$PATH

if (( EUID != 0 )); then echo "SKIP $suite: needs root for FUSE, loop devices and mounts"; exit 77; fi
if [[ ! -x $spawnd || ! -x $ctl_program ]]; then echo "FAIL $suite: build first, $spawnd or $ctl_program is missing"; exit 1; fi

# 0711: other users pass through to the socket and to files that are meant for them.
work=$(mktemp -d "${TMPDIR:-/tmp}/spawnd-e2e-$suite.XXXXXX")
chmod 0711 "$work"
state=$work/state
socket=$work/spawnd.sock
export SPAWNCTL_API_ENDPOINT=unix://$socket
unset SPAWNCTL_ACCESS_TOKEN
mkdir -p "$work/files"; chmod 0755 "$work/files"
cp "$ctl_program" "$work/spawnctl"  # where every user of the machine can run it
ctl() { "$work/spawnctl" "$@"; }

# A hundred ports that no other run on this machine has.
first_port=$SPAWND_TEST_PORTS

# --- assertions ------------------------------------------------------------------------------------------------

fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }
note() { printf '  %s\n' "$*" >&2; }
# Ends the case as skipped, with the reason.
skip() { printf '%s' "$*" >"$work/skip"; exit 77; }

assert_eq() { [[ $1 == "$2" ]] || fail "${3:-values differ}: expected '$2', got '$1'"; }
assert_contains() { [[ $1 == *"$2"* ]] || fail "${3:-text}: expected '$2' in '$1'"; }
assert_lacks() { [[ $1 != *"$2"* ]] || fail "${3:-text}: unexpected '$2' in '$1'"; }
assert_matches() { [[ $1 =~ $2 ]] || fail "${3:-text}: '$1' does not match $2"; }

# assert_exit CODE COMMAND...: its output is in $out and $err afterwards.
assert_exit() {
  local expected=$1 code=0; shift
  "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
  out=$(<"$work/out") err=$(<"$work/err")
  (( code == expected )) || fail "exit code $code, expected $expected: $*
  stdout: $out
  stderr: $err"
}

# A user's error: exit code, one line that has the words, at most a hint line after it, nothing on stdout. Warnings
# and notes of a build may stand before it.
# assert_error CODE WORDS... -- COMMAND...
assert_error() {
  local code=$1 words=(); shift
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  assert_exit "$code" "$@"
  local word lines
  for word in "${words[@]}"; do assert_contains "${err,,}" "${word,,}" "error of '$*'"; done
  lines=$(grep -cvE '^(warning|note): ' <<<"$err") || true
  (( lines >= 1 && lines <= 2 )) || fail "an error is one line and a hint, this has $lines: $err"
  assert_eq "$out" "" "stdout of a failed command"
}

# wait_until SECONDS COMMAND...: tries until it succeeds. No test sleeps for a fixed time to see something happen.
wait_until() {
  local deadline=$((SECONDS + $1)); shift
  until "$@"; do
    (( SECONDS < deadline )) || fail "not within the time: $*"
    sleep 0.02
  done
}

# --- the daemon ------------------------------------------------------------------------------------------------

# Which servers there are is the tests' own choice, whatever else this machine has: Debian's packages, what `./dev setup`
# brought, and SPAWND_ENGINE_PATH. usual_places=true adds what else is installed.
# Nothing is started that a test has not asked for. How full the machine's own disk is must not matter; a test of that sets disk_limits= for what is the default.
write_config() {
  cat >"$work/spawnd.yaml" <<END
engineSearchPaths: [/usr, /usr/lib/postgresql, $repo/.deps/postgresql, $repo/.deps/redis, $repo/.deps/unpacked${SPAWND_ENGINE_PATH:+, ${SPAWND_ENGINE_PATH//:/, }}]
engineUsualPlaces: ${usual_places:-false}
portRange: ${1:-$first_port-$((first_port + 99))}
engineUser: spawnd
defaultWarm: 0
${disk_limits-diskWarnPercent: 100
diskRefusePercent: 100}
END
}

daemon_pid() { cat "$work/daemon.pid"; }
daemon_answers() { ctl auth >/dev/null 2>&1; }
# A zombie is gone: it holds nothing any more, and who collects it is the parent's affair.
process_gone() { [[ ! -r /proc/$1/stat || $({ sed 's/.*) //' "/proc/$1/stat"; } 2>/dev/null) == [ZX]* ]]; }
daemon_ready() {
  daemon_answers && return 0
  process_gone "$(daemon_pid)" && { tail -n 20 "$work/daemon.log" >&2; fail "the daemon ended"; }
  return 1
}

start_daemon() {
  "$spawnd" serve --state-dir "$state" --socket "$socket" --config "$work/spawnd.yaml" "$@" \
    >>"$work/daemon.log" 2>&1 </dev/null &
  echo $! >"$work/daemon.pid"
  disown  # or bash announces its death
  wait_until 20 daemon_ready
}

# As start_daemon, after a reboot of the machine as far as the store can tell: with another boot's id. Whatever this
# daemon starts sees that, too; containers of the last one must have ended.
start_daemon_after_reboot() {
  cat /proc/sys/kernel/random/uuid >"$work/boot_id"
  printf '#!/bin/sh\nmount --bind %q /proc/sys/kernel/random/boot_id && exec %q "$@"\n' "$work/boot_id" "$spawnd" >"$work/rebooted"
  chmod 0755 "$work/rebooted"
  local spawnd=$work/with-boot-id
  printf '#!/bin/sh\nexec unshare --mount --propagation private %q "$@"\n' "$work/rebooted" >"$spawnd"
  chmod 0755 "$spawnd"
  start_daemon "$@"
}

# SIGKILL, and returns once it is gone. Its containers go on.
kill_daemon() { kill -9 "$(daemon_pid)"; wait_until 10 process_gone "$(daemon_pid)"; }
# A clean end. Its containers go on all the same.
stop_daemon() { kill -TERM "$(daemon_pid)"; wait_until 20 process_gone "$(daemon_pid)"; }

lines_of_log() { wc -l <"$work/daemon.log"; }
said_since() { tail -n "+$(($1 + 1))" "$work/daemon.log" | grep -qF "$2"; }
# reload WORDS: has the daemon read its configuration again, and waits until its log has the words.
reload() {
  local before; before=$(lines_of_log)
  kill -HUP "$(daemon_pid)"
  wait_until 10 said_since "$before" "$1"
}

# small_disk SIZE: a file system of its own for the state directory, at $work/disk. Goes with the test.
small_disk() {
  mkdir "$work/disk"
  truncate -s "$1" "$work/disk.img"
  if ! mkfs.ext4 -q "$work/disk.img" || ! mount -o loop "$work/disk.img" "$work/disk"; then
    echo "FAIL $suite: cannot make a small disk"; exit 1
  fi
  state=$work/disk/state
}
extra_clean_up() { if mountpoint -q "$work/disk"; then umount "$work/disk"; fi; }
free_kib() { df --output=avail -k "$work/disk" | tail -n 1; }
# Per cent as `df` shows it.
percent_full() { df --output=pcent "$work/disk" | tr -dc '0-9'; }
# fill_disk_to PERCENT: with $work/disk/ballast, which empty_ballast takes away again.
fill_disk_to() {
  while (( $(percent_full) < $1 )); do head -c 2M /dev/zero >>"$work/disk/ballast" || break; sync -f "$work/disk"; done
}
fill_disk_to_the_last_byte() {
  head -c 10G /dev/zero >>"$work/disk/ballast" 2>/dev/null || true
  sync -f "$work/disk"
  head -c 10G /dev/zero >>"$work/disk/ballast" 2>/dev/null || true
}
empty_ballast() { rm -f "$work/disk/ballast"; sync -f "$work/disk"; }

# --- what runs -------------------------------------------------------------------------------------------------

# Process ids below a process, itself left out.
descendants() {
  ps -e -o pid=,ppid= | awk -v root="$1" '
    { parent[$1] = $2 }
    END { for (pid in parent) { p = pid; while (p in parent && p != root) p = parent[p]; if (p == root && pid != root) print pid } }'
}
# Keepers of this file's daemon, or the one of container $1.
keepers() {
  local pid arguments
  for pid in $(descendants "$contained_by"); do
    arguments=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) || continue  # ended while we looked
    [[ $arguments == *"spawnd keeper ${1:-}"* ]] && echo "$pid"
  done
  return 0
}
# The topmost process of container $1's keeper.
keeper_pid() {
  local pids pid parent
  pids=$(keepers "$1 ")
  for pid in $pids; do
    parent=$(ps -o ppid= -p "$pid" | tr -d ' ')
    ! grep -qx "$parent" <<<"$pids" || continue
    ! is_spare "$1" "$pid" || continue
    echo "$pid"
    return
  done
}
# is_spare ID PID: whether that keeper has another of the container's volumes open than the one that clients write into.
is_spare() {
  local volume
  # Only to be read: whoever opens a catalog that is not there makes one.
  [[ -d $state/containers/$1 && -e $state/catalog.db ]] || return 1
  volume=$(python3 -c 'import sqlite3, sys; print(sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute("select volume from containers where id = ?", [sys.argv[2]]).fetchone()[0])' \
    "$state/catalog.db" "$1" 2>/dev/null) || return 1
  ! find "/proc/$2/fd" -lname "*/containers/$1/${volume:+$volume/}[!/]*" -printf '%l\n' 2>/dev/null |
    grep -qE "/containers/$1/${volume:+$volume/}[^/]+$"
}
# The server below a keeper: the postgres that is no other postgres's child.
server_pid() {
  local pid
  for pid in $(descendants "$1"); do
    if [[ $(ps -o comm= -p "$pid") == postgres && $(ps -o comm= -p "$(ps -o ppid= -p "$pid" | tr -d ' ')") != postgres ]]; then
      echo "$pid"; return
    fi
  done
}
no_zombies() { ! ps -o stat= --ppid "$(daemon_pid)" | grep -q Z; }
all_gone() { local pid; for pid in "$@"; do process_gone "$pid" || return 1; done; }
folder_empty() { [[ ! -d $1 || -z $(ls -A "$1") ]]; }

# --- containers ------------------------------------------------------------------------------------------------

field() { ctl get data-container "$1" -o json | jq -r ".$2"; }
image_field() { ctl get data-image "$1" -o json | jq -r ".$2"; }

# psql_at CONTAINER DATABASE [OPTION...]: psql as the container's own user. DATABASE '' is the container's own.
psql_at() {
  local json database=$2
  json=$(ctl get data-container "$1" -o json)
  shift 2
  PGPASSWORD=$(jq -r .password <<<"$json") PGSSLMODE=${sslmode:-prefer} PGCONNECT_TIMEOUT=10 \
    psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$(jq -r .host <<<"$json")" -p "$(jq -r .port <<<"$json")" \
    -U "$(jq -r .user <<<"$json")" -d "${database:-$(jq -r .database <<<"$json")}" "$@" </dev/null
}
sql() { psql_at "$1" "$2" -c "$3"; }
answers() { [[ $(sql "$1" '' 'select 1' 2>/dev/null) == 1 ]]; }

# image_yaml NAME LINE...: writes $work/files/NAME.yaml and prints its path.
image_yaml() {
  local file=$work/files/$1.yaml
  printf 'name: %s\nengine: postgresql\n' "$1" >"$file"; shift
  printf '%s\n' "$@" >>"$file"
  echo "$file"
}
make_image() { ctl create data-image -q -f "$(image_yaml "$@")"; }
# An image of database `shop` with table item, 1000 rows, for tests of something else than restoring.
make_items_image() {
  cat >"$work/files/items.sql" <<'END'
create table item (id int primary key, name text);
insert into item select i, md5(i::text) from generate_series(1, 1000) i;
END
  make_image "$1" 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: items.sql}' "${@:2}" >/dev/null ||
    fail "cannot make image '$1'"
}
make_container() { ctl create data-container -q -i "$1" -n "$2"; }

delete_all_containers() {
  local id  # two users may have containers of one name
  for id in $(ctl get data-containers -o json | jq '.[].id'); do ctl delete data-container -q "$id"; done
}
clean_slate() { delete_all_containers; wait_until 20 no_containers_left; }
no_containers_left() { [[ -z $(keepers) ]] && folder_empty "$state/containers"; }

# --- running ---------------------------------------------------------------------------------------------------

clean_up() {
  local code=$? pid
  trap - EXIT
  if [[ -f $work/daemon.pid ]]; then
    if daemon_answers; then
      if ! (clean_slate) >"$work/clean.log" 2>&1; then
        echo "FAIL $suite: deleting all containers leaves nothing"
        sed 's/^/  /' "$work/clean.log"; find "$state/containers" -mindepth 1 -maxdepth 1 -printf '  left: %p\n'
        code=1
      fi
      (wait_until 5 no_zombies) 2>/dev/null || { echo "FAIL $suite: the daemon does not collect its children"; code=1; }
    elif [[ -z ${daemon_may_be_down:-} ]]; then
      echo "FAIL $suite: the daemon does not answer at the end"; code=1
    fi
    kill -TERM "$(daemon_pid)" 2>/dev/null
    (wait_until 20 process_gone "$(daemon_pid)") || { echo "FAIL $suite: the daemon does not stop on SIGTERM"; code=1; }
    # Only after a failure is there anything left to end here; contain.py reports what this cannot reach.
    for pid in $(keepers); do kill -9 "$pid"; done
  fi
  if declare -F own_postgres_stop >/dev/null; then own_postgres_stop; fi
  if declare -F extra_clean_up >/dev/null; then extra_clean_up; fi
  if (( code != 0 && code != 77 )) && [[ -f $work/daemon.log ]]; then
    echo "--- the daemon's log:"; tail -n 60 "$work/daemon.log"
  fi
  if [[ -n ${SPAWND_KEEP_WORK:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

run_cases() {
  local name code start failed=0 names=("$@")
  (( ${#names[@]} )) || mapfile -t names < <(grep -oE '^case_[a-z0-9_]+' "$0" | sed 's/^case_//')
  for name in "${names[@]}"; do
    declare -F "case_$name" >/dev/null || { echo "FAIL $suite: no case '$name'"; exit 64; }
    start=$(date +%s%N)
    # Not in a condition: there, bash would ignore `set -e` inside.
    (set -e; trap - EXIT; "case_$name") >"$work/case.log" 2>&1
    code=$?
    case $code in
      0) echo "PASS $suite: ${name//_/ } ($((($(date +%s%N) - start) / 1000000)) ms)" ;;
      77) echo "SKIP $suite: ${name//_/ }: $(<"$work/skip")" ;;
      *) echo "FAIL $suite: ${name//_/ }"; sed 's/^/  /' "$work/case.log"; failed=1 ;;
    esac
  done
  exit $failed
}
