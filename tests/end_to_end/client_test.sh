#!/usr/bin/env bash
# The comforts of spawnctl: output of one's choice, run, connect, proxy, --if-not-exists.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

left() { ctl get data-containers -o json | jq length; }

case_output_of_ones_choice() {
  make_container shop formats >/dev/null
  local port; port=$(field formats port)
  assert_eq "$(ctl get data-container formats -o port)" "$port"
  assert_eq "$(ctl get data-container formats --format '{{.host}}:{{.port}}')" "127.0.0.1:$port"
  assert_eq "$(ctl get data-containers --format '{{.name}} {{.engine}}:{{.versionText}}')" "formats PostgreSQL:15"
  assert_eq "$(ctl get data-container formats --format '{{json .}}' | jq -r .name)" formats
  assert_matches "$(ctl get data-container formats -o jdbc)" '^jdbc:postgresql://127.0.0.1:'
  assert_error 64 colour name port -- ctl get data-container formats --format '{{.colour}}'
  (
    eval "$(ctl get data-container formats -o env)"
    export PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE
    assert_eq "$(psql -X -A -t -c 'select count(*) from item')" 1000
    assert_eq "$(psql -X -A -t "$DATABASE_URL" -c 'select 1')" 1
  )
  assert_eq "$(ctl create data-container -i shop -n printed -o json | jq -r '.name, (.port | type)' | xargs)" "printed number"
  ctl delete data-container -q formats printed
}

case_if_not_exists() {
  local first; first=$(ctl create data-container -i shop -n same --if-not-exists -o json | jq .id)
  assert_eq "$(ctl create data-container -i shop -n same --if-not-exists -o json | jq .id)" "$first"
  assert_eq "$(ctl create data-container -i shop -n same --if-not-exists -q)" same
  assert_error 1 same already -- ctl create data-container -i shop -n same
  assert_error 1 same "of image" -- ctl create data-container -i other -n same --if-not-exists
  assert_error 64 --name -- ctl create data-container -i shop --if-not-exists
  ctl delete data-container -q same
}

case_run_gives_a_database_and_takes_it_back() {
  assert_exit 0 ctl run --image shop -- sh -c 'psql -X -A -t -c "select count(*) from item"; psql -X -A -t "$DATABASE_URL" -c "delete from item" >/dev/null'
  assert_eq "$out" 1000
  assert_eq "$err" ""
  assert_eq "$(left)" 0
  assert_exit 3 ctl run shop -- sh -c 'exit 3'
  assert_exit 143 ctl run shop -- sh -c 'kill -TERM $$'
  assert_exit 127 ctl run shop -- no-such-command
  assert_contains "$err" no-such-command
  assert_eq "$(printf 'select 7\n' | ctl run shop -- psql -X -A -t)" 7
  assert_eq "$(ctl run shop -- printf '%s|' -q '' --help)" "-q||--help|"
  assert_eq "$(left)" 0
  assert_error 64 "command" "spawnctl run --image shop -- <command>" -- ctl run --image shop
  assert_error 64 "spawnctl run --image shop -- make" -- ctl run --image shop make
  assert_error 64 "spawnctl run shop -- make test" -- ctl run shop make test
  assert_error 2 nothing -- ctl run --image nothing -- true
}

case_run_keeps_on_failure() {
  assert_exit 0 ctl run shop -n kept --keep-on-failure -- true
  assert_eq "$(left)" 0
  assert_exit 5 ctl run shop -n kept --keep-on-failure -- sh -c 'exit 5'
  assert_contains "$err" "$(field kept url)"
  assert_contains "$err" "(expires 1 day from now)" "what is kept does not stay for ever"
  ctl delete data-container -q kept
  assert_exit 1 ctl run shop -n kept --keep-on-failure --lifetime 0 -- false
  assert_contains "$err" "until it is deleted"
  ctl delete data-container -q kept
}

case_run_ended_by_a_signal_deletes_too() {
  "$work/spawnctl" run shop -n stopped -- sleep 60 & local run=$! code=0
  wait_until 20 answers stopped
  kill -TERM "$run"
  wait "$run" || code=$?
  assert_eq "$code" 143
  assert_eq "$(left)" 0
}

case_connect() {
  make_container shop seen >/dev/null
  assert_eq "$(ctl connect seen -- -X -A -t -c 'select count(*) from item')" 1000
  assert_eq "$(echo 'select 3' | ctl connect seen -- -X -A -t)" 3
  assert_error 2 nobody -- ctl connect nobody
  mkdir -p "$work/empty"
  assert_error 1 psql "apt install" -- env PATH="$work/empty" "$work/spawnctl" connect seen
  ctl delete data-container -q seen
}

