#!/bin/bash
# Revisions with real servers: save under load, go back, graduate, and a daemon or keeper that dies in between.
source "$(dirname "$0")/harness.sh"

write_config
start_daemon
make_items_image shop

count_items() { sql "$1" shop 'select count(*) from item'; }
# What clients use: it must never change.
endpoint() { ctl get data-container "$1" -o json | jq -r '[.host, .port, .user, .password, .database] | join(" ")'; }
revision() { field "$1" revision; }
state_is() { [[ $(field "$1" state) == "$2" ]]; }

case_save_reset_load_and_growing_numbers() {
  make_container shop rev >/dev/null
  local before; before=$(endpoint rev)
  assert_eq "$(revision rev)" rev.0
  assert_eq "$(ctl save data-container rev -q)" rev.1
  sql rev shop "delete from item where id > 10"
  assert_eq "$(ctl save dc rev)" "Successfully saved data container 'rev'
New revision is 'rev.2'"
  sql rev shop "drop table item"
  assert_eq "$(ctl reset data-container rev)" "Successfully reset data container 'rev' to revision 'rev.2'"
  assert_eq "$(count_items rev)" 10
  assert_eq "$(endpoint rev)" "$before" "address and credentials after reset"
  assert_eq "$(ctl load data-container rev --revision rev.1 -q)" ""
  assert_eq "$(count_items rev)" 1000
  assert_eq "$(revision rev)" rev.1
  sql rev shop "insert into item values (5000, 'after load')"
  assert_eq "$(ctl save data-container -q rev -q)" rev.3 "numbers go on growing"
  ctl load data-container -r rev.2 -q rev
  assert_eq "$(count_items rev)" 10
  ctl load data-container rev -q -r=rev.3
  assert_eq "$(count_items rev)" 1001
  ctl load data-container rev -q -r rev.0
  assert_eq "$(count_items rev)" 1000
  ctl load data-container rev -q -r rev.3
  assert_eq "$(endpoint rev)" "$before" "address and credentials after loads"
  assert_eq "$(ctl get data-container rev -o json | jq -c '[.revisions[].name]')" '["rev.0","rev.1","rev.2","rev.3"]'
  assert_eq "$(ctl get data-container rev -o json | jq '[.revisions[1:][] | .uniqueBytes > 0] | all')" true
  assert_contains "$(ctl get data-containers)" rev.3
}

case_reset_without_a_save_goes_back_to_the_image() {
  make_container shop plain >/dev/null
  sql plain shop "delete from item"
  ctl reset data-container plain -q
  assert_eq "$(count_items plain)" 1000
  assert_eq "$(revision plain)" rev.0
  ctl delete data-container -q plain
}

case_old_connections_end_and_new_ones_work_at_once() {
  psql_at rev shop -c "select pg_sleep(60)" >"$work/sleeper" 2>&1 &
  local sleeper=$!
  wait_until 10 eval '[[ $(sql rev shop "select count(*) from pg_stat_activity where query like '\''%pg_sleep(60)%'\''") -gt 1 ]]'
  ctl reset data-container rev -q
  sql rev shop 'select 1' >/dev/null || fail "the first query after reset fails"
  local code=0; wait "$sleeper" || code=$?
  (( code != 0 )) || fail "a connection outlived the reset"
}

case_what_was_committed_before_a_save_under_load_is_in_it() {
  make_container shop busy >/dev/null
  local json port password user round
  json=$(ctl get data-container busy -o json)
  port=$(jq -r .port <<<"$json") password=$(jq -r .password <<<"$json") user=$(jq -r .user <<<"$json")
  export PGPASSWORD=$password PGHOST=127.0.0.1 PGPORT=$port PGUSER=$user
  pgbench -q -i -s 2 shop >/dev/null 2>&1
  pgbench -n -c 4 -T 600 shop >/dev/null 2>"$work/pgbench" & local bench=$!
  sql busy shop 'create table mark (n int)'
  for round in 1 2 3 4 5; do
    sql busy shop "insert into mark values ($round)"
    assert_eq "$(ctl save data-container busy -q)" "rev.$round"
  done
  sql busy shop "insert into mark values (99)"
  kill "$bench" 2>/dev/null || true; wait "$bench" || true
  for round in 5 2 4; do
    ctl load data-container busy -q -r "rev.$round"
    # At least its own marks; those after it only up to where that save was.
    assert_eq "$(sql busy shop 'select max(n) from mark')" "$round"
    assert_eq "$(sql busy shop 'select count(*) from mark')" "$round"
    # Transactions are whole: pgbench keeps these equal.
    assert_eq "$(sql busy shop 'select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)')" t
    PGDATABASE=shop pg_amcheck -j 2 --heapallindexed --install-missing shop || fail "pg_amcheck finds something at rev.$round"
  done
  unset PGPASSWORD PGHOST PGPORT PGUSER
}

