#!/usr/bin/env bash
# Images that travel: exported to a file and through pipes, imported into another daemon, interrupted, damaged, hostile.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# shellcheck source=second_daemon.sh
source "$(dirname "$0")/second_daemon.sh"

nothing_there() {
  assert_eq "$(there_ctl get data-images -o json | jq length)" 0 "images after a refused import"
  assert_eq "$(find "$there_state/store" -type f)" "" "files of the store after a refused import"
}
imports_left() { find "$there_state/imports" -mindepth 1 -maxdepth 1 | wc -l; }
# fsck wants the state directory to itself.
fsck_there() {
  stop_there
  "$spawnd" fsck --state-dir "$there_state" >"$work/fsck" 2>&1 || fail "fsck: $(<"$work/fsck")"
  start_there
}

extra_clean_up() {
  if [[ -f $work/there/daemon.pid ]] && there_answers; then
    local id
    for id in $(there_ctl get dc -o json | jq '.[].id'); do there_ctl delete dc -q "$id"; done
    (wait_until 20 folder_empty "$there_state/containers")
    (stop_there)
  fi
  if mountpoint -q "$work/disk"; then umount "$work/disk"; fi
}

case_export_refuses_a_terminal() {
  make_items_image shop
  local said
  said=$(script -qec "$work/spawnctl export data-image shop; echo code \$?" /dev/null </dev/null)
  assert_contains "$said" "nothing for a terminal"
  assert_contains "$said" "code 64"
  assert_error 64 "--resume" -- ctl export data-image shop --resume
}

case_export_is_the_same_each_time() {
  assert_exit 0 ctl export data-image shop -o "$work/shop.image"
  assert_eq "$out$err" "" "what export says"
  assert_eq "$(stat -c %a "$work/shop.image")" 600 "mode of the file"
  ctl export data-image shop >"$work/again.image"
  cmp "$work/shop.image" "$work/again.image" || fail "two exports differ"
  assert_eq "$(head -c 8 "$work/shop.image")" SPWNXPRT
  assert_contains "$(head -c 600 "$work/shop.image" | tr -d '\0')" '"name":"shop"'
  assert_error 64 "is built in" "graduated" -- ctl export data-image postgres-empty -o "$work/none.image"
  cp "$work/again.image" "$work/nothing.image"
  assert_error 2 "no data image 'nothing'" -- ctl export data-image nothing -o "$work/nothing.image"
  cmp "$work/nothing.image" "$work/again.image" || fail "an image that is not there emptied a file"
}

case_import_elsewhere() {
  mkdir -p "$work/there"
  start_there
  assert_exit 0 there_ctl import data-image "$work/shop.image"
  assert_matches "$out" "^Data image 'shop' \(1[0-9]{4}\) imported!$" "stdout"
  assert_eq "$err" "" "stderr when it is no terminal"
  assert_eq "$(imports_left)" 0 "what was received"
  local here elsewhere
  here=$(ctl get data-image shop -o json | jq 'del(.id, .createdAt, .diskBytes, .uniqueBytes, .sharedBytes)')
  elsewhere=$(there_ctl get data-image shop -o json | jq 'del(.id, .createdAt, .diskBytes, .uniqueBytes, .sharedBytes)')
  assert_eq "$elsewhere" "$here"
  there make_container shop of-shop >/dev/null
  assert_eq "$(there sql of-shop shop 'select count(*), min(name) from item')" "$(make_container shop here >/dev/null; sql here shop 'select count(*), min(name) from item')"
  ctl delete dc -q here
  there sql of-shop shop 'delete from item'
  there_ctl graduate dc of-shop --revision rev.0 --name again -q >/dev/null
  there_ctl delete dc -q of-shop
  fsck_there
}

case_from_there_it_goes_on_as_the_same_bytes() {
  there_ctl export data-image shop | cmp - "$work/shop.image" || fail "exported again, the image is another one"
}

