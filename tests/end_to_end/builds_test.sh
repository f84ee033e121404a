#!/usr/bin/env bash
# What a build that fails leaves for its owner to read, and what a build says that has no room: whether it is the volume
# or the disk.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# fails NAME LINE...: an image that cannot be made; its error is in $err, the id that it had in $id.
fails() {
  local file; file=$(image_yaml "$@")
  assert_exit "${expected:-64}" ctl create data-image -q -f "$file"
  id=$(grep -oE '`spawnctl logs data-image [0-9]+`' <<<"$err" | grep -oE '[0-9]+') || id=
}
kept() { find "$state/failed-logs" -type f | wc -l; }
as_other() { setpriv --reuid 33 --regid 33 --groups "$(stat -c %g "$socket")" "$work/spawnctl" "$@"; }

broken_dump() {
  cat >"$work/files/broken.sql" <<'END'
do $$ begin raise warning 'mind the gap'; end $$;
create table fine (id int);
create index i on fine (no_such_function(id));
END
}

case_the_log_of_a_failed_build_can_be_read() {
  local id
  broken_dump
  fails lost 'sourceType: backup' 'backup: {file: broken.sql}'
  [[ -n $id ]] || fail "the error does not say how to read the log: $err"
  assert_eq "$(grep -cvE '^warning: ' <<<"$err")" 2 "an error and a hint"
  local reference
  for reference in "$id" lost; do
    assert_exit 0 ctl logs data-image "$reference"
    assert_contains "$out" "== restoring broken.sql"
    assert_contains "$out" "mind the gap" "what came before the error"
    assert_contains "$out" "no_such_function" "the error itself"
    assert_contains "$(tail -n 2 <<<"$out")" "error: " "what the caller was told"
  done
  assert_eq "$(ctl logs data-image lost --tail 0)" ""
  # Nothing else is left.
  assert_error 2 lost -- ctl get data-image lost
  assert_eq "$(find "$state/builds" "$state/logs" -type f)" "" "left behind"
  assert_eq "$(stat -c '%a %u' "$state/failed-logs"/* | sort -u)" "600 0"
}

case_an_image_of_that_name_goes_first() {
  echo 'create table fine ();' >"$work/files/mended.sql"
  make_image lost 'sourceType: backup' 'backup: {file: mended.sql}' >/dev/null
  assert_contains "$(ctl logs data-image lost)" "== restoring mended.sql"
  ctl delete data-image -q lost
  assert_contains "$(ctl logs data-image lost)" "no_such_function" "still there by its name"
}

case_what_others_failed_to_make_is_not_found() {
  local id
  fails lost 'sourceType: backup' 'backup: {file: broken.sql}'
  assert_error 2 "no data image" -- as_other logs data-image "$id"
  assert_error 2 "no data image" -- as_other logs data-image lost
  # Root may read anybody's.
  printf 'name: theirs\nengine: postgresql\nsourceType: empty\npostScript: select broken()\n' >"$work/files/theirs.yaml"
  chmod 0644 "$work/files/theirs.yaml"
  assert_exit 64 as_other create data-image -q -f "$work/files/theirs.yaml"
  assert_contains "$(as_other logs data-image theirs)" "broken()"
  assert_contains "$(ctl logs data-image theirs)" "broken()"
}

case_what_was_refused_before_has_no_log() {
  local id before; before=$(kept)
  printf '\x00\x01\x02nothing' >"$work/files/noise.bin"
  fails noise 'sourceType: backup' 'backup: {file: noise.bin}'
  assert_eq "$id" "" "there is nothing to read"
  assert_eq "$(kept)" "$before"
}

