# Sourced after harness.sh by tests that lose processes or disks under load: an image with accounts, clients that note
# what was acknowledged, and the check that none of it is lost.
# shellcheck shell=bash

# make_bank_image [VERSION]: `bank`, or `bank-VERSION`.
make_bank_image() {
  cat >"$work/files/bank.sql" <<'SQL'
create table account (id int primary key, balance bigint not null);
insert into account select i, 0 from generate_series(1, 1000) i;
create table acknowledged (n int primary key, text text);
create table item (id int primary key);
insert into item select generate_series(1, 1000);
SQL
  make_image "bank${1:+-$1}" "version: ${1:-17}" 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: bank.sql}' >/dev/null
}

start_load() {
  local json
  json=$(ctl get dc "$1" -o json)
  : >"$work/acknowledged-$1"
  python3 "$repo/tests/end_to_end/acknowledged_load.py" "$(jq -r .host <<<"$json")" "$(jq -r .port <<<"$json")" \
    "$(jq -r .user <<<"$json")" "$(jq -r .password <<<"$json")" shop "$work/acknowledged-$1" >/dev/null 2>&1 </dev/null &
  echo $! >>"$work/loads"
  disown
}
stop_loads() {
  local pid
  for pid in $(cat "$work/loads" 2>/dev/null); do
    kill "$pid" 2>/dev/null || fail "a client ended by itself"
    wait_until 10 process_gone "$pid"
  done
  rm -f "$work/loads"
}
acknowledged() { wc -l <"$work/acknowledged-$1"; }

# Container $1 answers, and its client's commits are acknowledged again.
goes_on() { (( $(acknowledged "$1") > $2 )) && answers "$1"; }
# everything_goes_on CONTAINER...
everything_goes_on() {
  local name before
  for name in "$@"; do
    before=$(acknowledged "$name")
    wait_until 40 goes_on "$name" "$before"
  done
}

# After stop_loads. assert_nothing_lost CONTAINER...
assert_nothing_lost() {
  local name lost
  for name in "$@"; do
    (( $(acknowledged "$name") > 50 )) || fail "only $(acknowledged "$name") commits on '$name'"
    sql "$name" '' 'select n from acknowledged' | sort >"$work/there"
    lost=$(sort "$work/acknowledged-$name" | comm -23 - "$work/there" | wc -l)
    assert_eq "$lost" 0 "acknowledged commits of '$name' that are lost, of $(acknowledged "$name")"
    assert_eq "$(sql "$name" '' 'select sum(balance) from account')" 0 "the sum over all accounts of '$name'"
    note "$name: $(acknowledged "$name") acknowledged, $(wc -l <"$work/there") there"
  done
}