case_layers_are_shared_with_the_origin() {
  local before; before=$(find "$state/store/layers" -name '*.layer' | wc -l)
  assert_eq "$(ctl import data-image -q "$work/shop.image" --name twin --tag one)" twin
  # Its own data is there already; what it uses of the empty state is gathered.
  assert_eq "$(find "$state/store/layers" -name '*.layer' | wc -l)" $((before + 1)) "layers"
  (( $(image_field twin sharedBytes) > 0 )) || fail "it shares nothing"
  assert_eq "$(image_field twin tags)" '[
  "one"
]'
  ctl import data-image -q "$work/shop.image" --name triplet >/dev/null
  assert_eq "$(find "$state/store/layers" -name '*.layer' | wc -l)" $((before + 1)) "layers of two imports"
  ctl delete data-image -q twin
  make_container triplet of-triplet >/dev/null
  assert_eq "$(sql of-triplet shop 'select count(*) from item')" 1000
  ctl delete dc -q of-triplet
  ctl delete di -q triplet
  layers_given_back() { (( $(find "$state/store/layers" -name '*.layer' | wc -l) == before )); }
  wait_until 10 layers_given_back
}

case_through_pipes() {
  there_ctl delete di -q again
  ctl export data-image shop | there_ctl import data-image - --name piped -q >"$work/said"
  assert_eq "$(<"$work/said")" piped
  cat "$work/shop.image" | there_ctl import data-image - --name catted -o json | jq -e '.name == "catted"' >/dev/null
  there make_container piped of-piped >/dev/null
  assert_eq "$(there sql of-piped shop 'select count(*) from item')" 1000
  there_ctl delete dc -q of-piped
  there_ctl delete di -q piped catted
  # What the command before the pipe said is the reason, and not this.
  assert_error 64 "standard input is empty" "before the pipe" -- there_ctl import data-image - </dev/null
  assert_error 64 "unknown flag '-f'" "is an argument" -- there_ctl import data-image -f "$work/shop.image"
  # A reader that goes away is no success.
  ! { ctl export data-image shop || touch "$work/failed"; } | head -c 100000 >/dev/null || true
  [[ -e $work/failed ]] || fail "an export that nobody took ended well"
}

case_what_was_masked_stays_behind() {
  make_container shop to-mask >/dev/null
  sql to-mask shop "create table secret as select 'the-word-is-' || md5('x') as word from generate_series(1, 20000)"
  sql to-mask shop 'checkpoint'
  ctl save dc -q to-mask >/dev/null
  ctl graduate dc to-mask --name unmasked -q >/dev/null
  ctl delete dc -q to-mask
  ls "$state/store/layers" | sed 's/\.layer$//' >"$work/layers"
  make_container unmasked masking >/dev/null
  sql masking shop 'drop table secret'
  sql masking shop 'checkpoint'
  ctl save dc -q masking >/dev/null
  ctl graduate dc masking --name masked -q >/dev/null
  ctl delete dc -q masking
  local head layer
  ctl export data-image masked -o "$work/masked.image"
  head=$(head -c 2000 "$work/masked.image" | tr -d '\0')
  assert_matches "$head" '[0-9a-f]{32}' "its head names its layers"
  for layer in $(<"$work/layers"); do assert_lacks "$head" "$layer" "layers of the masked image's file"; done
  there_ctl import data-image "$work/masked.image" -q >/dev/null
  there make_container masked of-masked >/dev/null
  assert_eq "$(there sql of-masked shop 'select count(*) from item')" 1000
  there_ctl delete dc -q of-masked
  there_ctl delete di -q masked
  ctl delete di -q masked unmasked
}