proxy_line() { [[ -s $work/proxy.out ]]; }
proxy_answers() { [[ $(PGPASSWORD=$(field far password) psql -X -A -t -h 127.0.0.1 -p "$1" -U "$(field far user)" -d shop -c 'select count(*) from item' 2>/dev/null) == 1000 ]]; }

case_proxy() {
  make_container shop far >/dev/null
  "$work/spawnctl" proxy data-container far --port 0 >"$work/proxy.out" 2>"$work/proxy.err" & local proxy=$! port
  wait_until 10 proxy_line
  port=$(sed -E 's/^Forwarding 127\.0\.0\.1:([0-9]+) .*/\1/' "$work/proxy.out")
  proxy_answers "$port" || fail "no answer over the proxy"
  pgbench -i -q -s 1 "postgresql://$(field far user):$(field far password)@127.0.0.1:$port/shop?sslmode=require" 2>/dev/null
  pgbench -c 8 -t 50 "postgresql://$(field far user):$(field far password)@127.0.0.1:$port/shop?sslmode=require" >"$work/pgbench" 2>&1
  assert_contains "$(<"$work/pgbench")" "number of transactions actually processed: 400/400"
  ctl reset data-container -q far
  proxy_answers "$port" || fail "no answer after a reset"
  assert_error 1 "in use" -- ctl proxy data-container far --port "$port"
  kill -TERM "$proxy"  # a background job of a script ignores SIGINT
  wait "$proxy" || fail "a signal is how it ends: exit code $?"
  assert_eq "$(<"$work/proxy.err")" ""
  ctl delete data-container -q far
}

case_mistyped_names() {
  make_container shop mistyped >/dev/null
  assert_error 2 "did you mean 'mistyped'" -- ctl get data-container mystiped
  assert_error 2 "did you mean 'shop'" -- ctl create data-container -i shpo
  assert_error 2 "did you mean 'postgres-empty'" -- ctl create data-container -i postgres-emtpy:15
  assert_error 64 "did you mean 'create'" -- ctl craete data-container
  assert_error 64 "did you mean 'data-containers'" -- ctl get data-contianers
  assert_error 64 "did you mean '--output'" -- ctl get data-containers --outptu json
  ctl delete data-container -q mistyped
}

# another_daemon ANSWERS COMMAND...: against a daemon that gives those.
another_daemon() {
  local pid code=0
  rm -f "$work/other.sock"
  python3 "$repo/tests/end_to_end/another_daemon.py" "$work/other.sock" "$1" & pid=$!; shift
  listens() { [[ -S $work/other.sock ]]; }
  wait_until 10 listens
  SPAWNCTL_API_ENDPOINT=unix://$work/other.sock "$@" || code=$?
  kill "$pid"; wait "$pid" || true
  return "$code"
}

case_a_daemon_of_another_version() {
  local command
  for command in "get data-images" "get data-container x -o json" "auth" "create data-container -i x" "delete data-image x" \
    "save data-container x" "logs data-container x" "version"; do
    # shellcheck disable=SC2086
    assert_exit 69 another_daemon '{"/v2/version": {"version": "2.0"}}' ctl $command
    assert_contains "$err" "error: spawnd at $work/other.sock is of another version"
    assert_contains "$err" "API v1"
  done
  assert_error 2 "no such path" "spawnd 9.9" -- another_daemon '{"/v1/version": {"version": "9.9"}}' ctl get data-images
}

# What a daemon does not say is not made up.
case_what_a_daemon_does_not_say() {
  assert_error 69 "does not say for whom" -- another_daemon '{"/v1/whoami": {"user": "ann"}}' ctl auth
  assert_error 69 "does not say for whom" -- another_daemon '{"/v1/whoami": {}}' ctl auth
  assert_exit 0 another_daemon '{"/v1/version": {"version": "9.9", "apiVersion": "v1.7"}}' ctl version
  assert_contains "$out" "Daemon: 9.9, API v1.7"
  assert_exit 0 another_daemon '{"/v1/version": {"version": "9.9"}}' ctl version
  assert_lacks "$out" "API"
  assert_exit 0 another_daemon '{"/v1/data-images": [{"id": 7, "name": "shop", "status": "Archived"}]}' ctl get data-images
  assert_matches "$out" '7 +shop +- +- +Unknown '
}

write_config
start_daemon
make_items_image shop 'version: 15'
make_image other 'sourceType: empty' 'version: 15' >/dev/null
run_cases "$@"
