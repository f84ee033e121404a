#!/bin/bash
# Backups of Redis and Valkey: append-only files of every kind, snapshots that do not fit, scripts with errors, settings.
source "$(dirname "$0")/harness.sh"

write_config
start_daemon
BASH_ARGV0=$(realpath "$0")
cd "$work/files" || exit 1

# redis CONTAINER [ARGUMENT...]: redis-cli with the container's own address and password.
redis() {
  local json; json=$(ctl get data-container "$1" -o json); shift
  REDISCLI_AUTH=$(jq -r .password <<<"$json") redis-cli -h "$(jq -r .host <<<"$json")" -p "$(jq -r .port <<<"$json")" "$@"
}
# described NAME BACKUP [LINE...]: the image's file; engine= says whose.
described() {
  printf 'name: %s\nengine: %s\nsourceType: backup\nbackups: [{path: %s}]\n' "$1" "${engine:-redis}" "$2" >"$1.yaml"
  (( $# < 3 )) || printf '%s\n' "${@:3}" >>"$1.yaml"
  echo "$1.yaml"
}
# holds NAME BACKUP KEYS [LINE...]: an image of it has a container with so many keys. What was said is in $err.
holds() {
  assert_exit 0 ctl create data-image -f "$(described "$1" "$2" "${@:4}")"
  make_container "$1" "of-$1" >/dev/null
  assert_eq "$(redis "of-$1" dbsize)" "$3" "keys of $2"
}
refused() {  # refused CODE BACKUP WORDS... [-- LINE...]
  local code=$1 backup=$2 words=(); shift 2; echo "refused: $backup" >&2
  while (( $# )) && [[ $1 != -- ]]; do words+=("$1"); shift; done
  (( $# == 0 )) || shift
  assert_error "$code" "${words[@]}" -- ctl create data-image -q -f "$(described refused "$backup" "$@")"
  assert_eq "$(ctl get data-images -o json | jq '[.[] | select(.name == "refused" and .status == "Completed")] | length')" 0 'images of it'
}
# command WORD...: as it travels.
command_() { printf '*%d\r\n' $#; local word; for word in "$@"; do printf '$%d\r\n%s\r\n' "${#word}" "$word"; done; }
# A snapshot with one key and without a checksum, up to its end.
snapshot() { printf 'REDIS0009\0\001%s\0011\377\0\0\0\0\0\0\0\0' "$1"; }

case_an_append_only_file() {
  { command_ SELECT 0; command_ SET a 1; command_ SELECT 3; command_ SET b 2; } >text.aof
  holds text text.aof 1
  assert_eq "$(redis of-text -n 3 get b)" 2
  # With notes of when commands came, and packed.
  { printf '#TS:1700000000\r\n'; cat text.aof; } | gzip >notes.gz
  holds notes notes.gz 1
  # With a snapshot at its head, which Redis 4 and later write, under any name; and packed.
  { snapshot a; command_ SET b 2; } >b.rdb
  holds preamble b.rdb 2
  assert_eq "$(redis of-preamble get a)$(redis of-preamble get b)" 12
  gzip -k b.rdb
  holds packed b.rdb.gz 2
  snapshot a >whole.rdb
  holds whole whole.rdb 1
  gzip -k whole.rdb
  holds whole-packed whole.rdb.gz 1
  # Text that is none stays a script.
  printf 'SET a 1\n# a note\nSET b 2\n' >plain.aof
  holds plain plain.aof 2
  printf 'name: s\nengine: redis\nsourceType: scripts\nscriptsFolders: [s]\n' >s.yaml
  mkdir -p s; cp text.aof s/1.redis
  assert_error 64 'append-only file and no script' -- ctl create data-image -q -f s.yaml
  refused 64 /dev/null 'dev/null'
  mkfifo pipe; cat b.rdb >pipe &
  holds piped pipe 2
  : >nothing.aof
  refused 64 nothing.aof 'is empty'
}

case_a_folder_of_append_only_files() {
  mkdir -p data/appendonlydir
  local dir=data/appendonlydir
  snapshot a >$dir/appendonly.aof.2.base.rdb
  { command_ SET b 2; command_ SET c 3; } >$dir/appendonly.aof.2.incr.aof
  command_ SET d 4 >$dir/appendonly.aof.3.incr.aof
  printf 'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\n%s\n%s\n' \
    'file appendonly.aof.2.incr.aof seq 2 type i' 'file appendonly.aof.3.incr.aof seq 3 type i' >$dir/appendonly.aof.manifest
  holds folder data/appendonlydir 4
  # The data directory that it is in, with an old snapshot beside it.
  snapshot old >data/dump.rdb
  holds directory data 4
  assert_contains "$err" "dump.rdb"
  # As Redis' own BACKUP and other names of the files have it: a base in commands, the manifest called otherwise.
  mkdir other; command_ SET a 1 >other/base.aof; command_ SET b 2 >other/more.aof
  printf 'file base.aof seq 1 type b\nfile more.aof seq 1 type i\n' >other/redis.manifest
  holds other other 2
  # A server's directory before 7.0, and one without append-only files.
  mkdir six; { command_ SELECT 0; command_ SET a 1; command_ SET b 2; } >six/appendonly.aof
  holds six six 2
  mkdir dump; snapshot a >dump/dump.rdb; echo x >dump/redis.conf
  holds dump dump 1
  # Parts of it, and parts that are not there.
  refused 64 $dir/appendonly.aof.2.incr.aof 'only what was written after its base' appendonlydir
  refused 64 $dir/appendonly.aof.manifest 'is the manifest' 'name the folder'
  rm $dir/appendonly.aof.2.incr.aof
  refused 64 $dir 'is not whole' appendonly.aof.2.incr.aof
  ln -s /etc/passwd $dir/appendonly.aof.2.incr.aof
  refused 64 $dir 'is not whole' appendonly.aof.2.incr.aof
  printf 'file ../x seq 1 type b\n' >$dir/appendonly.aof.manifest
  refused 64 $dir 'line 1 of'
  cp dump/dump.rdb dump/second.rdb
  refused 64 dump 'it has 2 snapshots'
}

case_a_cut_append_only_file() {
  { command_ SELECT 0; command_ SET a 1; command_ SET b 'a longer value'; } >cut.aof
  truncate -s -12 cut.aof
  holds cut cut.aof 1
  assert_matches "$err" "^warning: the end of 'cut.aof' is cut \(byte 50\)"
  assert_contains "$(ctl logs data-image cut 2>/dev/null || true)" "is cut"
  { snapshot a; command_ SET b 2; command_ SET c 3; } >cut.rdb
  truncate -s -3 cut.rdb
  holds cut-preamble cut.rdb 2
  assert_contains "$err" "is cut"
  # An open transaction: nothing of it counts, and that is said.
  { command_ SELECT 0; command_ SET a 1; command_ MULTI; command_ SET b 2; command_ SET c 3; } >open.aof
  holds open open.aof 1
  assert_matches "$err" "^warning: 'open.aof' ends within a transaction"
  # In the middle it is damage.
  { command_ SET a 1; echo nonsense; command_ SET b 2; } >damaged.aof
  refused 64 damaged.aof "backup 'damaged.aof' cannot be read" 'bad file format'
  # A snapshot that is cut is another thing.
  { printf 'REDIS0009\0\001a\024'; printf '12345'; } >half.rdb
  refused 64 half.rdb "'half.rdb' is truncated"
  gzip -k half.rdb
  refused 64 half.rdb.gz "'half.rdb.gz' is truncated"
  mkdir middle; command_ SET a 1 | head -c 20 >middle/1.aof; command_ SET b 2 >middle/2.aof
  printf 'file 1.aof seq 1 type i\nfile 2.aof seq 2 type i\n' >middle/x.manifest
  refused 64 middle 'not the last'
}

case_what_is_no_one_backup() {
  { snapshot a; snapshot b; } >two.rdb
  refused 64 two.rdb "'two.rdb' holds more than one snapshot" 'behind byte 23'
  { snapshot a; echo 'SET b 2'; } >text.rdb
  refused 64 text.rdb 'something else at its end behind byte 23' 'head -c 23'
  { snapshot a; echo; } | gzip >line.rdb.gz
  refused 64 line.rdb.gz 'something else at its end behind byte 23'
  { command_ SET a 1; printf '*3\r\n$3\r\nSET\r\n$1\r\nbcd\r\n$1\r\n1\r\n'; command_ SET c 1; } >length.aof
  refused 64 length.aof 'bad file format' 'length in it is wrong' redis-check-aof
}

case_what_this_server_cannot_load() {
  { printf 'REDIS0099\372\011redis-ver\00515.20'; printf '\377\0\0\0\0\0\0\0\0'; } >newer.rdb
  refused 64 newer.rdb 'RDB format 99' 'written by Redis 15.20' 'reads up to 10' 'at least as new'
  mkdir newer; cp newer.rdb newer/base.rdb; printf 'file base.rdb seq 1 type b\n' >newer/a.manifest
  refused 64 newer 'written by Redis 15.20'
  { printf 'VALKEY080\372\012valkey-ver\0059.1.2'; printf '\377\0\0\0\0\0\0\0\0'; } >valkeys.rdb
  refused 64 valkeys.rdb 'Valkey 9.1.2' 'engine: valkey'
  # All modules in one message: two values and a field of a third.
  python3 - >modules.rdb <<'END_OF_PYTHON'
import sys
letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
def module(name):
    number = 0
    for letter in name: number = number << 6 | letters.index(letter)
    return b"\x81" + (number << 10 | 1).to_bytes(8, "big")
text = lambda s: bytes([len(s)]) + s.encode()
out = b"REDIS0010" + b"\xfa" + text("redis-ver") + text("7.0.15")
out += b"\xf7" + module("ft_index0") + b"\x02\x02\x02\x05\x00"
out += b"\xfe\x00\x00" + text("plain") + text("x" * 60)
out += b"\x07" + text("doc") + module("ReJSON-RL") + b"\x05" + text("{}") + b"\x02\x07\x00"
out += b"\x0e" + text("list") + b"\x02" + text("one") + b"\xc3\x03\x05abc"
out += b"\x05" + text("set") + b"\x01" + text("m") + b"\0" * 8
out += b"\x07" + text("series") + module("TSDB-TYPE") + b"\x04" + b"\0" * 8 + b"\x00"
sys.stdout.buffer.write(out + b"\xff" + b"\0" * 8)
END_OF_PYTHON
  refused 64 modules.rdb 'ReJSON-RL (RedisJSON)' 'TSDB-TYPE (RedisTimeSeries)' 'ft_index0 (RediSearch)'
  mkdir modules; cp modules.rdb modules/base.rdb; printf 'file base.rdb seq 1 type b\n' >modules/a.manifest
  refused 64 modules 'ReJSON-RL (RedisJSON)' 'TSDB-TYPE (RedisTimeSeries)'
  refused 64 modules.rdb "'skipExtensions' means nothing to Redis" 'cannot be left out' -- 'skipExtensions: [ReJSON]'
  # More databases than a server has by default.
  { command_ SELECT 40; command_ SET a 1; } >many.aof
  refused 64 many.aof 'settings: {databases'
  holds many many.aof 0 'settings: {databases: 64}'
  assert_eq "$(redis of-many -n 40 get a)" 1
  assert_error 64 -- ctl create data-container -q -i many -n few --setting databases=4
  assert_contains "$err" '--setting databases='
}

case_functions_come_along() {
  { command_ FUNCTION LOAD $'#!lua name=l\nredis.register_function("f", function() return 7 end)'; command_ SET a 1; } >functions.aof
  holds functions functions.aof 1
  assert_eq "$(redis of-functions fcall f 0)" 7
}

case_scripts_of_other_systems() {
  printf '\xef\xbb\xbfSET a 1\r\nSET b 2\r\n' >windows.txt
  holds windows windows.txt 2
  assert_eq "$(redis of-windows get b)" 2
  printf '\xff\xfeS\0E\0T\0' >utf16.txt
  refused 64 utf16.txt 'UTF-16' 'as UTF-8'
}

case_errors_of_a_script() {
  printf 'SET a 1\nLPUSH a x\nSET b 2\nNOSUCH\nSET c 3\n' >errors.redis
  refused 64 errors.redis 'line 2 of errors.redis' WRONGTYPE
  holds all errors.redis 3 'onError: continue'
  assert_contains "$err" "passed over: WRONGTYPE"
  assert_contains "$err" "line 4 of"
  refused 64 errors.redis 'line 4 of errors.redis' -- 'onError: [WRONGTYPE]'
  refused 64 errors.redis "'4271' under \`onError\`" 'as WRONGTYPE' -- 'onError: [WRONGTYPE, 4271]'
  refused 64 errors.redis "'-WRONGTYPE' under \`onError\`" 'as WRONGTYPE' -- "onError: ['-WRONGTYPE']"
  holds some errors.redis 3 'onError: [WRONGTYPE, nosuch]'
  holds wrongs errors.redis 3 'onError: ["wrongtype operation", "ERR unknown command"]'
  # In a transaction that is not closed nothing is done.
  printf 'SET a 1\nSET b 2\nMULTI\nSET c 3\n' >open.redis
  refused 64 open.redis 'transaction that begins in line 3' EXEC
  refused 64 open.redis 'transaction that begins in line 3' -- 'onError: continue'
}

case_scripts_reach_no_other_server() {
  printf 'SET a 1\nREPLICAOF 127.0.0.1 42999\nSET b 2\nCONFIG SET masterauth x\nCLUSTER MEET 127.0.0.1 42999\n' >follows.redis
  holds follows follows.redis 2
  assert_contains "$err" "line 2 of 'follows.redis': 'REPLICAOF' was left out: a container follows no other server"
  assert_contains "$err" "'CLUSTER' was left out"
  assert_contains "$err" "'CONFIG SET masterauth' was left out"
  assert_contains "$(redis of-follows info replication)" role:master
  assert_contains "$(redis of-follows set c 3)" OK
  # The superuser of a container may still do what he wants.
  assert_contains "$(redis of-follows acl getuser default)" '+@all'
  printf "SET a 1\nMIGRATE 127.0.0.1 42999 a 0 100\n" >migrate.redis
  refused 64 migrate.redis "line 2 of migrate.redis" "'MIGRATE' would move"
  # No access list of a script's own gives back what the server of a build does not have.
  local call
  for call in "'migrate', '127.0.0.1', 42999, 'a', 0, 100" "'shutdown', 'nosave'" "'replicaof', '127.0.0.1', 42999"; do
    printf 'ACL SETUSER default +@all\nEVAL "return redis.call(%s)" 1 a\n' "$call" >lua.redis
    refused 64 lua.redis 'line 2 of lua.redis' 'no REPLICAOF'
  done
  printf 'SET a 1\nACL SETUSER default +@all\nEVAL "return 1" 0\n' >rights.redis
  holds rights rights.redis 1
  { command_ SET a 1; command_ REPLICAOF 127.0.0.1 42999; command_ SET b 2; } >follows.aof
  refused 64 follows.aof "'replicaof', which is for a server among others"
  { command_ SET a 1; command_ SHUTDOWN NOSAVE; } >ends.aof
  refused 64 ends.aof "'shutdown'"
}

case_scripts_that_would_not_end() {
  local line
  for line in 'CLIENT REPLY OFF' 'BLPOP q 0' 'XREAD BLOCK 0 STREAMS s $' 'WAIT 1 0' MONITOR 'SUBSCRIBE x' 'SHUTDOWN NOSAVE' \
    'DEBUG SLEEP 1000' QUIT; do
    printf 'SET a 1\n%s\nSET b 2\n' "$line" >ends.redis
    refused 64 ends.redis "line 2 of ends.redis: '${line%% *}"
    refused 64 ends.redis 'line 2 of ends.redis' -- 'onError: continue'
  done
  printf 'RPUSH q 1\nBLPOP q 1\nSET c "unterminated\n' >quote.redis
  refused 64 quote.redis 'line 3 of quote.redis' 'quotation mark is not closed'
  printf 'SET a 1\nSELECT 99\nSET a 2\n' >nowhere.redis
  refused 64 nowhere.redis 'line 2 of nowhere.redis' 'out of range' 'databases: 64' -- 'onError: continue'
  refused 64 nowhere.redis 'line 2 of nowhere.redis' -- 'onError: [ERR]'
  holds nowhere nowhere.redis 1 'settings: {databases: 100}'
}

# Ctrl-C ends the build of a script that never ends, and leaves nothing.
case_an_endless_script() {
  printf 'SET a 1\nEVAL "while true do end" 0\n' >endless.redis
  ctl create data-image -f "$(described endless endless.redis)" >"$work/endless" 2>&1 & local build=$!
  wait_until 20 eval '[[ $(ctl get data-images -o json | jq -r ".[] | select(.name == \"endless\") | .status") == Pending ]]'
  sleep 1
  kill -INT "$(pgrep -P $build || echo $build)"
  wait_until 20 process_gone $build
  assert_contains "$(<"$work/endless")" "'endless' is not created"
  wait_until 20 eval '[[ -z $(ls "$state/builds") ]]'
}

case_a_limit_of_memory() {
  python3 -c 'for i in range(5000): print(f"SET k{i} " + "x" * 1000)' >large.redis
  refused 64 large.redis 'the data need' '3145728 (maxmemory)' -- 'settings: {maxmemory: 3mb, maxmemory-policy: allkeys-lru}'
  refused 64 large.redis 'the data need' -- 'settings: {MaxMemory: 3000k}'
  holds large large.redis 5000 'settings: {maxmemory: 30mb, maxmemory-policy: allkeys-lru}'
  assert_eq "$(redis of-large config get maxmemory | tail -n 1)" 31457280
  # A container's own limit is held against the data of the image, before any of them is evicted.
  assert_error 64 'the data need' '1048576 (maxmemory)' -- ctl create data-container -q -i large -n small --setting maxmemory=1mb
  ctl create data-container -q -i large -n roomy --setting maxmemory=20mb >/dev/null
  assert_eq "$(redis roomy dbsize)" 5000
  assert_eq "$(redis roomy config get maxmemory | tail -n 1)" 20971520
  # What it evicts later is its own affair, and no start asks again.
  redis roomy eval 'for i = 1, 40000 do redis.call("SET", "n" .. i, string.rep("x", 1000)) end' 0 >/dev/null
  ctl restart data-container -q roomy
  assert_eq "$(redis roomy config get maxmemory | tail -n 1)" 20971520
  (( $(redis roomy dbsize) > 5000 )) || fail 'keys are gone'
  { printf 'CONFIG SET maxmemory-policy allkeys-lru\nCONFIG SET maxmemory 3mb\n'; cat large.redis; } >evicts.redis
  refused 64 evicts.redis 'has evicted' "A script has set"
}

case_settings() {
  holds set text.aof 1 'settings: {maxmemory-policy: allkeys-lru, hash_max_listpack_entries: 77, save: "900 1 300 10", databases: 20}'
  assert_eq "$(redis of-set config get maxmemory-policy | tail -n 1)" allkeys-lru
  assert_eq "$(redis of-set config get hash-max-listpack-entries | tail -n 1)" 77
  assert_eq "$(redis of-set config get save | tail -n 1)" '900 1 300 10'
  ctl create data-container -q -i set -n mine --setting maxmemory_policy=volatile-ttl >/dev/null
  assert_eq "$(redis mine config get maxmemory-policy | tail -n 1)" volatile-ttl
  assert_eq "$(redis mine config get databases | tail -n 1)" 20
  local name
  for name in port bind dir requirepass unixsocket protected-mode daemonize logfile tls-port TLS_cert_file aclfile include replicaof \
    slaveof cluster-enabled appendonly appendfsync loadmodule rename-command; do
    refused 64 text.aof "setting '$name' cannot be given" -- "settings: {$name: x}"
  done
  assert_error 64 "setting 'replicaof' cannot be given" 'no network' -- ctl create data-container -q -i set -n no --setting 'replicaof=127.0.0.1 1'
  refused 64 text.aof "no-such-setting" -- 'settings: {no-such-setting: 1}'
}

case_keys_that_mean_nothing() {
  local line
  for line in 'locale: de_DE.UTF-8' 'encoding: UTF8' 'tables: [a]' 'excludeTables: [a]' 'excludeData: [a]' 'schemaOnly: true'; do
    refused 64 text.aof "'${line%%:*}' means nothing to Redis" -- "$line"
    refused 64 plain.aof "'${line%%:*}' means nothing to Redis" -- "$line"
  done
  refused 64 text.aof walFolder 'no backup here is recovered by any' -- 'walFolder: ./s'
}

valkey_or_skip() {
  [[ $(ctl get engines -o json | jq '[.[] | select(.engine == "valkey" and .usable)] | length') != 0 ]] || skip "valkey is not installed here"
}

case_valkey_is_itself() {
  valkey_or_skip
  assert_matches "$(ctl get engines | grep '^valkey')" '^valkey +Valkey +9\.'
  assert_eq "$(ctl create data-container -i valkey-empty -n of-empty -q)" of-empty
  assert_eq "$(ctl get data-container of-empty -o json | jq -r .engine)" Valkey
  assert_eq "$(ctl create data-container -i valkey -n of-short -q)" of-short
  assert_contains "$(redis of-short info server)" valkey_version
  # What each has of the other.
  engine=valkey holds redis-there text.aof 1
  assert_contains "$(ctl get data-images)" Valkey:9
  engine=valkey holds preamble-there b.rdb 2
  engine=valkey holds folder-there other 2
  engine=valkey holds own valkeys.rdb 0
  engine=valkey holds settings-there text.aof 1 'settings: {maxmemory-policy: allkeys-lru}'
  printf 'SET a 1\nREPLICAOF 127.0.0.1 42999\nSET b 2\n' >there.redis
  engine=valkey holds script-there there.redis 2
  assert_contains "$(redis of-script-there info replication)" role:master
  { command_ SET a 1; command_ REPLICAOF 127.0.0.1 42999; } >there.aof
  engine=valkey refused 64 there.aof "'replicaof', which is for a server among others"
  redis of-short set k v >/dev/null
  redis of-short --rdb "$work/files/real.rdb" >/dev/null 2>&1
  engine=valkey holds real real.rdb 1
  engine=redis refused 64 real.rdb 'written by Valkey 9' 'reads up to'
  assert_error 64 'Redis 9.1 is not installed' -- ctl create data-image -f <(printf 'name: x\nengine: redis\nversion: "9.1"\nsourceType: empty\n')
}

# Before Valkey had an engine of its own its images were of engine redis.
case_images_from_before_are_opened() {
  valkey_or_skip
  engine=valkey holds before text.aof 1
  ctl delete data-container -q of-before
  stop_daemon
  python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("UPDATE images SET engine = ? WHERE name = ?", ("redis", "before")); c.commit()' \
    "$state/catalog.db"
  start_daemon
  make_container before of-before >/dev/null
  assert_eq "$(redis of-before get a)" 1
  ctl save data-container -q of-before
  ctl reset data-container -q of-before
  assert_eq "$(redis of-before get a)" 1
}

run_cases "$@"
