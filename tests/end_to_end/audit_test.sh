#!/usr/bin/env bash
# The trail of changes: each leaves exactly one record in the journal, done or refused, and says who. The journal is a socket at
# the journal's place, in this test's own mount namespace.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

journal=$work/journal
records=$work/records.json
mkdir -p /run/systemd
if ! mount -t tmpfs none /run/systemd; then echo "FAIL audit: no place for a journal"; exit 1; fi
mkdir /run/systemd/journal
/usr/bin/python3 "$repo/tests/end_to_end/journal.py" listen /run/systemd/journal/socket "$records" 2>"$work/journal.err" &
echo $! >"$work/journal.pid"
disown
extra_clean_up() { kill -9 "$(<"$work/journal.pid")" 2>/dev/null || true; umount -l /run/systemd || true; }
wait_until 10 test -S /run/systemd/journal/socket

# As systemd starts a service: its standard error is the journal, and JOURNAL_STREAM says which file that is.
start_under_journal() {
  touch "$work/daemon.log" "$records"
  JOURNAL_STREAM=$(stat -L -c %d:%i "$work/daemon.log") start_daemon
}
spawn_gid=$(getent group spawn | cut -d: -f3)
member() { setpriv --reuid 64192 --regid 64192 --groups "$spawn_gid" "$work/spawnctl" "$@"; }

