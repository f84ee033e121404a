#!/usr/bin/env bash
# Logs: what a restore said, kept with its image; what an engine says, as it says it.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

case_image_log() {
  mkdir -p "$work/files/sql"
  echo "do \$\$ begin raise warning 'mind the gap'; end \$\$;" >"$work/files/sql/V1__warn.sql"
  echo 'nothing' >"$work/files/sql/README"
  make_image said 'sourceType: scripts' 'scriptsFolders: [sql]' >/dev/null
  assert_exit 0 ctl logs data-image said
  assert_contains "$out" "mind the gap" "what the server said"
  assert_contains "$out" "== running sql/V1__warn.sql" "which step said it"
  assert_contains "$out" "note: sql: skipped 'README'"
  assert_eq "$err" "" "stderr"
  assert_eq "$(ctl logs di said --tail 1)" "$(tail -n 1 <<<"$out")"
  assert_eq "$(ctl logs di said --tail=0)" ""
}

case_image_log_passes_over_a_role() {
  printf 'create table t ();\nalter table t owner to long_gone;\n' >"$work/files/owner.sql"
  make_image forgiven 'sourceType: backup' 'backup: {file: owner.sql}' >/dev/null 2>&1
  assert_contains "$(ctl logs data-image forgiven)" 'role "long_gone" does not exist'
}

case_an_image_without_a_restore_said_nothing() {
  make_image quiet 'sourceType: empty' >/dev/null
  assert_exit 0 ctl logs data-image quiet
  assert_eq "$out" ""
}

case_errors() {
  assert_error 2 nowhere -- ctl logs data-image nowhere
  assert_error 2 nowhere -- ctl logs data-container nowhere -f
  assert_error 64 "--tail" many -- ctl logs data-image quiet --tail many
  assert_error 64 99999999999999999999 -- ctl logs data-image quiet --tail 99999999999999999999
  assert_error 64 follow -- ctl logs data-image quiet --follow
}

# A superuser of the database must not be able to write to the terminal of who reads the log.
case_a_terminal_sees_no_sequences() {
  make_image told 'sourceType: empty' >/dev/null
  make_container told teller >/dev/null
  sql teller '' "do \$\$ begin raise log E'a\\tb\\x1b]0;owned\\x07'; end \$\$"
  assert_contains "$(ctl logs data-container teller)" $'a\tb\x1b]0;owned\x07' "a pipe gets the bytes"
  local shown
  shown=$(script -qec "$work/spawnctl logs data-container teller" /dev/null </dev/null)
  assert_contains "$shown" $'a\tb\\x1b]0;owned\\x07' "a terminal"
  assert_lacks "$shown" $'\x1b' "a terminal"
  ctl delete data-container -q teller
}

says() { sql "$1" '' "do \$\$ begin raise log 'word $2'; end \$\$"; }

case_container_log() {
  make_container quiet talks >/dev/null
  says talks one; says talks two
  assert_exit 0 ctl logs data-container talks
  assert_contains "$out" "database system is ready to accept connections"
  assert_contains "$out" "word one"
  says talks three
  assert_contains "$(ctl logs dc talks --tail 4)" "word three"
  assert_eq "$(ctl logs dc talks --tail 4 | wc -l)" 4
}

# What spawnd prepares at each start is not there any more after a save: nobody is to be frightened by that.
case_a_start_logs_no_errors() {
  make_container quiet calm >/dev/null
  sql calm '' 'create table word ()'
  ctl save data-container -q calm >/dev/null
  ctl reset data-container -q calm
  ctl load data-container -q calm -r rev.0
  ctl load data-container -q calm -r rev.1
  assert_exit 0 ctl logs data-container calm
  assert_contains "$out" "database system is ready to accept connections"
  # Nobody can ask a server whether it is ready yet without its noting that.
  assert_eq "$(grep -E 'ERROR|FATAL|STATEMENT' <<<"$out" | grep -v 'FATAL:  the database system is' || true)" ""
  ctl delete data-container -q calm
}

followed() { grep -q "word $1" "$work/follow"; }
follow_ended() { process_gone "$1"; }

# It begins with the last line, goes on with what comes, over a reset, and ends with the container.
case_follow() {
  local pid
  make_container quiet followed >/dev/null
  ctl save data-container -q followed >/dev/null
  "$work/spawnctl" logs data-container followed -f --tail 1 >"$work/follow" 2>"$work/follow.err" &
  pid=$!
  says followed alpha
  wait_until 10 followed alpha
  assert_lacks "$(head -n 1 "$work/follow")" "starting PostgreSQL" "what stood before the last line"
  ctl reset data-container -q followed
  says followed beta
  wait_until 10 followed beta
  (( $(grep -c 'LOG:  word alpha' "$work/follow") == 1 )) || fail "a line came twice"
  ctl delete data-container -q followed
  wait_until 20 follow_ended "$pid"
  wait "$pid" || fail "the follower ended with exit code $?: $(<"$work/follow.err")"
}

