#!/bin/bash
# A reset takes the server that waits for it: the content, the connections of before, what is saved and loaded in
# between, and every process that can be killed meanwhile. SPAWND_TEST_LONG=1: a thousand resets.
source "$(dirname "$0")/harness.sh"

if (( ${SPAWND_TEST_LONG:-0} )); then resets=1000 kills=40; else resets=12 kills=6; fi

write_config
start_daemon

endpoint() { ctl get data-container "$1" -o json | jq -r '[.host, .port, .user, .password, .database] | join(" ")'; }
content() { sql "$1" shop 'select count(*), md5(string_agg(i::text, $$,$$ order by id)) from item i'; }
spare_is() { [[ $(field "$1" 'spare // ""') == "$2" ]]; }
await_spare() { wait_until 60 spare_is "$1" ready; }
state_is() { [[ $(field "$1" state) == "$2" ]]; }
folder() { echo "$state/containers/$(field "$1" id)"; }
volumes() { find "$(folder "$1")" -mindepth 1 -maxdepth 1 -name 'v*' -printf '%f\n' | sort; }
taken() { ctl metrics 2>/dev/null | awk '/^spawnd_spare_resets_total/ { sum += $2 } END { print sum + 0 }'; }
# A connection that is there until its server ends: whoever has it says so in file $2.
hold() { psql_at "$1" shop -c 'select pg_sleep(600)' >"$2" 2>&1; }
held() { [[ $(sql "$1" shop "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()") == 1 ]]; }

case_a_reset_takes_the_spare_and_another_one_comes() {
  make_items_image shop
  make_container shop one >/dev/null
  local before image i holder
  before=$(endpoint one) image=$(content one)
  spare_is one '' || fail "a container that nobody has reset has a spare"
  ctl reset data-container one -q
  for ((i = 1; i <= resets; ++i)); do
    await_spare one
    hold one "$work/holder" & holder=$!
    wait_until 20 held one
    sql one shop "delete from item where id % 2 = 0; create table left_over as select $i"
    ctl reset data-container one -q
    assert_eq "$(content one)" "$image" "after reset $i"
    assert_eq "$(sql one shop "select to_regclass('left_over') is null")" t "what was made before reset $i"
    if wait "$holder"; then fail "a connection of before outlived reset $i"; fi
  done
  (( $(taken) >= resets )) || fail "$(taken) of $resets resets took a spare"
  assert_eq "$(endpoint one)" "$before" "address and credentials"
  assert_eq "$(revision_of one)" rev.0
  await_spare one
  wait_until 20 eval '[[ $(volumes one | wc -l) == 2 ]]'  # its own and the next spare's
  wait_until 20 eval '[[ ! -e $(folder one)/delta ]]'
}
revision_of() { field "$1" revision; }

case_saves_and_loads_between_resets_are_what_they_say() {
  local first second
  sql one shop 'delete from item where id > 500'
  assert_eq "$(ctl save data-container one -q)" rev.1
  first=$(content one)
  await_spare one
  sql one shop 'drop table item'
  ctl reset data-container one -q
  assert_eq "$(content one)" "$first" "rev.1 after a reset"
  sql one shop 'delete from item where id > 100'
  assert_eq "$(ctl save data-container one -q)" rev.2 "numbers go on over volumes"
  second=$(content one)
  await_spare one
  sql one shop 'truncate item'
  ctl reset data-container one -q
  assert_eq "$(content one)" "$second" "rev.2, which lies on rev.1"
  ctl load data-container one -q -r rev.1
  assert_eq "$(content one)" "$first" "rev.1, loaded"
  await_spare one
  sql one shop 'truncate item'
  ctl reset data-container one -q
  assert_eq "$(content one)" "$first" "rev.1, reset"
  ctl load data-container one -q -r rev.0
  assert_eq "$(sql one shop 'select count(*) from item')" 1000
  ctl load data-container one -q -r rev.2
  assert_eq "$(content one)" "$second" "rev.2, loaded"
  assert_eq "$(ctl get data-container one -o json | jq -c '[.revisions[].name]')" '["rev.0","rev.1","rev.2"]'
}

