#!/usr/bin/env bash
# A container's door: clients that connect again and again see no end of a server, however it ends, as long as the container
# is there. `--long`: hundreds of each.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

times=3
if [[ ${1:-} == --long ]]; then times=200; shift; fi
client=$repo/tests/end_to_end/reconnecting_client.py

# begin_loop CONTAINER KIND [HOST]: clients of it, one after the other, until end_loop.
begin_loop() {
  local fields
  readarray -t fields < <(ctl get dc "$1" -o json | jq -r '.port, .user, .password, .database')
  (( ${#fields[@]} == 4 )) || fail "there is no $1"
  python3 "$client" "$2" "${3:-127.0.0.1}" "${fields[@]}" >"$work/loop" 2>&1 &
  echo $! >"$work/loop.pid"
  wait_until 20 grep -q begun "$work/loop"
  sleep 0.1
}
# end_loop [FAILED]: at most so many could be failing, none refused.
end_loop() {
  sleep 0.5
  kill -TERM "$(<"$work/loop.pid")"
  wait_until 70 process_gone "$(<"$work/loop.pid")"
  local last; last=$(tail -n 1 "$work/loop")
  note "$last"
  [[ $last =~ attempts\ ([0-9]+)\ refused\ ([0-9]+)\ failed\ ([0-9]+) ]] || fail "the client has said: $(tail -n 5 "$work/loop")"
  (( BASH_REMATCH[1] >= 5 )) || fail "too few: $last"
  assert_eq "${BASH_REMATCH[2]}" 0 "refused connections, $(grep -m 3 refused: "$work/loop")"
  (( BASH_REMATCH[3] <= ${1:-0} )) || fail "failed connections: $(grep failed: "$work/loop")"
}
extra_clean_up() {
  if [[ -f $work/loop.pid ]]; then kill -9 "$(<"$work/loop.pid")" 2>/dev/null || true; fi
  if [[ -f $work/service.pid ]]; then kill -9 "$(<"$work/service.pid")" 2>/dev/null || true; fi
  ip address del "$far/32" dev lo 2>/dev/null || true
}
far=198.18.$((RANDOM % 250)).$((RANDOM % 250 + 2))

# planned KIND: ends on purpose, of each kind.
planned() {
  local kind=$1 n
  sed -i "s/^engine: .*/engine: $kind/" "$(image_yaml "of-$kind" 'sourceType: empty')"
  ctl create data-image -q -f "$work/files/of-$kind.yaml" >/dev/null
  make_container "of-$kind" "a-$kind" >/dev/null
  ctl save dc -q "a-$kind" >/dev/null
  begin_loop "a-$kind" "$kind"
  for (( n = 0; n < times; ++n )); do
    ctl reset dc -q "a-$kind"
    ctl restart dc -q "a-$kind"
    ctl load dc -q "a-$kind" --revision rev.1
  done
  end_loop
}
case_planned_ends_of_postgresql() { planned postgresql; }
case_planned_ends_of_mariadb() { planned mariadb; }
case_planned_ends_of_redis() { planned redis; }

# engine_pid CONTAINER [last]: the server, or the last of its processes, after whose end it recovers by itself.
engine_pid() {
  local pid found=
  for pid in $(descendants "$(keeper_pid "$(field "$1" id)")"); do
    case $(ps -o comm= -p "$pid") in postgres | redis-server) found+=" $pid" ;; esac
  done
  if [[ -n ${2:-} ]]; then echo "${found##* }"; else tr ' ' '\n' <<<"${found# }" | sort -n | head -n 1; fi
}
# Who was being let in when it ended is cut, and who came after waits.
crashes() {
  local kind=$1 n
  begin_loop "a-$kind" "$kind"
  for (( n = 0; n < times; ++n )); do
    runs() { [[ $(field "a-$kind" state) == running ]]; }
    wait_until 60 runs
    case $(( n % 3 )) in
      0) kill -9 "$(keeper_pid "$(field "a-$kind" id)")" ;;
      1) kill -9 "$(engine_pid "a-$kind")" ;;
      2) kill -9 "$(engine_pid "a-$kind" last)" ;;
    esac
    sleep 0.5
  done
  wait_until 60 runs
  end_loop "$times"
}
case_crashes_of_postgresql() { crashes postgresql; }
case_crashes_of_redis() { crashes redis; }

case_the_daemon_comes_and_goes() {
  local n
  begin_loop a-redis redis
  for (( n = 0; n < times; ++n )); do
    if (( n % 2 )); then kill_daemon; else stop_daemon; fi
    start_daemon
    # A keeper's door is the daemon's again: it is there when there is no keeper.
    kill -9 "$(keeper_pid "$(field a-redis id)")"
    runs() { [[ $(field a-redis state) == running ]]; }
    sleep 0.2
    wait_until 60 runs
  done
  end_loop "$times"
}

# say KIND CONTAINER: what its own client says.
say() {
  local port password; port=$(field "$2" port) password=$(field "$2" password)
  case $1 in
    postgresql) PGPASSWORD=$password psql -XAtq -h 127.0.0.1 -p "$port" -U "$(field "$2" user)" -d "$(field "$2" database)" -c 'select 1' 2>&1 || true ;;
    mariadb) MYSQL_PWD=$password mariadb --no-defaults -N -B -h 127.0.0.1 -P "$port" -u "$(field "$2" user)" -e 'select 1' 2>&1 || true ;;
    redis) REDISCLI_AUTH=$password redis-cli -h 127.0.0.1 -p "$port" ping 2>&1 || true ;;
  esac
}
case_a_stopped_one_says_so() {
  local kind
  for kind in postgresql mariadb redis; do
    ctl stop dc -q "a-$kind"
    assert_contains "$(say "$kind" "a-$kind")" "data container 'a-$kind' is stopped; \`spawnctl start data-container a-$kind\`"
  done
  # Its port is nobody else's, and it says so over a restart of the daemon as well.
  kill_daemon
  start_daemon
  told() { [[ $(say redis a-redis) == *"is stopped"* ]]; }
  wait_until 5 told
  ctl start dc -q a-postgresql a-mariadb a-redis
  assert_eq "$(say redis a-redis)" PONG
}