# A reset with a spare ends in another server, whose log is another file; the first one's is deleted at once.
case_follow_over_spares() {
  local pid round
  ctl create data-container -q -i quiet -n over --spare >/dev/null
  ctl save data-container -q over >/dev/null
  has_spare() { [[ $(field over 'spare // ""') == ready ]]; }
  taken() { ctl metrics | awk '/^spawnd_spare_resets_total/ { sum += $2 } END { print sum + 0 }'; }
  "$work/spawnctl" logs data-container over -f >"$work/follow" 2>"$work/follow.err" &
  pid=$!
  wait_until 10 test -s "$work/follow"
  for round in 1 2 3; do
    wait_until 60 has_spare
    sql over '' "do \$\$ begin for i in 1..3000 loop raise log 'round $round line %', i; end loop; end \$\$"
    ctl reset data-container -q over
    says over "first-of-$round"
  done
  (( $(taken) >= 3 )) || fail "only $(taken) resets took a spare"
  # Back to the volume that holds rev.0, whose log says what it said long ago.
  ctl load data-container -q over -r rev.0
  says over in-place
  wait_until 20 followed in-place
  for round in 1 2 3; do
    assert_eq "$(grep -oE "LOG:  round $round line [0-9]+$" "$work/follow" | wc -l)" 3000 "lines of round $round"
    assert_eq "$(grep -c "LOG:  word first-of-$round" "$work/follow")" 1
  done
  assert_eq "$(grep -oE 'round [0-9]+ line 1$|word (first-of-[0-9]|in-place)' "$work/follow" | uniq | xargs)" \
    'round 1 line 1 word first-of-1 round 2 line 1 word first-of-2 round 3 line 1 word first-of-3 word in-place' 'the order'
  ctl delete data-container -q over
  wait_until 20 follow_ended "$pid"
  wait "$pid" || fail "the follower ended with exit code $?: $(<"$work/follow.err")"
}

case_follow_until_the_reader_has_enough() {
  make_container quiet enough >/dev/null
  assert_contains "$(ctl logs data-container enough -f | head -n 1)" "PostgreSQL" "the first line"
}

# Whoever goes away is forgotten: the daemon keeps no descriptor for them.
case_a_follower_that_goes() {
  local pid
  make_container quiet gone >/dev/null
  wait_until 10 descriptors_are 0
  for _ in 1 2 3; do
    "$work/spawnctl" logs data-container gone -f >"$work/follow" 2>/dev/null &
    pid=$!
    wait_until 10 test -s "$work/follow"
    kill -9 "$pid"; wait "$pid" 2>/dev/null || true
  done
  wait_until 10 descriptors_are 0
}
log_descriptors() { find "/proc/$(daemon_pid)/fd" -lname '*engine.log' 2>/dev/null | wc -l; }
descriptors_are() { (( $(log_descriptors) == $1 )); }

log_bytes() { find "$state/containers/$1" -name 'engine.log*' -printf '%s\n' | awk '{ s += $1 } END { print s }'; }
began_anew() { [[ -f $state/containers/$1/engine.log.1 ]]; }

# An engine that talks without end does not fill the disk, and a follower misses nothing while the log begins anew.
case_a_log_does_not_grow_for_ever() {
  local id pid
  make_container quiet chatty >/dev/null
  id=$(field chatty id)
  "$work/spawnctl" logs data-container chatty -f >"$work/follow" 2>/dev/null &
  pid=$!
  # 9 MiB, more than the log may have, less than log and older log together.
  sql chatty '' "do \$\$ begin for i in 1..3000 loop raise log 'line % %', i, repeat('x', 3000); end loop; end \$\$"
  wait_until 20 began_anew "$id"
  says chatty after-the-cut
  wait_until 20 followed after-the-cut
  assert_eq "$(grep -oE 'LOG:  line [0-9]+ ' "$work/follow" | awk '{ print $3 }' | uniq | wc -l)" 3000 "lines that the follower saw"
  assert_contains "$(ctl logs data-container chatty)" "line 2999 "
  assert_contains "$(ctl logs data-container chatty --tail 2)" after-the-cut
  assert_eq "$(ctl logs data-container chatty --tail 9500 | grep -c 'LOG:  line')" 3000 "lines across the cut"
  sql chatty '' "do \$\$ begin for i in 1..10000 loop raise log 'more % %', i, repeat('x', 3000); end loop; end \$\$"
  (( $(log_bytes "$id") <= 17 * 1024 * 1024 )) || fail "the log takes $(log_bytes "$id") bytes"
  # However quick it is, and although it is not the server that prints.
  sql chatty '' "copy (select 1) to program 'head -c 300000000 /dev/zero >&2'"
  (( $(log_bytes "$id") <= 17 * 1024 * 1024 )) || fail "the log takes $(log_bytes "$id") bytes"
  kill "$pid"
}

# Root sees all; what another user may not see is not found.
case_logs_of_others() {
  local as_nobody=(setpriv --reuid nobody --regid nogroup --groups spawn -- "$work/spawnctl")
  assert_error 2 talks -- "${as_nobody[@]}" logs data-container talks
  assert_error 2 said -- "${as_nobody[@]}" logs data-image said
}

# With the daemon gone, followers end; it stops in time.
case_the_daemon_stops() {
  local pid code=0
  "$work/spawnctl" logs data-container talks -f >"$work/follow" 2>"$work/follow.err" &
  pid=$!
  wait_until 10 test -s "$work/follow"
  stop_daemon
  wait "$pid" || code=$?
  assert_eq "$code" 69 "exit code of a follower that was broken off"
  start_daemon
}

write_config
start_daemon
run_cases "$@"