case_damage_is_refused_and_leaves_nothing() {
  there_ctl delete di -q shop
  no_files() { [[ -z $(find "$there_state/store" -type f) ]]; }
  wait_until 20 no_files
  local size at; size=$(stat -c %s "$work/shop.image")
  for at in 0 9 25 40 70 130 700 5000 $((size / 4)) $((size / 2)) $((size - 5000)) $((size - 300)) $((size - 30)) $((size - 1)); do
    cp "$work/shop.image" "$work/bad.image"
    printf '\xa5' | dd of="$work/bad.image" bs=1 seek="$at" conv=notrunc status=none
    cmp -s "$work/bad.image" "$work/shop.image" && printf '\x5a' | dd of="$work/bad.image" bs=1 seek="$at" conv=notrunc status=none
    local code=0
    there_ctl import data-image "$work/bad.image" >"$work/out" 2>"$work/err" || code=$?
    (( code == 64 )) || fail "damage at $at: exit code $code, $(<"$work/err")"
    assert_matches "$(<"$work/err")" "damaged|no exported data image|newer spawnd|of no use|no image that can be used|goes on behind|ends at byte" "damage at $at"
    nothing_there
  done
  for at in 10 63 100 800 100000 $((size / 2)) $((size - 1)); do
    head -c "$at" "$work/shop.image" >"$work/cut.image"
    assert_error 64 "" -- there_ctl import data-image "$work/cut.image"
    nothing_there
  done
  { cat "$work/shop.image"; echo more; } >"$work/long.image"
  assert_error 64 "goes on behind the end" -- there_ctl import data-image "$work/long.image"
  nothing_there
  fsck_there
}

case_export_goes_on_with_a_file() {
  local size at before; size=$(stat -c %s "$work/shop.image")
  before=$(wc -l <"$work/daemon.log")
  for at in 0 50 64 700 1000 $((size / 3)) $((size - 10)) "$size"; do
    head -c "$at" "$work/shop.image" >"$work/part.image"
    assert_exit 0 ctl export data-image shop --resume -o "$work/part.image"
    cmp "$work/part.image" "$work/shop.image" || fail "gone on with at $at, the file is another one"
  done
  # Nothing of that has failed; whoever gives up has, and no 500 of ours.
  assert_eq "$(tail -n "+$((before + 1))" "$work/daemon.log" | grep -E 'broke off|verb=export .*outcome=failed' || true)" "" "failures"
  range() { curl -sS --unix-socket "$socket" "http://localhost/v1/data-images/shop/export?$1"; }
  range 'offset=10&bytes=100000' | cmp - <(tail -c +11 "$work/shop.image" | head -c 100000) || fail "a range has other bytes"
  range "offset=$((size - 5))&bytes=100" | cmp - <(tail -c 5 "$work/shop.image") || fail "the end has other bytes"
  assert_contains "$(range 'bytes=0')" "nothing that an export understands"
  ctl export data-image shop 2>/dev/null | head -c 10 >"$work/cut.image" || true
  assert_exit 2 ctl export data-image shop -o "$work/no/such/folder"
  cancelled() { (( $(tail -n "+$((before + 1))" "$work/daemon.log" | grep -cE 'verb=export .*outcome=failed code=cancelled') == 2 )); }
  wait_until 10 cancelled
  ctl metrics >"$work/numbers"
  assert_lacks "$(<"$work/numbers")" 'spawnd_errors_total{code="internal"}'
  assert_lacks "$(<"$work/numbers")" 'export",status="500"'
  head -c 100000 /dev/urandom >"$work/part.image"
  assert_error 64 "not the beginning" -- ctl export data-image shop --resume -o "$work/part.image"
  assert_eq "$(stat -c %s "$work/part.image")" 100000 "a file that is something else"
  { head -c 1000000 "$work/shop.image"; head -c 1000 /dev/urandom; } >"$work/part.image"
  assert_error 64 "not the beginning" -- ctl export data-image shop --resume -o "$work/part.image"
  make_items_image other
  head -c 1000000 "$work/shop.image" >"$work/part.image"
  assert_error 64 "not the beginning" -- ctl export data-image other --resume -o "$work/part.image"
  ctl delete di -q other
}