case_a_revision_on_a_spares_volume_is_graduated() {
  ctl graduate data-container one -q -n small >/dev/null
  make_container small of-small >/dev/null
  assert_eq "$(sql of-small shop 'select count(*) from item')" 100
  ctl delete data-container -q of-small
}

case_stop_start_and_a_restart_of_the_daemon_keep_what_was_taken() {
  await_spare one
  sql one shop "update item set name = 'kept' where id = 1"
  ctl stop data-container one -q
  assert_eq "$(keepers "$(field one id) " | wc -l)" 0 "keepers of a stopped container"
  ctl start data-container one -q
  assert_eq "$(sql one shop 'select name from item where id = 1')" kept
  await_spare one
  stop_daemon; start_daemon
  assert_eq "$(sql one shop 'select name from item where id = 1')" kept
  await_spare one
  ctl reset data-container one -q
  assert_eq "$(sql one shop "select count(*) from item where name = 'kept'")" 0
}

case_whatever_is_killed_in_a_reset_the_container_is_at_one_of_the_two() {
  local i before now client victim
  before=$(content one)
  for ((i = 0; i < kills; ++i)); do
    if (( i % 2 == 0 )); then await_spare one; fi
    sql one shop 'delete from item where id = 1'
    ctl reset data-container one -q >/dev/null 2>&1 & client=$!
    sleep "0.0$((RANDOM % 90 + 10))"
    case $((i % 3)) in
      0) kill_daemon ;;
      1) for victim in $(keepers "$(field one id) "); do kill -9 "$victim" 2>/dev/null || true; done ;;
      2) victim=$(keepers "$(field one id) " | shuf -n 1); [[ -z $victim ]] || kill -9 "$victim" 2>/dev/null || true ;;
    esac
    wait "$client" || true
    daemon_answers || start_daemon
    wait_until 60 state_is one running
    wait_until 30 answers one
    now=$(content one)
    if [[ $now != "$before" ]]; then
      assert_eq "$(sql one shop 'select count(*) from item where id = 1')" 0 "neither before nor after, kill $i"
      ctl reset data-container one -q
      assert_eq "$(content one)" "$before" "after the next reset, kill $i"
    fi
  done
  await_spare one
  # rev.1 and rev.2 are held by one each; it is in one of its own, and so is its spare.
  wait_until 30 eval '(( $(volumes one | wc -l) <= 4 ))'
}

case_fsck_finds_nothing_wrong_and_what_is_left_over() {
  local id; id=$(field one id)
  ctl stop data-container one -q
  stop_daemon
  assert_contains "$("$spawnd" fsck --state-dir "$state")" clean
  mkdir -p "$state/containers/$id/v900/delta"
  assert_contains "$("$spawnd" fsck --state-dir "$state" 2>&1 || true)" 'is left of a server'
  start_daemon
  ctl start data-container one -q
  wait_until 30 eval '[[ ! -e $state/containers/$id/v900 ]]'
  ctl delete data-container -q one
}

case_a_container_may_have_one_from_the_beginning() {
  ctl create data-container -q -i shop -n two --spare >/dev/null
  await_spare two
  local resets_before; resets_before=$(taken)
  sql two shop 'drop table item'
  ctl reset data-container two -q
  assert_eq "$(sql two shop 'select count(*) from item')" 1000
  assert_eq "$(taken)" $((resets_before + 1))
  ctl delete data-container -q two
}

# SET CONTAINER, GET CONTAINER of each engine: a value that a reset takes away.
set_mariadb() { maria "$1" 'create table if not exists t (a int) engine=InnoDB; insert into t values (1)'; }
get_mariadb() { maria "$1" "select count(*) from information_schema.tables where table_name = 't'"; }
maria() { MYSQL_PWD=$(field "$1" password) mariadb --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u "$(field "$1" user)" "$(field "$1" database)" -e "$2" </dev/null; }
set_mysql() { set_mariadb "$1"; }
get_mysql() { get_mariadb "$1"; }
set_redis() { redis "$1" set key value >/dev/null; }
get_redis() { redis "$1" exists key; }
redis() { REDISCLI_AUTH=$(field "$1" password) redis-cli -h 127.0.0.1 -p "$(field "$1" port)" "${@:2}" </dev/null; }