case_graduate_gives_a_whole_image_without_the_old_credentials() {
  local old_user old_password out json
  old_user=$(field rev user) old_password=$(field rev password)
  sql rev shop "update item set name = 'changed' where id = 1"
  ctl save data-container rev -q >/dev/null
  sql rev shop "drop table item"  # not in the revision
  out=$(ctl graduate data-container rev --name grown --tag v1)
  assert_matches "$out" "^Successfully graduated data container 'rev' at revision '$(revision rev)' to a new data-image
New image 'grown' \([0-9]+\) available!\$"
  make_container grown:v1 sprout >/dev/null
  assert_eq "$(sql sprout shop 'select name from item where id = 1')" changed
  assert_eq "$(sql sprout shop 'select count(*) from item')" 1001
  json=$(ctl get data-container sprout -o json)
  assert_eq "$(sql sprout shop "select count(*) from pg_roles where rolname = '$old_user'")" 0 "the old user"
  for database in shop postgres; do
    if PGPASSWORD=$old_password psql -X -h 127.0.0.1 -p "$(jq -r .port <<<"$json")" -U "$old_user" -d $database -c 'select 1' >/dev/null 2>&1; then
      fail "the old credentials work in a container of the new image"
    fi
    if PGPASSWORD=$old_password psql -X -h 127.0.0.1 -p "$(jq -r .port <<<"$json")" -U "$(jq -r .user <<<"$json")" -d $database -c 'select 1' >/dev/null 2>&1; then
      fail "the old password works with the new user"
    fi
  done
  PGPASSWORD=$(jq -r .password <<<"$json") pg_amcheck --install-missing --heapallindexed -h 127.0.0.1 \
    -p "$(jq -r .port <<<"$json")" -U "$(jq -r .user <<<"$json")" --all || fail "pg_amcheck finds something"
  # It stores what changed and not the base once more.
  (( $(image_field grown diskBytes) * 2 < $(image_field shop dataBytes) )) || fail "the graduated image is as large as its base"
  # The container itself went on, undisturbed.
  assert_exit 1 sql rev shop 'select 1 from item'
  ctl reset data-container rev -q
  assert_eq "$(count_items rev)" 1001
}

case_graduated_images_are_graduated_again_and_outlive_their_base() {
  local image=grown n
  for n in 1 2 3; do
    make_container "$image" "link$n" >/dev/null
    sql "link$n" shop "insert into item values (6000 + $n, 'link $n')"
    ctl save data-container "link$n" -q >/dev/null
    image=$(ctl graduate data-container "link$n" -q)
    assert_eq "$image" "link$n-graduate-1"
    ctl delete data-container -q "link$n"
  done
  assert_eq "$(make_container "$image" last)" last
  # Everything below goes; what it shares stays.
  ctl delete data-container -q sprout
  ctl delete data-image -q grown link1-graduate-1 link2-graduate-1
  ctl reset data-container last -q
  assert_eq "$(sql last shop 'select count(*) from item')" 1004
  assert_eq "$(sql last shop "select count(*) from item where name like 'link %'")" 3
  make_container "$image" last2 >/dev/null
  assert_eq "$(sql last2 shop 'select count(*) from item')" 1004
  ctl delete data-container -q last last2
}

# One link a container: rev.1 goes on as the trunk, rev.2 as a branch off it, at three of the ten.
branches=(1 6 10)
add_link() {
  local base=$1 n=$2
  make_container "$base" link >/dev/null
  sql link shop "insert into item values (10000 + $n, 'trunk $n')"
  ctl save data-container link -q >/dev/null
  if [[ " ${branches[*]} " == *" $n "* ]]; then
    sql link shop "insert into item values (20000 + $n, 'branch $n')"
    ctl save data-container link -q >/dev/null
    ctl graduate data-container link -q --revision rev.2 --name "branch$n" >/dev/null
  fi
  ctl graduate data-container link -q --revision rev.1 --name "trunk$n" >/dev/null
  ctl delete data-container -q link
}
amcheck() {
  local json; json=$(ctl get data-container "$1" -o json)
  PGPASSWORD=$(jq -r .password <<<"$json") pg_amcheck --install-missing --heapallindexed -h 127.0.0.1 \
    -p "$(jq -r .port <<<"$json")" -U "$(jq -r .user <<<"$json")" shop || fail "pg_amcheck finds something in '$1'"
}

case_ten_deep_with_branches() {
  local n base=shop
  for n in {1..10}; do add_link "$base" "$n"; base=trunk$n; done
  ctl delete data-image -q trunk{1..9}  # the tip and the branches need nothing of them but their blocks
  make_container trunk10 tip >/dev/null
  assert_eq "$(sql tip shop 'select count(*), max(id) from item')" "1010|10010"
  amcheck tip
  ctl delete data-container -q tip
  for n in "${branches[@]}"; do
    make_container "branch$n" leaf >/dev/null
    assert_eq "$(sql leaf shop 'select count(*), max(id) from item')" "$((1001 + n))|$((20000 + n))" "branch $n"
    amcheck leaf
    ctl delete data-container -q leaf
  done
  ctl delete data-image -q trunk10 "${branches[@]/#/branch}"
}

