#!/usr/bin/env bash
# Every error a user can make or meet: one line that says what to do, the right exit code, nothing left behind.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=sample_database.sh
source "$(dirname "$0")/sample_database.sh"

# After a failed image: no image of that name that could be used, no build, no process.
assert_no_image() {
  local images
  images=$(ctl get data-images -o json | jq -r --arg name "$1" '.[] | select(.name == $name and .status != "Failed") | .id')
  assert_eq "$images" "" "image '$1' after the error"
  wait_until 10 folder_empty "$state/builds"
  assert_eq "$(find "$state" -name '*.tmp')" "" "temporary files after the error"
  assert_eq "$(keepers)" "" "keepers after the error"
}
# fails_to_make CODE NAME WORDS... -- YAML-LINE...
fails_to_make() {
  local code=$1 name=$2 words=(); shift 2
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  assert_error "$code" "${words[@]}" -- ctl create data-image -f "$(image_yaml "$name" "$@")"
  assert_no_image "$name"
}

case_unknown_key() { fails_to_make 64 typo "soruceType" "line 3" "sourceType" -- 'soruceType: empty'; }
case_broken_yaml() { fails_to_make 64 broken "line" -- 'tags: [a, b' 'sourceType: empty'; }
case_missing_yaml() { assert_error 64 "$work/files/absent.yaml" "hint: --file" -- ctl create data-image -f "$work/files/absent.yaml"; }
case_missing_backup() { fails_to_make 2 absent "absent.sql" "no such file" -- 'sourceType: backup' 'backup: {file: absent.sql}'; }
case_backup_is_a_folder() { fails_to_make 64 folder "'files' is a folder" -- 'sourceType: backup' "backups: [{path: $work/files}]"; }

case_truncated_custom_dump() {
  head -c $(($(stat -c %s "$work/files/custom.dump") / 2)) "$work/files/custom.dump" >"$work/files/cut.dump"
  fails_to_make 64 cut "cut.dump" -- 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: cut.dump}'
}
case_truncated_gzip() {
  head -c $(($(stat -c %s "$work/files/plain.sql.gz") / 2)) "$work/files/plain.sql.gz" >"$work/files/cut.sql.gz"
  fails_to_make 64 cut-gz "cut.sql.gz" -- 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: cut.sql.gz}'
}
case_truncated_plain_dump() {
  # Cut in the middle of COPY data, where psql alone would not notice much.
  head -c $(($(stat -c %s "$work/files/plain.sql") / 2)) "$work/files/plain.sql" >"$work/files/cut.sql"
  fails_to_make 64 cut-sql "cut.sql" -- 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: cut.sql}'
}
case_wrong_format() {
  head -c 100000 /dev/urandom >"$work/files/noise.bin"
  fails_to_make 64 noise "noise.bin" -- 'sourceType: backup' 'backup: {file: noise.bin}'
}
case_empty_file() {
  : >"$work/files/nothing.sql"
  fails_to_make 64 nothing "nothing.sql" "empty" -- 'sourceType: backup' 'backup: {file: nothing.sql}'
}

case_sql_error_with_its_line() {
  printf 'create table a (id int);\ninsert into a values (1);\n\ninsert into nowhere values (1);\ncreate table b (id int);\n' >"$work/files/wrong.sql"
  fails_to_make 64 wrong 'relation "nowhere" does not exist' "wrong.sql" "line 4" -- \
    'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: wrong.sql}'
}
case_syntax_error() {
  printf 'create table a (id int);\ncreate tabel b (id int);\n' >"$work/files/syntax.sql"
  fails_to_make 64 syntax 'syntax error at or near "tabel"' "line 2" -- \
    'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: syntax.sql}'
}
# A dump may not run programs on the host by psql's means, or read the daemon's files.
case_dump_that_wants_a_shell() {
  printf '\\! touch %s/owned\ncreate table a (id int);\n' "$work" >"$work/files/shell.sql"
  printf 'x\n' | assert_exit 64 ctl create data-image -f "$(image_yaml shell 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: shell.sql}')"
  [[ ! -e $work/owned ]] || fail "the dump ran a shell command"
  assert_no_image shell
}