case_a_build_that_was_given_up_keeps_no_log() {
  local before pid; before=$(kept)
  echo "select pg_sleep(600);" >"$work/files/slow.sql"
  "$work/spawnctl" create data-image -q -f "$(image_yaml slow 'sourceType: backup' 'backup: {file: slow.sql}')" \
    >/dev/null 2>&1 </dev/null &
  pid=$!
  restoring() { [[ -n $(ctl logs data-image slow 2>/dev/null) ]]; }
  wait_until 30 restoring
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  gone() { ! ctl get data-image slow >/dev/null 2>&1; }
  wait_until 20 gone
  assert_error 2 slow -- ctl logs data-image slow
  assert_eq "$(kept)" "$before"
}

case_a_day_later_it_is_gone() {
  local id
  fails lost 'sourceType: backup' 'backup: {file: broken.sql}'
  touch -d '23 hours ago' "$state/failed-logs/$id,"*
  assert_exit 0 ctl logs data-image "$id"
  touch -d '25 hours ago' "$state/failed-logs"/*
  assert_error 2 "$id" -- ctl logs data-image "$id"
  assert_error 2 lost -- ctl logs data-image lost
  stop_daemon
  start_daemon
  swept() { [[ $(kept) == 0 ]]; }
  wait_until 10 swept
}

case_no_more_than_twenty_of_a_user() {
  local id i
  for i in $(seq 1 25); do printf 'x\n' >"$state/failed-logs/$((900000 + i)),0,old.log"; done
  touch -d '1 hour ago' "$state/failed-logs"/*
  fails lost 'sourceType: backup' 'backup: {file: broken.sql}'
  assert_eq "$(kept)" 20
  assert_exit 0 ctl logs data-image "$id"
  rm -f "$state/failed-logs"/*
}

# --- a volume that is full -----------------------------------------------------------------------------------------

case_a_dump_that_is_larger_than_the_volume() {
  local expected=5 id
  echo "create table t as select i, repeat(md5(i::text), 30) from generate_series(1, 500000) i;" >"$work/files/big.sql"
  fails big 'sourceType: backup' 'backup: {file: big.sql}'
  assert_contains "$err" "the volume of 256 MiB is full"
  assert_contains "$err" "aise volumeSize in spawnd.yaml"
  assert_lacks "$err" "Make room on the disk"
  assert_contains "$(ctl logs data-image "$id")" "No space left on device"
}

case_a_folder_that_is_larger_than_the_volume() {
  local expected=5
  mkdir -p "$work/files/big-script"
  echo "create table t as select i, repeat(md5(i::text), 30) from generate_series(1, 500000) i;" \
    >"$work/files/big-script/1.sql"
  fails big-script 'sourceType: scripts' 'scriptsFolders: [big-script]'
  assert_contains "$err" "the volume of 256 MiB is full"
}

mariadb_yaml() { sed -i 's/^engine: .*/engine: mariadb/' "$(image_yaml "$@")"; }

# The server says it in words of its own: the table is full.
case_the_same_of_mariadb() {
  mariadb_yaml big-mariadb 'sourceType: backup' 'backup: {file: big-mariadb.sql}' 'initialDatabaseName: shop'
  {
    echo 'create table t (i int primary key auto_increment, x longtext);'
    echo "insert into t (x) values (repeat('spawn', 200000));"
    for _ in $(seq 1 9); do echo 'insert into t (x) select x from t;'; done
  } >"$work/files/big-mariadb.sql"
  assert_exit 5 ctl create data-image -q -f "$work/files/big-mariadb.yaml"
  assert_contains "$err" "the volume of 256 MiB is full"
  assert_contains "$err" "aise volumeSize in spawnd.yaml"
}

# The server says it to the client that wrote; who looks hears what to do.
case_a_container_that_is_full_says_so() {
  make_image small 'sourceType: empty' 'initialDatabaseName: shop' >/dev/null
  make_container small filling >/dev/null
  sql filling shop 'create table t (x text)'
  assert_eq "$(field filling detail)" "" "there is room"
  for _ in $(seq 1 60); do
    sql filling shop "insert into t select repeat(md5(i::text), 30) from generate_series(1, 5000) i" 2>/dev/null || break
  done
  full() { [[ $(field filling detail) == *"volume of 256 MiB is full; raise volumeSize in spawnd.yaml"* || $(field filling detail) == *"volume has none"* ]]; }
  wait_until 20 full
  ctl delete data-container -q filling
}

# What is placed has its size before it is read, and a build of minutes need not show it.
case_a_file_that_cannot_fit_is_refused_before() {
  { printf 'REDIS0010'; head -c 300M /dev/zero; printf '\377\0\0\0\0\0\0\0\0'; } >"$work/files/big.rdb"
  sed -i 's/^engine: .*/engine: redis/' "$(image_yaml big-redis 'sourceType: backup' 'backup: {file: big.rdb}')"
  assert_exit 64 ctl create data-image -q -f "$work/files/big-redis.yaml"
  assert_contains "$err" "'big.rdb' has 301 MiB, and the volume of an image takes 256 MiB"
  assert_contains "$err" "volumeSize"
  rm "$work/files/big.rdb"
}

# --- errors that are passed over -----------------------------------------------------------------------------------

case_errors_that_are_passed_over_are_counted() {
  cat >"$work/files/errors.sql" <<'END'
create table t (i int);
insert into t values (1);
insert into no_such_table values (1);
insert into nor_this values (2);
insert into t values (2);
END
  mariadb_yaml errors 'sourceType: backup' 'backup: {file: errors.sql}' 'initialDatabaseName: shop'
  assert_exit 64 ctl create data-image -q -f "$work/files/errors.yaml"
  echo 'onError: continue' >>"$work/files/errors.yaml"
  assert_exit 0 ctl create data-image -f "$work/files/errors.yaml"
  assert_contains "$err" "warning: 2 errors were passed over: see its log"
  assert_eq "$(image_field errors detail)" "2 errors were passed over: see its log"
  assert_contains "$(ctl logs data-image errors)" "no_such_table"
  assert_contains "$(ctl logs data-image errors)" "nor_this"
  make_container errors of-errors >/dev/null
  assert_eq "$(ctl connect of-errors -- -N -e 'select sum(i) from shop.t' 2>/dev/null)" 3
  # What is made of it has the same data, and no log of its own.
  assert_exit 0 ctl graduate data-container -q of-errors --name grown
  assert_eq "$(image_field grown detail)" "2 errors were passed over: see the log of data image $(image_field errors id)"
  ctl delete data-container -q of-errors
}

# --- a backup that changes while it is read ------------------------------------------------------------------------

changing() {
  local pid
  { echo 'create table t (id int);'; echo 'select pg_sleep(2);'; echo 'insert into t values (1);'; } >"$work/files/changing.sql"
  "$work/spawnctl" create data-image -q -f "$(image_yaml changing 'sourceType: backup' 'backup: {file: changing.sql}')" \
    >"$work/out" 2>"$work/err" </dev/null &
  pid=$!
  asleep() { [[ $(ctl logs data-image changing 2>/dev/null) == *"== restoring"* ]]; }
  wait_until 30 asleep
  "$@"
  code=0; wait "$pid" || code=$?
  err=$(<"$work/err")
}

case_a_file_that_changes_while_it_is_read() {
  local code before
  before=$(find "$state/builds" "$state/logs" -type f | sort)
  append() { echo 'insert into t values (2);' >>"$work/files/changing.sql"; }
  changing append
  assert_eq "$code" 64 "exit code"
  assert_contains "$err" "backup 'changing.sql' changed while it was read"
  assert_error 2 changing -- ctl get data-image changing
  assert_eq "$(find "$state/builds" "$state/logs" -type f | sort)" "$before" "left behind"
}

# As tools that keep several days of backups do it, in hard links.
case_a_link_to_it_is_no_change() {
  local code
  another_name() { ln -f "$work/files/changing.sql" "$work/files/yesterday.sql"; chmod g+r "$work/files/changing.sql"; }
  changing another_name
  assert_eq "$code" 0 "exit code: $err"
}

write_config
echo 'volumeSize: 256MiB' >>"$work/spawnd.yaml"
start_daemon
run_cases "$@"