case_graduate_the_image_itself_and_a_failed_name() {
  make_container shop zero >/dev/null
  assert_eq "$(ctl graduate data-container zero -q)" zero-graduate-1
  assert_eq "$(ctl graduate data-container zero -q --revision rev.0)" zero-graduate-2
  make_container zero-graduate-2 copy >/dev/null
  assert_eq "$(count_items copy)" 1000
  assert_error 64 "name" -- ctl graduate data-container zero --name 'no good'
  ctl delete data-container -q zero copy
  ctl delete data-image -q zero-graduate-1 zero-graduate-2
}

case_durability_always() {
  ctl create data-container -q -i shop -n sure --durability always >/dev/null
  sql sure shop "insert into item values (2000, 'kept')"
  assert_eq "$(ctl save data-container sure -q)" rev.1
  sql sure shop "delete from item"
  ctl reset data-container sure -q
  assert_eq "$(count_items sure)" 1001
  ctl delete data-container -q sure
}

case_errors_name_what_there_is() {
  assert_error 2 "rev.77" "rev.0, rev.1" -- ctl load data-container rev --revision rev.77
  assert_error 2 "rev.77" "rev.0, rev.1" -- ctl graduate data-container rev --revision rev.77
  for bad in rev.x 1 rev. rev.01 rev.-1 REV.1 rev.99999999999; do
    assert_error 64 "$bad" "not a revision" -- ctl load data-container rev --revision "$bad"
  done
  assert_error 64 "revision" -- ctl load data-container rev
  assert_error 2 "nothere" -- ctl save data-container nothere
  assert_error 2 "nothere" -- ctl reset data-container nothere
  assert_error 2 "nothere" -- ctl graduate data-container nothere
}

case_a_daemon_killed_in_a_reset_finishes_it() {
  local delay before; before=$(endpoint rev)
  ctl save data-container rev -q >/dev/null
  for delay in 0.005 0.03 0.08 0.15 0.3; do
    sql rev shop "delete from item"
    ctl reset data-container rev -q >/dev/null 2>&1 & local client=$!
    sleep "$delay"
    kill_daemon; wait "$client" || true
    start_daemon
    wait_until 30 state_is rev running
    wait_until 10 answers rev
    # Either the request never got through, or it is carried out; in part is not possible.
    if [[ $(count_items rev) == 0 ]]; then ctl reset data-container rev -q; fi
    assert_eq "$(count_items rev)" 1001 "after a kill at $delay s"
    assert_eq "$(endpoint rev)" "$before"
  done
}

case_a_daemon_killed_in_a_save_leaves_a_whole_revision_or_none() {
  local delay name
  for delay in 0.002 0.01 0.03 0.08; do
    sql rev shop "insert into item values (7000, 'in the interrupted save')"
    ctl save data-container rev -q >/dev/null 2>&1 & local client=$!
    sleep "$delay"
    kill_daemon; wait "$client" || true
    start_daemon
    wait_until 30 state_is rev running
    sql rev shop "delete from item where id = 7000"
    name=$(ctl save data-container rev -q)
    ctl load data-container rev -q -r "$name"
    assert_eq "$(count_items rev)" 1001
  done
  for name in $(ctl get data-container rev -o json | jq -r '.revisions[-3:][].name'); do
    ctl load data-container rev -q -r "$name"
    assert_matches "$(count_items rev)" '^100[12]$'
  done
}

case_a_keeper_killed_while_saving_leaves_nothing() {
  make_container shop saving >/dev/null
  local round pid
  for round in 1 2 3 4; do  # a fifth failure within a minute would keep it down
    sql saving shop "create table t$round as select g, md5(g::text) from generate_series(1, 50000) g"
    pid=$(keeper_pid "$(field saving id)")
    ctl save data-container saving -q >/dev/null 2>&1 & local client=$!
    sleep "0.0$((round * 20 - 10))"
    local tree; tree=$(descendants "$pid")
    kill -9 "$pid"; wait "$client" || true
    # shellcheck disable=SC2086
    wait_until 20 all_gone $tree
    wait_until 30 state_is saving running
    wait_until 10 answers saving
    assert_eq "$(sql saving shop "select count(*) from t$round")" 50000
  done
  ctl delete data-container -q saving
}

store_bytes() { sync -f "$state"; du -s -B1 "$state" | cut -f1; }
# Journals and the catalog's log may grow meanwhile; the data of this test is fifty times that.
about_as_before() { (( $(store_bytes) - $1 < 1000000 )); }

case_deleting_frees_what_only_it_used() {
  clean_slate
  local before image_bytes; before=$(store_bytes)
  make_container shop fat >/dev/null
  for round in 1 2 3; do
    sql fat shop "create table t$round as select g, md5(g::text) from generate_series(1, 100000) g; checkpoint"
    ctl save data-container fat -q >/dev/null
  done
  (( $(field fat diskBytes) > 15000000 )) || fail "three revisions take less than their data"
  ctl graduate data-container fat -q --name fat >/dev/null
  image_bytes=$(image_field fat uniqueBytes)
  ctl delete data-container -q fat
  wait_until 20 about_as_before $((before + image_bytes))
  (( $(store_bytes) - before > image_bytes / 2 )) || fail "deleting the container took the image's blocks too"
  ctl delete data-image -q fat
  wait_until 20 about_as_before "$before"
}

run_cases "$@"
