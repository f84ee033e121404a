#!/usr/bin/env bash
# Containers: real PostgreSQL servers, private, ten at once, over TLS and without; listings, ids, exit codes.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

case_create_prints_what_scripts_expect() {
  ctl delete data-container -q first
  assert_exit 0 ctl create data-container --image base --name first
  assert_eq "$err" "" "stderr"
  assert_matches "$out" "^Data container 'first' \(1[0-9]{4}\) created!"$'\n'"-> Host=127\.0\.0\.1;Port=[0-9]+;Username=spawn_admin_[A-Za-z0-9]{4};Database=shop;Password=[A-Za-z0-9]{16}$"
  assert_eq "$(sed -n 's/^-> //p' <<<"$out")" "$(field first connectionString)"
  assert_exit 0 ctl create dc base -q
  assert_matches "$out" '^base-[a-z]{8}$' "a generated name"
  ctl delete data-container -q "$out"
}

case_the_server_is_real() {
  local user
  user=$(field first user)
  assert_eq "$(sql first '' 'select current_database(), current_user')" "shop|$user"
  assert_eq "$(sql first postgres 'select usesuper from pg_user where usename = current_user')" t "superuser"
  assert_eq "$(sql first "$user" 'select current_database()')" "$user" "the database named like the user"
  assert_eq "$(sql first shop "select count(*) from pg_stat_activity where backend_type = 'checkpointer'")" 1
  (( $(field first port) >= first_port && $(field first port) < first_port + 100 )) || fail "port outside portRange"
}

case_tls_and_plain() {
  assert_eq "$(sslmode=require sql first '' 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" t "sslmode=require"
  assert_eq "$(sslmode=disable sql first '' 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" f "sslmode=disable"
}

case_wrong_password_is_refused() {
  assert_exit 2 env PGPASSWORD=wrong psql -X -h 127.0.0.1 -p "$(field first port)" -U "$(field first user)" -d postgres -c 'select 1'
  assert_contains "$err" "password authentication failed"
}

case_the_url_works_as_it_is() {
  assert_eq "$(psql -X -A -t -d "$(field first url)" -c 'select 42' </dev/null)" 42
  assert_contains "$(field first jdbcConnectionString)" "jdbc:postgresql://127.0.0.1:$(field first port)/shop"
}

case_the_engine_has_few_rights() {
  local pid
  pid=$(server_pid "$(keeper_pid "$(field first id)")")
  [[ -n $pid ]] || fail "no server below the keeper"
  assert_eq "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" "$((1879048192 + $(field first port)))" "engine's user"
  assert_eq "$(awk '/^CapEff:|^CapPrm:|^CapBnd:/ {print $2}' "/proc/$pid/status" | sort -u | head -n 1)" 0000000000000000 "capabilities"
  assert_eq "$(awk '/^NoNewPrivs:/ {print $2}' "/proc/$pid/status")" 1
  local namespace
  for namespace in mnt pid ipc; do
    [[ $(readlink "/proc/$pid/ns/$namespace") != "$(readlink "/proc/self/ns/$namespace")" ]] || fail "engine shares our $namespace namespace"
  done
}

# Seen from the host: not by the pid namespaces, but by the users that the kernel knows.
case_each_engine_has_a_user_of_its_own() {
  local mine others
  make_container base second
  mine=$(server_pid "$(keeper_pid "$(field first id)")")
  others=$(server_pid "$(keeper_pid "$(field second id)")")
  assert_eq "$(field first confinement.user)" own
  assert_eq "$(field first confinement.userId)" "$(stat -c %u "/proc/$mine")"
  assert_eq "$(stat -c %u "/proc/$others")" "$((1879048192 + $(field second port)))" "the second's user"
  as_first() { setpriv --reuid "$(stat -c %u "/proc/$mine")" --regid "$(stat -c %g "/proc/$mine")" --clear-groups "$@"; }
  as_first kill -0 "$mine" || fail "it does not reach itself"
  ! as_first kill -0 "$others" 2>/dev/null || fail "it may signal the other"
  ! as_first cat "/proc/$others/environ" >/dev/null 2>&1 || fail "it may read the other"
  # What the server sees as its own, the disk knows as engineUser's: an image fits every container.
  sql second '' "create table owners (line text)"
  sql second '' "copy owners from program 'stat -c %u:%g PG_VERSION; id -un'"
  assert_eq "$(sql second '' 'table owners')" "$(stat -c %u:%g "/proc/$others")"$'\n'spawnd
  ctl delete data-container -q second
}