case_other_engines_have_spares_too() {
  local engine i before
  for engine in mariadb redis mysql; do
    if ! ctl create data-container -q -i "$engine-empty" -n "of-$engine" --spare >/dev/null 2>"$work/err"; then
      note "no $engine here: $(head -n 1 "$work/err")"; continue
    fi
    before=$(endpoint "of-$engine")
    for i in 1 2; do
      await_spare "of-$engine"
      "set_$engine" "of-$engine"
      ctl reset data-container "of-$engine" -q
      assert_eq "$("get_$engine" "of-$engine")" 0 "$engine, reset $i"
    done
    assert_eq "$(endpoint "of-$engine")" "$before" "address and credentials of $engine"
    ctl delete data-container -q "of-$engine"
  done
}

# Events of a server that waits would run beside those of the one that clients have: a reset would go back to what they made.
case_events_wait_for_the_reset() {
  local engine before
  mkdir -p "$work/files/ticks"
  echo 'create table tick (at timestamp(3)); create event clock on schedule every 1 second do insert into tick values (now(3));' >"$work/files/ticks/V1__ticks.sql"
  for engine in mariadb mysql; do
    sed -i "s/^engine: .*/engine: $engine/" "$(image_yaml "ticks-$engine" 'sourceType: scripts' 'scriptsFolders: [ticks]' 'initialDatabaseName: t' "settings: {event_scheduler: 'ON'}")"
    if ! ctl create data-image -q -f "$work/files/ticks-$engine.yaml" >/dev/null 2>"$work/err"; then
      note "no $engine here: $(tail -n 1 "$work/err")"; continue
    fi
    ctl create data-container -q -i "ticks-$engine" -n ticks --spare >/dev/null
    ticks() { maria ticks 'select count(*) from t.tick'; }
    some() { (( $(ticks) >= 2 )); }
    wait_until 20 some
    await_spare ticks
    sleep 4
    before=$(taken)
    ctl reset data-container ticks -q
    assert_eq "$(taken)" $((before + 1)) "$engine: it took the spare"
    (( $(ticks) <= 2 )) || fail "$engine: the spare has run $(ticks) events while it waited"
    assert_eq "$(maria ticks 'select @@global.event_scheduler')" ON "$engine"
    wait_until 20 some
    assert_eq "$(field ticks 'detail // ""')" ''
    ctl delete data-container -q ticks
  done
}

# What cannot be told to wait is not started twice, and the owner reads why his resets are slow.
case_workers_of_its_own_and_no_spare() {
  ctl get data-image shop >/dev/null 2>&1 || make_items_image shop
  make_container shop works >/dev/null
  sql works '' "create subscription s connection 'host=127.0.0.1 port=1' publication p with (connect = false, slot_name = 's')" 2>/dev/null
  sql works '' 'alter subscription s enable'
  ctl save data-container -q works >/dev/null
  ctl reset data-container -q works
  said() { [[ $(field works 'detail // ""') == 'a reset starts its server anew: '*'a subscription'* || $(field works 'detail // ""') == *'workers of its own'* ]]; }
  wait_until 60 said
  spare_is works '' || fail "it has one"
  sql works shop 'truncate item'
  ctl reset data-container -q works
  assert_eq "$(sql works shop 'select count(*) from item')" 1000
  # At another state it may have one.
  sql works '' 'alter subscription s disable; alter subscription s set (slot_name = none); drop subscription s' 2>/dev/null ||
    { sql works '' 'alter subscription s disable'; sql works '' 'alter subscription s set (slot_name = none)'; sql works '' 'drop subscription s'; }
  ctl save data-container -q works >/dev/null
  await_spare works
  assert_eq "$(field works 'detail // ""')" ''
  ctl delete data-container -q works
}

run_cases "$@"