# An image of some 60 MB, for what is to be interrupted.
big_image() {
  rm -rf "$there_state"/imports/*  # what refused files have left
  [[ -f $work/big.image ]] && return
  cat >"$work/files/big.sql" <<'END'
create extension if not exists plpgsql;
create table noise as select i, md5(i::text) || md5((i + 1)::text) || md5((i + 2)::text) || md5((i + 3)::text) as text from generate_series(1, 300000) i;
END
  make_image big 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: big.sql}' >/dev/null
  ctl export data-image big -o "$work/big.image"
}
received() { find "$there_state/imports" -type f -printf '%s\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'; }
received_at_least() { (( $(received) >= $1 )); }

# A pipe that gives so much and then nothing, for as long as its reader is there.
slow_start() { sleep 60 & echo $! >"$work/sleep.pid"; head -c "$1" "$work/big.image"; wait; } 2>/dev/null

# Imports `big` from the middle on: what was there is not sent again.
import_goes_on() {
  local there_before=$1 sent
  strace -f -qq -e trace=sendmsg -o "$work/trace" "$work/spawnctl" import data-image "$work/big.image" -q >"$work/said" 2>"$work/err" ||
    fail "$(<"$work/err")"
  sent=$(awk '/= [0-9]+$/ { sum += $NF } END { print sum + 0 }' "$work/trace")
  (( sent < $(stat -c %s "$work/big.image") - there_before + 3000000 )) || fail "$sent bytes were sent, with $there_before there already"
}

case_import_goes_on_after_its_client_was_killed() {
  big_image
  local pid before
  SPAWNCTL_API_ENDPOINT=unix://$there_socket "$work/spawnctl" import data-image - < <(slow_start 25000000) >"$work/out" 2>"$work/err" &
  pid=$!
  wait_until 20 received_at_least 20000000
  local code=0
  kill -TERM "$pid"; wait "$pid" 2>/dev/null || code=$?
  assert_eq "$code" 143
  assert_contains "$(<"$work/err")" 'interrupted: nothing is imported; the daemon keeps what it has got for a day'
  kill "$(<"$work/sleep.pid")" 2>/dev/null || true
  before=$(received)
  assert_error 2 big -- there_ctl get data-image big
  there import_goes_on "$before"
  assert_eq "$(imports_left)" 0 "what was received"
  there make_container big of-big >/dev/null
  assert_eq "$(there sql of-big shop 'select count(*) from noise')" 300000
  there_ctl delete dc -q of-big
  there_ctl delete di -q big
}

case_import_goes_on_after_the_daemon_was_killed() {
  big_image
  local pid before code=0
  SPAWNCTL_API_ENDPOINT=unix://$there_socket "$work/spawnctl" import data-image - < <(slow_start 25000000) >"$work/out" 2>"$work/err" &
  pid=$!
  wait_until 20 received_at_least 20000000
  kill_there
  kill "$(<"$work/sleep.pid")" 2>/dev/null || true
  wait "$pid" || code=$?
  (( code != 0 )) || fail "an import into a dead daemon ended well"
  before=$(received)
  start_there
  fsck_there
  there import_goes_on "$before"
  there make_container big of-big >/dev/null
  assert_eq "$(there sql of-big shop 'select count(*) from noise')" 300000
  there_ctl delete dc -q of-big
  there_ctl delete di -q big
}

# Killed while it verifies and moves files, at whatever moment: a start cleans up, the next import works.
case_the_daemon_is_killed_while_it_makes_the_image() {
  big_image
  local delay
  for delay in 0.1 0.2 0.3 0.4 0.6 0.8; do
    SPAWNCTL_API_ENDPOINT=unix://$there_socket "$work/spawnctl" import data-image "$work/big.image" -q >"$work/out" 2>"$work/err" &
    local pid=$!
    sleep "$delay"
    kill_there
    wait "$pid" || true
    start_there
    fsck_there
    there_ctl import data-image "$work/big.image" -q --name "again" >/dev/null
    there make_container again of-again >/dev/null
    assert_eq "$(there sql of-again shop 'select count(*) from noise')" 300000
    there_ctl delete dc -q of-again
    there_ctl delete di -q again
    there_ctl delete di -q big 2>/dev/null || true
  done
}

case_deleting_while_it_is_exported() {
  make_items_image going
  mkfifo "$work/pipe"
  ctl export data-image going >"$work/pipe" 2>"$work/err" &
  local pid=$!
  exec 9<"$work/pipe"
  head -c 1000 <&9 >"$work/got"
  ctl delete data-image -q going
  cat <&9 >>"$work/got"
  exec 9<&-
  wait "$pid" || fail "$(<"$work/err")"
  there_ctl import data-image "$work/got" -q >/dev/null
  there_ctl delete di -q going
}

case_other_engines() {
  local json
  if command -v redis-server >/dev/null || [[ -d $repo/.deps/redis ]]; then
    printf 'name: cache\nengine: redis\nsourceType: empty\n' >"$work/files/cache.yaml"
    ctl create di -q -f "$work/files/cache.yaml" >/dev/null
    make_container cache caching >/dev/null
    json=$(ctl get dc caching -o json)
    REDISCLI_AUTH=$(jq -r .password <<<"$json") redis-cli -p "$(jq -r .port <<<"$json")" set word hello >/dev/null
    ctl save dc -q caching >/dev/null
    ctl graduate dc caching --name cached -q >/dev/null
    ctl export di cached | there_ctl import di - -q >/dev/null
    there_ctl create dc -q -i cached -n from-afar >/dev/null
    json=$(there_ctl get dc from-afar -o json)
    assert_eq "$(REDISCLI_AUTH=$(jq -r .password <<<"$json") redis-cli -p "$(jq -r .port <<<"$json")" get word)" hello
    there_ctl delete dc -q from-afar
    ctl delete dc -q caching
  fi
  if command -v mariadbd >/dev/null || [[ -x /usr/sbin/mariadbd ]]; then
    printf 'create database shop; create table shop.item as select 1 as a union select 2 union select 3;\n' >"$work/files/maria.sql"
    printf 'name: maria\nengine: mariadb\nsourceType: backup\nbackup: {file: maria.sql}\n' >"$work/files/maria.yaml"
    ctl create di -q -f "$work/files/maria.yaml" >/dev/null
    ctl export di maria | there_ctl import di - -q >/dev/null
    there_ctl create dc -q -i maria -n from-afar >/dev/null
    json=$(there_ctl get dc from-afar -o json)
    assert_eq "$(MYSQL_PWD=$(jq -r .password <<<"$json") mariadb -N -B -h 127.0.0.1 -P "$(jq -r .port <<<"$json")" -u root -e 'select sum(a) from shop.item')" 6
    there_ctl delete dc -q from-afar
  fi
}

case_an_engine_that_is_not_installed() {
  stop_there
  sed -i 's/^engineSearchPaths:.*/engineSearchPaths: []/' "$work/spawnd.yaml"
  start_there
  assert_exit 0 there_ctl import data-image "$work/shop.image" --name orphan
  assert_contains "$err" "is not installed here, and containers of this image need it"
  assert_error 64 "PostgreSQL" "not installed" -- there_ctl create dc -i orphan
  there_ctl delete di -q orphan
  stop_there
  write_config
  start_there
}