case_limits_are_checked_and_shown() {
  assert_exit 0 ctl create data-container -q -i base --name limited --memory 512MiB --cpus 1.5 --pids 200
  assert_eq "$(ctl get data-container limited -o json | jq -c .limits)" '{"memoryBytes":536870912,"cpus":1.5,"pids":200,"cpuWeight":100,"ioWeight":100}'
  assert_eq "$(field first limits.pids)" 4096 "the daemon's"
  (( $(field first limits.memoryBytes) > 0 )) || fail "no limit of memory"
  ctl delete data-container -q limited
  assert_error 64 "--memory: 'lots' is not a size from 32MiB to 1024TiB" -- ctl create data-container -i base --memory lots
  assert_error 64 "--pids: '3' is not a number from 32 to 4194304" -- ctl create data-container -i base --pids 3
}

# What a server has open from the start is what its programs inherit. Of the host that is nothing but devices, and the
# pipe that it prints to.
case_the_engine_has_nothing_of_the_host_open() {
  local listed server
  sql first '' "create table opened (line text)"
  # The shell reads from the server and writes to it; whatever else the server passes on is its own.
  sql first '' "copy opened from program 'for fd in /proc/self/fd/*; do readlink \$fd; done; true'"
  listed=$(sql first '' 'select distinct line from opened order by line')
  note "$listed"
  assert_lacks "$listed" "$state"
  assert_eq "$(grep -vE '^(/dev/(null|random|urandom)|pipe:|socket:|anon_inode:|/proc/[0-9]+/fd|/run/spawnd/)' <<<"$listed" || true)" ""
  server=$(server_pid "$(keeper_pid "$(field first id)")")
  assert_eq "$(readlink "/proc/$server/fd/0")" /dev/null
  assert_matches "$(readlink "/proc/$server/fd/1")" '^pipe:'
  assert_eq "$(readlink "/proc/$server/fd/2")" "$(readlink "/proc/$server/fd/1")"
  assert_lacks "$(readlink "/proc/$server/fd/"*)" "$state"
  sql first '' 'drop table opened'
  # Nor has process 1 more than the lock and the log: its keeper's volume and socket are its keeper's.
  listed=$(readlink "/proc/$(ps -o ppid= -p "$server" | tr -d ' ')/fd/"* | grep "$state")
  assert_eq "$listed" "$state/containers/$(field first id)/keeper.lock"
}

case_ten_at_once() {
  local n pids=()
  for n in {0..9}; do
    ctl create data-container -q -i base -n "ten-$n" >"$work/ten-$n.out" 2>&1 &
    pids+=($!)
  done
  for n in "${!pids[@]}"; do wait "${pids[$n]}" || fail "create $n: $(<"$work/ten-$n.out")"; done
  for n in {0..9}; do
    assert_eq "$(sql "ten-$n" '' 'select count(*) from item')" 1000
    sql "ten-$n" '' "insert into item values (-$n - 1, 'only in $n')"
  done
  for n in {0..9}; do
    assert_eq "$(sql "ten-$n" '' 'select id from item where id < 0')" "$((-n - 1))" "each is private"
  done
  assert_eq "$(ctl get dc -o json | jq '[.[] | select(.name | startswith("ten-")) | .port] | unique | length')" 10 "ports"
  assert_eq "$(ctl get dc -o json | jq '[.[] | select(.name | startswith("ten-")) | .password] | unique | length')" 10 "passwords"
  make_container base after-ten
  assert_eq "$(sql after-ten '' 'select count(*) from item where id < 0')" 0 "the image has not changed"
  ctl delete data-container -q ten-{0..9} after-ten
}

