#!/usr/bin/env bash
# A daemon on another machine, through ssh: this one's, by a real sshd on the loopback. Everything goes through one
# connection of spawnctl's: requests, files and folders, the databases of connect, run and proxy. And names for daemons.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

export XDG_CONFIG_HOME=$work/config XDG_RUNTIME_DIR="$work/run 100%"
ssh_port=$((first_port + 99))
there=ssh://root@127.0.0.1:$ssh_port$socket
remote() { PATH="$work/ssh/bin:$PATH" SPAWNCTL_API_ENDPOINT="$there" "$work/spawnctl" "$@"; }
# The same, as the process that is started with &: to be told something by a signal.
become_remote() { PATH="$work/ssh/bin:$PATH" SPAWNCTL_API_ENDPOINT="$there" exec "$work/spawnctl" "$@"; }
with_contexts() { env -u SPAWNCTL_API_ENDPOINT PATH="$work/ssh/bin:$PATH" "$work/spawnctl" "$@"; }

# A server of this test's own: its key, its port, its one user.
start_sshd() {
  mkdir -p "$work/ssh/bin" "$XDG_RUNTIME_DIR" /run/sshd
  chmod 0700 "$XDG_RUNTIME_DIR"
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/host"; ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/key"
  cp "$work/ssh/key.pub" "$work/ssh/authorized"
  cat >"$work/ssh/sshd_config" <<END
Port $ssh_port
ListenAddress 127.0.0.1
HostKey $work/ssh/host
PidFile $work/ssh/sshd.pid
AuthorizedKeysFile $work/ssh/authorized
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
AllowTcpForwarding no
SetEnv PATH=$work/far:/usr/bin:/bin TMPDIR=$work/far/tmp
END
  mkdir -p "$work/far/tmp"; cp "$work/spawnctl" "$work/far/"
  cat >"$work/ssh/config" <<END
IdentityFile $work/ssh/key
IdentitiesOnly yes
StrictHostKeyChecking no
UserKnownHostsFile $work/ssh/known
LogLevel ERROR
END
  # ssh reads its settings from the account's home, which is not this test's.
  printf '#!/bin/sh\nexec /usr/bin/ssh -F %q "$@"\n' "$work/ssh/config" >"$work/ssh/bin/ssh"; chmod +x "$work/ssh/bin/ssh"
  /usr/sbin/sshd -f "$work/ssh/sshd_config" -E "$work/ssh/log"
  wait_until 10 test -s "$work/ssh/sshd.pid"
  printf '#!/bin/sh\nPATH=%q:$PATH SPAWNCTL_API_ENDPOINT=%q exec %q "$@"\n' "$work/ssh/bin" "$there" "$work/spawnctl" >"$work/both"; chmod +x "$work/both"
}
extra_clean_up() {
  local control
  for control in "$XDG_RUNTIME_DIR"/spawnctl/*; do [[ -S $control ]] && /usr/bin/ssh -S "${control//%/%%}" -O exit x 2>/dev/null; done
  [[ ! -s $work/ssh/sshd.pid ]] || kill "$(<"$work/ssh/sshd.pid")"
}
nothing_is_left_there() { [[ -z $(ls -A "$work/far/tmp") ]]; }

case_requests() {
  remote version >"$work/text" || fail "$(<"$work/ssh/log")"
  assert_contains "$(<"$work/text")" "Daemon: "
  assert_contains "$(remote auth)" "$there"
  assert_eq "$(remote create data-container -q --image postgres-empty --name far)" far
  assert_contains "$(remote get data-containers)" far
  # One connection for all: the second command finds it there.
  (( $(pgrep -c -f "ssh: $XDG_RUNTIME_DIR/spawnctl") == 1 )) || fail "connections: $(pgrep -a -f "$work/run")"
  assert_error 2 "no data container" -- remote get data-container nobody
  remote logs data-container far | grep -q 'ready to accept' || fail "no log"
  remote doctor >/dev/null || fail "doctor"
}

case_files_and_folders() {
  echo "create table said (t text); insert into said values ('from afar');" >"$work/files/x.sql"
  local yaml; yaml=$(image_yaml sent 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: x.sql}')
  assert_eq "$(remote create data-image -q -f "$yaml")" sent
  yaml=$(image_yaml piped 'sourceType: backup' 'initialDatabaseName: shop' "backup: {file: '-'}")
  assert_eq "$(gzip <"$work/files/x.sql" | remote create data-image -q -f "$yaml")" piped
  mkdir -p "$work/files/scripts/sub"
  echo "create table said (t text);" >"$work/files/scripts/V1__a.sql"
  echo "insert into said values ('by a folder');" >"$work/files/scripts/sub/V2__b.sql"
  yaml=$(image_yaml folder 'sourceType: scripts' 'initialDatabaseName: shop' 'scriptsFolders: [scripts]')
  assert_eq "$(remote create data-image -q -f "$yaml")" folder
  local image
  for image in sent piped folder; do
    remote create data-container -q --image "$image" --name "of-$image" >/dev/null
    assert_contains "$(sql "of-$image" shop 'select t from said')" "a" "$image"
  done
  nothing_is_left_there || fail "left: $(ls -A "$work/far/tmp")"
}

# Two streams through one connection, of which one waits for the other.
case_export_into_import() {
  timeout 60 bash -c 'set -o pipefail; "$0" export data-image sent | "$0" import data-image - --name sent-again -q' "$work/both" >"$work/text" ||
    fail "exit code $?: $(<"$work/text")"
  assert_eq "$(<"$work/text")" sent-again
  remote create data-container -q --image sent-again --name of-sent-again >/dev/null
  assert_eq "$(sql of-sent-again shop 'select t from said')" "from afar"
}

case_databases() {
  assert_eq "$(remote connect of-sent -- -Atc 'select t from said')" "from afar"
  assert_eq "$(remote run --image sent -- sh -c 'psql -Atc "select t from said"; psql "$DATABASE_URL" -Atc "select 1"')" $'from afar\n1'
  # The server is verified, by the authority over there.
  assert_eq "$(remote run --image sent -- sh -c 'psql "$DATABASE_URL?sslmode=verify-full" -Atc "select ssl from pg_stat_ssl where pid = pg_backend_pid()"')" t
  assert_exit 3 remote run --image sent -- sh -c 'exit 3'
  local port=$((first_port + 98)) pid
  become_remote proxy data-container of-sent --port "$port" >"$work/proxy.out" 2>&1 &
  pid=$!
  wait_until 10 grep -q Forwarding "$work/proxy.out"
  PGPASSWORD=$(ctl get dc of-sent -o json | jq -r .password) psql -X -Atq -h 127.0.0.1 -p "$port" -U "$(ctl get dc of-sent -o json | jq -r .user)" -d shop \
    -c 'select t from said' >"$work/rows"
  assert_eq "$(<"$work/rows")" "from afar"
  kill -TERM "$pid"; wait "$pid"
}

case_other_engines() {
  command -v redis-cli >/dev/null || skip "no redis-cli"
  remote create data-container -q --image redis-empty --name cache >/dev/null
  assert_eq "$(remote connect cache -- set k v)" OK
  remote create data-container -q --image mariadb-empty --name shelf >/dev/null
  assert_eq "$(remote connect shelf -- -N -e 'select 1+1')" 2
}

case_an_interrupted_create_is_taken_back() {
  image_yaml slow 'sourceType: scripts' 'scriptsFolders: [slow]' >/dev/null
  mkdir -p "$work/files/slow"; echo 'select pg_sleep(600);' >"$work/files/slow/V1__slow.sql"
  become_remote create data-image -f "$work/files/slow.yaml" >"$work/out" 2>&1 &
  local pid=$!
  wait_until 20 eval 'ctl get data-images | grep -q "slow .*Pending"'
  kill -TERM "$pid"; local code=0; wait "$pid" || code=$?
  (( code == 143 )) || fail "exit code $code: $(<"$work/out")"
  wait_until 10 eval '! ctl get data-images | grep -q "slow "'
  wait_until 10 nothing_is_left_there
}

case_what_goes_wrong_is_said() {
  assert_exit 69 env PATH="$work/ssh/bin:$PATH" SPAWNCTL_API_ENDPOINT=ssh://root@127.0.0.1:1 "$work/spawnctl" get data-images
  assert_contains "$err" "ssh://root@127.0.0.1:1"
  assert_contains "$err" "Connection refused"
  # No daemon over there, no spawnctl over there.
  assert_exit 69 env PATH="$work/ssh/bin:$PATH" SPAWNCTL_API_ENDPOINT="ssh://root@127.0.0.1:$ssh_port/nonexistent.sock" "$work/spawnctl" get data-images
  assert_contains "$err" "/nonexistent.sock"
  mv "$work/far/spawnctl" "$work/far/hidden"
  assert_exit 69 remote get data-images
  assert_contains "$err" "spawnctl"
  mv "$work/far/hidden" "$work/far/spawnctl"
  assert_error 64 "-oProxyCommand" -- env SPAWNCTL_API_ENDPOINT=ssh://-oProxyCommand=x "$work/spawnctl" get data-images
}

case_contexts() {
  assert_contains "$(with_contexts context)" "default"
  with_contexts context create build "$there" >/dev/null
  assert_error 64 "neither" -- with_contexts context create bad http://x
  assert_error 1 "already" -- with_contexts context create build "$there"
  assert_error 2 "nobody" build -- with_contexts context use nobody
  assert_contains "$(with_contexts --context build get data-containers)" far
  with_contexts context use build >/dev/null
  assert_contains "$(with_contexts get data-containers)" far
  assert_eq "$(with_contexts context -o json | jq -r '.[] | select(.current) | .name')" build
  # The environment counts more than what was chosen, the command line more than both.
  assert_error 69 "/nonexistent" -- env SPAWNCTL_API_ENDPOINT=unix:///nonexistent "$work/spawnctl" get data-containers
  assert_contains "$(SPAWNCTL_API_ENDPOINT=unix:///nonexistent PATH=$work/ssh/bin:$PATH "$work/spawnctl" --context build get data-containers)" far
  with_contexts context delete build >/dev/null
  assert_eq "$(with_contexts context -o json | jq -r '.[] | select(.current) | .name')" default
  echo '{' >"$XDG_CONFIG_HOME/spawnctl/contexts.json"
  assert_error 64 contexts.json -- with_contexts context
}

write_config "$first_port-$((first_port + 90))"
start_daemon
start_sshd
# What stays over there for it ends with it, and the container with that.
case_a_run_that_is_killed_leaves_nothing() {
  make_image bound 'sourceType: empty' >/dev/null
  become_remote run -q -n bound --image bound -- sh -c "touch '$work/bound.up'; exec sleep 600" >"$work/out" 2>"$work/err" </dev/null &
  local run=$! children
  wait_until 60 test -e "$work/bound.up"
  # Longer than an idle connection: it is the process over there that counts.
  ctl get data-container bound >/dev/null
  children=$(pgrep -f '^sleep 600$' -P "$run" || true)
  kill -9 "$run"; wait "$run" 2>/dev/null || true
  # shellcheck disable=SC2086 # some numbers
  [[ -z $children ]] || kill -9 $children 2>/dev/null || true
  bound_gone() { ! ctl get data-container bound >/dev/null 2>&1; }
  wait_until 20 bound_gone
  assert_contains "$(ctl events --filter name=bound)" 'the process that it was made for has ended'
}

run_cases "$@"