# Three users of the machine; whoever is in `spawn` may speak to the daemon.
spawn_gid=$(getent group spawn | cut -d: -f3)
as() { local id=$1; shift; setpriv --reuid "$id" --regid "$id" --groups "$spawn_gid" "$work/spawnctl" "$@"; }
ann() { as 64101 "$@"; }
bob() { as 64102 "$@"; }

case_who_may_import_is_named() {
  cp "$work/shop.image" "$work/files/shop.image"; chmod 0644 "$work/files/shop.image"
  assert_error 1 "may not import" "imports:" -- ann import data-image "$work/files/shop.image"
  assert_eq "$(find "$state/imports" -mindepth 1)" "" "what was received of one who may not"
  write_config
  echo 'imports: {groups: [spawn]}' >>"$work/spawnd.yaml"
  reload 'importers'
  assert_eq "$(ann import data-image -q "$work/files/shop.image" --name anns)" anns
  ann create dc -q -i anns -n hers >/dev/null
  ann delete dc -q hers
  # It is hers: bob sees nothing of it.
  assert_error 2 "no data image 'anns'" -- bob export data-image anns -o "$work/files/out"
  assert_lacks "$(bob get data-images)" anns
  # Names of built-in images are nobody's, and what is too long is none.
  assert_error 64 "built-in image" -- ann import data-image "$work/files/shop.image" --name postgres-empty
  assert_error 64 "not allowed" -- ann import data-image "$work/files/shop.image" --name 'a b'
  # All of that before the file is sent.
  assert_eq "$(find "$state/imports" -mindepth 1)" "" "what was received for a name that cannot be"
  assert_error 64 "team" -- ann import data-image "$work/files/shop.image" --team 'a,b'
  assert_contains "$(curl -sS --unix-socket "$socket" --data-binary x 'http://localhost/v1/imports?tags=a,,b')" '"invalid_argument"'
  assert_eq "$(find "$state/imports" -mindepth 1)" "" "what was received for a team that cannot be"
  ann delete di -q anns
  grep -qE 'verb=import resource=data-image id=1[0-9]{4} name="anns" uid=64101 .*outcome=done' "$work/daemon.log" || fail "no import in the log"
  grep -qE 'verb=export resource=data-image id=1[0-9]{4} name="shop" uid=0 .*outcome=done' "$work/daemon.log" || fail "no export in the log"
  grep -qE "resource=import .*uid=64101 .*outcome=" "$work/daemon.log" || fail "no refused import in the log"
}