case_pgbench() {
  make_container base bench
  local json
  json=$(ctl get data-container bench -o json)
  export PGHOST=127.0.0.1 PGPORT PGUSER PGPASSWORD PGDATABASE=shop
  PGPORT=$(jq -r .port <<<"$json") PGUSER=$(jq -r .user <<<"$json") PGPASSWORD=$(jq -r .password <<<"$json")
  pgbench -i -s 2 -q >"$work/out" 2>&1 || fail "$(<"$work/out")"
  pgbench -c 4 -j 2 -t 200 >"$work/out" 2>&1 || fail "$(<"$work/out")"
  assert_contains "$(<"$work/out")" "number of transactions actually processed: 800/800"
  assert_eq "$(psql -X -At -c 'select (select sum(delta) from pgbench_history) = (select sum(abalance) from pgbench_accounts)' </dev/null)" t
  ctl delete data-container -q bench
}

case_a_fresh_container_costs_little() {
  make_container base small
  local bytes
  bytes=$(field small diskBytes)
  (( bytes > 0 && bytes < 8 * 1048576 )) || fail "a fresh container takes $bytes bytes"
  sql small '' "create table big as select i, repeat(md5(i::text), 8) from generate_series(1, 40000) i"
  sql small '' checkpoint
  (( $(field small diskBytes) > bytes + 10 * 1048576 )) || fail "after writing 10 MB it takes $(field small diskBytes) bytes, $bytes before"
  ctl delete data-container -q small
}

case_listings() {
  assert_exit 0 ctl get data-containers
  assert_eq "$err" "" "get writes nothing to stderr"
  assert_eq "$(head -n 1 <<<"$out" | xargs)" "ID Name Revision Status Engine CreatedAt ExpiresAt"
  assert_matches "$(grep ' first ' <<<"$out")" '^1[0-9]{4} +first +rev\.0 +Completed +PostgreSQL'
  assert_exit 0 ctl get dc first -o json
  assert_eq "$(jq -r '[.name, .image, .status, .state, .revision, .host, (.port|type)] | join(" ")' <<<"$out")" "first base Completed running rev.0 127.0.0.1 number"
  jq -e '.readyMilliseconds > 0 and (.timings | length) > 3' <<<"$out" >/dev/null || fail "no ready time: $out"
  assert_exit 0 ctl get dc "$(field first id)" -o yaml
  assert_contains "$out" "connectionstring: Host=127.0.0.1"
  assert_contains "$out" "port: $(field first port)"
}

case_names() {
  assert_error 1 first -- ctl create dc base -n first
  assert_error 64 name -- ctl create dc base -n 'no blanks'
  assert_error 64 name -- ctl create dc base -n 12345
  assert_error 2 nothing -- ctl get dc nothing
  assert_error 2 nothing -- ctl delete dc nothing
}

case_tag_and_id_of_the_image() {
  make_container base:v1 by-tag
  assert_eq "$(field by-tag image)" base:v1
  make_container "$(image_field base id)" by-id
  assert_eq "$(field by-id imageId)" "$(image_field base id)"
  ctl delete data-container -q by-tag by-id
}

# delete returns at once and the name is free at once; the rest follows.
case_delete() {
  make_container base gone
  local keeper port
  keeper=$(keeper_pid "$(field gone id)") port=$(field gone port)
  [[ -n $keeper ]] || fail "no keeper to be seen"
  assert_exit 0 ctl delete data-container -q gone
  assert_eq "$out$err" ""
  make_container base gone
  assert_eq "$(sql gone '' 'select count(*) from item')" 1000
  wait_until 10 process_gone "$keeper"
  port_closed() { ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
  wait_until 10 port_closed
  ctl delete data-container -q gone
}

case_durability() {
  ctl create data-container -q -i base -n strict --durability always >/dev/null
  assert_eq "$(field strict durability)" always
  assert_eq "$(field first durability)" everysec
  sql strict '' "insert into item values (-1, 'kept')"
  ctl delete data-container -q strict
}

write_config
start_daemon
make_items_image base 'tags: [v1]'
make_container base first >/dev/null  # what most cases look at
run_cases "$@"