case_a_deleted_ones_port_is_free() {
  make_container of-redis gone >/dev/null
  local port; port=$(field gone port)
  ctl delete dc -q gone
  free() { ! ss -ltnH "sport = :$port" | grep -q .; }
  wait_until 10 free
}

# As systemd does it: descriptors that the service gives away come back to its next start.
case_systemd_keeps_doors() {
  ctl stop dc -q a-redis
  local port; port=$(field a-redis port)
  stop_daemon
  cat >"$work/service.py" <<'END'
import array, os, signal, socket, subprocess, sys
path, arguments = sys.argv[1], sys.argv[2:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
kept = []
def start():
    pid = os.fork()
    if pid == 0:
        os.environ["NOTIFY_SOCKET"] = path
        if kept:
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES=":".join(name for name, _ in kept))
        import fcntl
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for _, fd in kept]
        for number, fd in enumerate(high):
            os.dup2(fd, 3 + number)
            os.close(fd)
        os.execv(arguments[0], arguments)
    open(path + ".pid", "w").write(str(pid))
    return pid
pid = start()
while True:
    text, extra, _, _ = notify.recvmsg(4096, 4096)
    fields = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
    fds = array.array("i")
    for level, kind, data in extra:
        fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
    if "FDSTORE" in fields:
        kept += [(fields["FDNAME"], fd) for fd in fds]
    elif "FDSTOREREMOVE" in fields:
        kept = [one for one in kept if one[0] != fields["FDNAME"] or os.close(one[1])]
    elif fds:  # sd_notify_barrier
        for fd in fds: os.close(fd)
    if "READY" in fields:
        print("ready with", sorted(name for name, _ in kept), flush=True)
    if text == b"AGAIN":
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        pid = start()
END
  python3 "$work/service.py" "$work/notify" "$spawnd" serve --state-dir "$state" --socket "$socket" --config "$work/spawnd.yaml" \
    >>"$work/service.log" 2>&1 </dev/null &
  echo $! >"$work/service.pid"
  served() { daemon_answers || { kill -0 "$(<"$work/service.pid")" || fail "$(<"$work/service.log")"; return 1; }; }
  wait_until 20 served
  cp "$work/notify.pid" "$work/daemon.pid"
  told() { [[ $(say redis a-redis) == *"is stopped"* ]]; }
  wait_until 5 told
  # Without daemon and keeper it is there all the same.
  python3 -c "
import socket, sys
again = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
again.sendto(b'AGAIN', sys.argv[1])
for _ in range(200):
    client = socket.create_connection(('127.0.0.1', int(sys.argv[2])), 20)
    assert client.recv(100).startswith(b'-ERR'), 'cut'
" "$work/notify" "$port"
  wait_until 20 daemon_answers
  assert_contains "$(<"$work/service.log")" "'door-$(field a-redis id)'"
  ctl delete dc -q a-redis
  free() { ! ss -ltnH "sport = :$port" | grep -q .; }
  wait_until 10 free
  cp "$work/notify.pid" "$work/daemon.pid"
  kill -TERM "$(<"$work/notify.pid")"; wait_until 20 process_gone "$(<"$work/notify.pid")"
  kill -9 "$(<"$work/service.pid")"
  start_daemon
}

case_the_hosts_network() {
  stop_daemon
  write_config
  echo 'network: host' >>"$work/spawnd.yaml"
  start_daemon
  make_container of-postgresql open >/dev/null
  assert_eq "$(field open network)" host
  begin_loop open postgresql
  ctl reset dc -q open
  ctl restart dc -q open
  end_loop
  ctl delete dc -q open
}

case_several_addresses() {
  stop_daemon
  write_config
  echo "listen: [127.0.0.1, '::1', $far]" >>"$work/spawnd.yaml"
  start_daemon
  local kind
  for kind in postgresql mariadb redis; do
    assert_exit 0 ctl create data-container -i "of-$kind" -n "several-$kind"
    assert_contains "$err" "$far is no address of this machine now"
    assert_eq "$(field "several-$kind" host)" 127.0.0.1
    assert_eq "$(ctl get data-container "several-$kind" -o json | jq -c .listen)" "[\"127.0.0.1\",\"::1\",\"$far\"]"
  done
  ip address add "$far/32" dev lo
  for kind in postgresql mariadb redis; do
    begin_loop "several-$kind" "$kind" ::1
    end_loop
    # Who comes to PostgreSQL from elsewhere has to speak TLS.
    [[ $kind != postgresql ]] || continue
    begin_loop "several-$kind" "$kind" "$far"
    end_loop
  done
  assert_eq "$(PGSSLMODE=require PGPASSWORD=$(field several-postgresql password) psql -XAtq -h "$far" -p "$(field several-postgresql port)" -U "$(field several-postgresql user)" -d postgres -c 'select 1')" 1
  local names
  names=$(openssl s_client -starttls postgres -connect "127.0.0.1:$(field several-postgresql port)" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName)
  assert_contains "$names" "IP Address:$far"
  clean_slate
}

write_config
start_daemon
run_cases "$@"