case_an_import_under_way_is_its_users_own() {
  local head id
  rm -rf "$state"/imports/*
  head=$(head -c 44 "$work/files/shop.image" | od -An -tu4 -j32 -N8)
  # shellcheck disable=SC2086
  set -- $head
  head=$((64 + $1 + 48 * $2 + 8))
  post() { setpriv --reuid "$1" --regid "$1" --groups "$spawn_gid" curl -s --unix-socket "$socket" -X POST "http://localhost/v1/$2" "${@:3}"; }
  head -c "$head" "$work/files/shop.image" >"$work/files/head"; chmod 0644 "$work/files/head"
  id=$(post 64101 imports --data-binary "@$work/files/head" | jq -r .id)
  assert_matches "$id" '^[0-9a-f]{32}$' "id"
  assert_contains "$(post 64102 "imports/$id?offset=$head" --data-binary x)" '"not_found"'
  assert_contains "$(post 64101 "imports/$id?offset=0" --data-binary x)" "goes on at byte $head"
  assert_contains "$(post 64101 "imports/..%2f..%2fcatalog?offset=0" --data-binary x)" '"not_found"'
  assert_contains "$(post 64101 data-images/import -d "{\"import\": \"$id\"}")" "not complete"
  assert_contains "$(post 64102 data-images/import -d "{\"import\": \"$id\"}")" '"not_found"'
  rm -rf "$state/imports/64101-$id"
}

case_who_may_export() {
  local token
  ctl import data-image -q "$work/shop.image" --name everybodys --team public >/dev/null
  bob export data-image root/everybodys >"$work/out"
  (( $(stat -c %s "$work/out") > 1000000 )) || fail "bob got nothing"
  token=$(bob create at --read-only | sed 's/.*: //')
  assert_error 1 "token" -- bob export data-image root/everybodys -o "$work/files/none" --accessToken "$token"
  ctl delete di -q everybodys
  # A file shows the server's own files, which containers of such an image do not.
  make_items_image tight 'superuser: false' 'teams: [public]'
  assert_error 1 "gives no superuser" -- bob export data-image root/tight -o "$work/files/none"
  ctl export data-image tight | ctl import data-image - -q --name tight-too >/dev/null
  assert_eq "$(image_field tight-too superuser)" false
  ctl delete di -q tight tight-too
}

# As a hostile author would: right checksums over a description or a table of his own.
forge() {
  python3 - "$work/shop.image" "$work/forged.image" "$1" "$2" <<'END'
import ctypes, sys
source, target, old, new = sys.argv[1:]
data = bytearray(open(source, "rb").read())
checksum = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
checksum.argtypes, checksum.restype = (ctypes.c_char_p, ctypes.c_size_t), ctypes.c_uint64
def xxh3(data):
    return checksum(bytes(data), len(data)).to_bytes(8, "little")
length = int.from_bytes(data[32:36], "little")
parts = int.from_bytes(data[36:40], "little")
description = data[64:64 + length].replace(old.encode(), new.encode())
rest = data[64 + length:]
file_bytes = int.from_bytes(data[40:48], "little") - length + len(description)
head = bytearray(data[:64])
head[32:36] = len(description).to_bytes(4, "little")
head[40:48] = file_bytes.to_bytes(8, "little")
head[56:64] = xxh3(head[:56])
head += description + rest[:48 * parts]
head += xxh3(head)
open(target, "wb").write(head + rest[48 * parts + 8:])
END
}

case_forged_descriptions_are_refused() {
  local change
  for change in '"engine":"postgresql"|"engine":"oracle"' '"architecture":"x86_64"|"architecture":"vax"' '"name":"shop"|"name":"a b"' \
    '"name":"shop"|"name":7' '"database":"shop"|"database":"a\u001b[2Jb"' '"superuser":true|"superuser":"yes"' '{"name"|{{"name"'; do
    forge "${change%%|*}" "${change##*|}"
    local code=0
    ctl import data-image "$work/forged.image" >"$work/out" 2>"$work/err" || code=$?
    (( code == 64 || code == 1 )) || fail "$change: exit code $code: $(<"$work/err")"
    assert_matches "$(<"$work/err")" "of no use|does not know|this machine is" "$change"
  done
  assert_eq "$(find "$state/imports" -mindepth 1)" "" "what was received"
  forge '"name":"shop"' '"later":[1],"name":"shop"'
  # The frames are bound to their head: whoever writes another one has to write them all.
  assert_error 64 "damaged" -- ctl import data-image "$work/forged.image"
  rm -rf "$state"/imports/*
}

case_full_disk() {
  stop_there
  mkdir "$work/disk"
  truncate -s 90M "$work/disk.img"
  mkfs.ext4 -q "$work/disk.img"
  mount -o loop "$work/disk.img" "$work/disk"
  there_state=$work/disk/state
  big_image
  sed -i 's/^diskRefusePercent:.*/diskRefusePercent: 90/; s/^diskWarnPercent:.*/diskWarnPercent: 90/' "$work/spawnd.yaml"
  start_there
  # Said at once, before anything is sent.
  head -c 45M /dev/zero >"$work/disk/ballast"
  assert_error 5 "no space for its" -- there_ctl import data-image "$work/big.image"
  assert_eq "$(imports_left)" 0 "what was received"
  # Full in the middle: what came stays, and with room it goes on.
  rm "$work/disk/ballast"
  SPAWNCTL_API_ENDPOINT=unix://$there_socket "$work/spawnctl" import data-image - < <(slow_start 20000000) >"$work/out" 2>"$work/err" &
  local pid=$!
  wait_until 20 received_at_least 15000000
  head -c 200M /dev/zero >"$work/disk/ballast" 2>/dev/null || true
  kill "$pid"; wait "$pid" || true
  kill "$(<"$work/sleep.pid")" 2>/dev/null || true
  assert_error 5 "space" -- there_ctl import data-image "$work/big.image"
  assert_eq "$(find "$there_state/store" -name '*.layer')" "" "layers of an import that had no room"
  rm "$work/disk/ballast"; sync -f "$work/disk"
  assert_eq "$(there_ctl import data-image "$work/big.image" -q)" big
  there_ctl delete di -q big
  stop_there
  write_config
  there_state=$work/there/state
  start_there
  umount "$work/disk"
}

mkdir -p "$work/there"
write_config
start_daemon
run_cases "$@"