# How many records there are, once all of what has been done are: this one is the last.
here() {
  local mark=mark-$RANDOM$RANDOM
  ctl delete data-container "$mark" 2>/dev/null || true
  wait_until 10 grep -qF "$mark" "$records"
  wc -l <"$records"
}
# since N FILTER: what jq makes of the records that came after the first N, compact.
since() { tail -n "+$(($1 + 1))" "$records" | jq -c "$2"; }
# only_record N: waits for the one that came after the first N. In $record afterwards.
only_record() {
  arrived() { (( $(wc -l <"$records") > $1 )); }
  (wait_until 10 arrived "$1") || fail "no record; $(cat "$work/out" "$work/err")"
  assert_eq "$(since "$1" '.SPAWND_VERB[0]' | wc -l)" 1 "records: $(since "$1" '[.MESSAGE[0]]')"
  record=$(since "$1" 'map_values(.[0])')
}
# has FIELD VALUE...
has() { while (( $# )); do assert_eq "$(jq -r ".$1" <<<"$record")" "$2" "$1 of $record"; shift 2; done; }
# leaves VERB RESOURCE NAME OUTCOME COMMAND...
leaves() {
  local before want=("${@:1:4}"); before=$(here)
  shift 4
  "$@" >"$work/out" 2>"$work/err" || true
  only_record "$before"
  has SPAWND_VERB "${want[0]}" SPAWND_RESOURCE "${want[1]}" SPAWND_NAME "${want[2]}" SPAWND_OUTCOME "${want[3]}" SPAWND_BY user \
    MESSAGE_ID 5b7d4fb2a1e34c0c9f26d3a0b8e1c764 PRIORITY 6
}

case_each_change_leaves_one_record_when_it_is_done() {
  cat >"$work/files/a.sql" <<<'create table a (id int);'
  leaves create data-image shop done ctl create data-image -f "$(image_yaml shop 'sourceType: backup' 'backup: {file: a.sql}')"
  has SPAWND_ID "$(image_field shop id)" SPAWND_UID 0 SPAWND_SOCKET_UID 0 SPAWND_TOKEN null SPAWND_CODE null
  (( $(jq -r .SPAWND_DURATION_USEC <<<"$record") > 100000 )) || fail "a build in no time: $record"
  leaves create data-container one done ctl create data-container -i shop -n one
  has SPAWND_ID "$(field one id)"
  leaves save data-container one done ctl save data-container one
  leaves reset data-container one done ctl reset data-container one
  leaves load data-container one done ctl load data-container one -r rev.0
  leaves graduate data-container one done ctl graduate data-container one -n grown
  leaves update data-image grown done ctl update data-image grown --tag x
  leaves stop data-container one done ctl stop data-container one
  leaves start data-container one done ctl start data-container one
  leaves restart data-container one done ctl restart data-container one
  leaves update data-container one done ctl update data-container one --lifetime 1h
  leaves delete data-image grown done ctl delete data-image grown
  leaves create access-token 'for "tests" uid=7' done ctl create access-token --purpose 'for "tests" uid=7'
  assert_contains "$(jq -r .MESSAGE <<<"$record")" 'name="for \"tests\" uid=7" uid=0'
  leaves delete access-token 'for "tests" uid=7' done ctl delete access-token "$(ctl get access-tokens -o json | jq '.[0].id')"
  leaves create upload x.sql done curl -sS --unix-socket "$socket" --data-binary 'select 1' 'http://localhost/v1/uploads?name=x.sql'
  leaves delete data-container one done ctl delete data-container one
  # It changes nothing here, and all of the data is elsewhere from then on.
  leaves export data-image shop done eval "ctl export data-image shop >'$work/shop.image'"
  # Whoever has enough of it has cancelled it, and nothing here has failed.
  leaves export data-image shop failed eval "ctl export data-image shop | head -c 10 >'$work/cut'"
  has SPAWND_CODE cancelled
  # Looking leaves none.
  local before; before=$(here)
  ctl get data-images >&2; ctl get data-image shop -o json >&2; ctl auth >&2; ctl metrics >&2
  assert_eq "$(since "$before" .MESSAGE)" ""
}

case_no_route_can_be_without() {
  /usr/bin/python3 "$repo/tests/end_to_end/journal.py" routes "$repo/docs/openapi.yaml" "$socket" "$records" >&2
}

case_it_says_who_and_what_was_refused() {
  ctl create data-container -q -i postgres-empty -n roots >/dev/null
  leaves delete data-container roots failed member delete data-container roots
  has SPAWND_CODE not_found SPAWND_UID 64192 SPAWND_SOCKET_UID 64192 SPAWND_ID null
  # With a token: its owner's rights, and whose process it was.
  local token id
  token=$(ctl create access-token --purpose robot --read-only | awk '{ print $NF }')
  id=$(ctl get access-tokens -o json | jq '.[] | select(.purpose == "robot").id')
  leaves delete data-container roots failed member delete data-container roots --accessToken "$token"
  has SPAWND_CODE forbidden SPAWND_UID 0 SPAWND_SOCKET_UID 64192 SPAWND_TOKEN "$id"
  token=$(ctl create access-token --purpose other | awk '{ print $NF }')
  leaves delete data-container roots done member delete data-container roots --accessToken "$token"
  has SPAWND_UID 0 SPAWND_SOCKET_UID 64192
  # Looking with a token that is none: somebody tries.
  leaves get data-image null failed member get data-images --accessToken "${token}x"
  has SPAWND_CODE unauthenticated SPAWND_UID 64192
  assert_lacks "$(<"$records")" "$token"
}

case_a_name_writes_no_field_and_no_line() {
  local evil=$'x\033[31m\r" outcome=done uid=0 "'
  leaves create access-token 'x\x1b[31m\r" outcome=done uid=0 "' done member create access-token --purpose "$evil"
  has SPAWND_UID 64192
  local message; message=$(jq -r .MESSAGE <<<"$record")
  assert_eq "$(wc -l <<<"$message")" 1
  assert_contains "$message" 'name="x\\x1b[31m\\r\" outcome=done uid=0 \"" uid=64192'
  local long; long=$(head -c 3000 /dev/zero | tr '\0' 'a')
  local before; before=$(here)
  curl -sS -X DELETE --unix-socket "$socket" "http://localhost/v1/data-containers/$long" >/dev/null
  only_record "$before"
  assert_eq "$(jq -r '.SPAWND_NAME | length' <<<"$record")" 258
}

case_what_the_daemon_does_by_itself() {
  local before id; before=$(here)
  ctl create data-container -q -i postgres-empty -n brief --lifetime 1s >/dev/null
  expired() { [[ $(since "$before" 'select(.SPAWND_VERB[0] == "expire") | .SPAWND_BY[0] + .SPAWND_NAME[0] + .SPAWND_RESOURCE[0] + .SPAWND_OUTCOME[0]') == '"daemonbriefdata-containerdone"' ]]; }
  wait_until 20 expired
  ctl create data-container -q -i postgres-empty -n mortal >/dev/null
  id=$(field mortal id) before=$(here)
  kill -9 "$(keeper_pid "$id")"
  restarted() { [[ $(since "$before" '.SPAWND_VERB[0] + .SPAWND_ID[0] + .SPAWND_BY[0] + .SPAWND_OUTCOME[0]') == "\"restart${id}daemondone\"" ]]; }
  wait_until 20 restarted
  assert_eq "$(since "$before" '.SPAWND_UID')" null "nobody asked"
  ctl delete data-container -q mortal
}

case_without_a_journal_it_is_a_line_of_the_log() {
  local before lines; before=$(here)
  # The daemon still believes in its journal, whose socket has gone.
  mv /run/systemd/journal/socket /run/systemd/journal/away
  ctl delete data-container nobody 2>/dev/null || true
  assert_contains "$(tail -n 3 "$work/daemon.log")" 'verb=delete resource=data-container name="nobody" uid=0'
  mv /run/systemd/journal/away /run/systemd/journal/socket
  # And one that was started by hand has none; its log is another file than the one that systemd's caller once had.
  stop_daemon
  lines=$(lines_of_log)
  JOURNAL_STREAM=1:2 start_daemon
  ctl delete data-container nobody 2>/dev/null || true
  assert_contains "$(tail -n "+$lines" "$work/daemon.log")" 'name="nobody" uid=0 pid='
  assert_contains "$(tail -n 3 "$work/daemon.log")" 'outcome=failed code=not_found'
  assert_eq "$(since "$before" .SPAWND_VERB)" "" "records"
}

write_config
start_under_journal
run_cases "$@"