case_unknown_image() {
  assert_error 2 nosuch -- ctl create data-container -i nosuch
  assert_error 2 nosuch:tag -- ctl create data-container -i nosuch:tag
  assert_error 2 99999 -- ctl get data-image 99999
}
case_bad_usage() {
  assert_exit 64 ctl create data-container
  assert_exit 64 ctl get data-planes
  assert_exit 64 ctl frobnicate
  assert_exit 64 ctl get data-images --no-such-flag
  assert_exit 64 ctl get data-images -o xml
}
case_bad_names() {
  assert_error 64 "data image name '123' is all digits, like an id" -- ctl create data-image -f "$(image_yaml some 'sourceType: empty')" -n 123
  assert_error 64 "data image name 'a b' has a character that is not allowed" -- ctl create data-image -f "$(image_yaml some 'sourceType: empty')" -n "a b"
  assert_error 64 "data container name '123' is all digits, like an id" -- ctl create data-container -i some -n 123
  assert_error 64 "data container name 'a b' has a character that is not allowed" -- ctl get data-container "a b"
  assert_error 64 "data image name 'a b' has a character that is not allowed" -- ctl create data-container -i "a b:c"
  assert_error 64 "tag 'b c' has a character that is not allowed" -- ctl create data-container -i "a:b c"
  assert_error 64 "data image name '123' is all digits, like an id" -- ctl update data-image some --name 123
  assert_error 64 "data container name '123' is all digits, like an id" -- ctl update data-container some --name 123
}
case_nothing_to_list() {
  delete_all_containers
  assert_exit 0 ctl get data-containers
  assert_eq "$out" "No resources found."
  assert_eq "$(ctl get data-containers -o json)" "[]"
}

case_daemon_not_running() {
  SPAWNCTL_API_ENDPOINT=unix://$work/nobody.sock assert_error 69 "$work/nobody.sock" -- ctl get data-images
  SPAWNCTL_API_ENDPOINT=unix://$work/nobody.sock assert_error 69 "$work/nobody.sock" -- ctl auth
}
case_second_daemon_on_one_state() {
  assert_exit 1 timeout 10 "$spawnd" serve --state-dir "$state" --socket "$work/second.sock" --config "$work/spawnd.yaml"
  assert_contains "$err" "$state" "which state directory is taken"
  daemon_answers || fail "the first daemon is disturbed"
}
# From where everybody may run it.
case_a_daemon_without_root() {
  cp "$spawnd" "$work/spawnd"
  local command
  for command in serve fsck; do
    assert_error 1 "needs root" "hint: start it with sudo" -- setpriv --reuid nobody --regid nogroup --clear-groups -- \
      timeout 10 "$work/spawnd" "$command" --state-dir "$work/nobodys"
  done
  [[ ! -e $work/nobodys ]] || fail "it has begun all the same"
}
case_bad_config() {
  printf 'portrange: 1-2\n' >"$work/bad.yaml"
  assert_exit 64 timeout 10 "$spawnd" serve --state-dir "$work/other" --socket "$work/other.sock" --config "$work/bad.yaml"
  assert_contains "$err" "portrange"
  assert_contains "$err" "portRange" "the nearest known key"
  assert_lacks "$err" "hint: hint:"
}

# All ports of the range are somebody else's.
case_port_in_use() {
  local port=$((first_port + 50)) squatter
  python3 -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); print("ready", flush=True); time.sleep(120)' "$port" >"$work/squatter" &
  squatter=$!
  wait_until 10 grep -q ready "$work/squatter"
  make_items_image base
  stop_daemon; write_config "$port-$port"; start_daemon
  local code=0
  ctl create data-container -q -i base -n unlucky >"$work/out" 2>"$work/err" || code=$?
  kill "$squatter"
  stop_daemon; write_config; start_daemon
  (( code != 0 )) || fail "a container on a port that is taken"
  assert_contains "$(<"$work/err")" "port" "the error"
  assert_contains "$(<"$work/err")" "$port" "the error"
  assert_error 2 unlucky -- ctl get data-container unlucky
  make_container base lucky
  assert_eq "$(sql lucky '' 'select count(*) from item')" 1000
  ctl delete data-container -q lucky
}

# Files are opened as the caller: a member of the group may use the daemon, not read root's files through it.
as_nobody() { setpriv --reuid nobody --regid nogroup --groups spawn -- "$@"; }
case_files_are_opened_as_the_caller() {
  printf 'create table secret (id int);\n' >"$work/files/secret.sql"
  chmod 0600 "$work/files/secret.sql"
  local yaml
  yaml=$(image_yaml theirs 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: secret.sql}')
  chmod 0644 "$yaml"
  as_nobody "$work/spawnctl" auth >/dev/null || fail "a member of the group spawn cannot use the daemon"
  assert_error 1 "secret.sql" "permission denied" -- as_nobody "$work/spawnctl" create data-image -f "$yaml"
  assert_no_image theirs
  chmod 0644 "$work/files/secret.sql"
  assert_exit 0 as_nobody "$work/spawnctl" create data-image -q -f "$yaml"
  assert_eq "$(image_field nobody/theirs owner)" nobody
}
case_strangers_are_kept_out() {
  assert_exit 69 setpriv --reuid nobody --regid nogroup --clear-groups -- "$work/spawnctl" get data-images
  assert_contains "${err,,}" "permission denied"
}

write_config
prepare_dumps
start_daemon
run_cases "$@"
