#!/usr/bin/env bash
# A container's door: clients that connect again and again see no end of a server, however it ends, as long as the container
# is there. `--long`: hundreds of each.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

times=3
if (( ${SPAWND_TEST_LONG:-0} )); then times=200; fi
if [[ ${1:-} == --long ]]; then times=200; shift; fi
client=$repo/tests/end_to_end/reconnecting_client.py

# begin_loop CONTAINER KIND [HOST [PAUSE]]: clients of it, one after the other, until end_loop.
begin_loop() {
  local fields loop=$work/loop-$1
  readarray -t fields < <(ctl get dc "$1" -o json | jq -r '.port, .user, .password, .database')
  (( ${#fields[@]} == 4 )) || fail "there is no $1"
  python3 "$client" "$2" "${3:-127.0.0.1}" "${fields[@]}" 60 "${4:-0}" >"$loop" 2>&1 &
  echo $! >"$loop.pid"
  wait_until 20 grep -q begun "$loop"
  sleep 0.1
}
# end_loop CONTAINER [FAILED]: at most so many could be failing, none refused.
end_loop() {
  local last loop=$work/loop-$1
  sleep 0.5
  kill -TERM "$(<"$loop.pid")"
  wait_until 70 process_gone "$(<"$loop.pid")"
  rm "$loop.pid"
  last=$(tail -n 1 "$loop")
  note "$1: $last"
  [[ $last =~ attempts\ ([0-9]+)\ refused\ ([0-9]+)\ failed\ ([0-9]+) ]] || fail "the client has said: $(tail -n 5 "$loop")"
  (( BASH_REMATCH[1] >= 5 )) || fail "too few: $last"
  assert_eq "${BASH_REMATCH[2]}" 0 "refused connections, $(grep -m 3 refused: "$loop")"
  (( BASH_REMATCH[3] <= ${2:-0} )) || fail "failed connections: $(grep failed: "$loop")"
}
extra_clean_up() {
  local pid
  for pid in "$work"/loop-*.pid; do [[ ! -f $pid ]] || kill -9 "$(<"$pid")" 2>/dev/null || true; done
  if [[ -f $work/service.pid ]]; then kill -9 "$(<"$work/service.pid")" 2>/dev/null || true; fi
  ip address del "$far/32" dev lo 2>/dev/null || true
}
far=198.18.$((RANDOM % 250)).$((RANDOM % 250 + 2))

# container_of KIND: a-KIND, of an empty image of-KIND.
container_of() {
  local kind=$1
  sed -i "s/^engine: .*/engine: $kind/" "$(image_yaml "of-$kind" 'sourceType: empty')"
  ctl create data-image -q -f "$work/files/of-$kind.yaml" >/dev/null 2>"$work/err" || skip "no $kind: $(head -n 1 "$work/err")"
  make_container "of-$kind" "a-$kind" >/dev/null
}
there_is() { ctl get data-container "$1" >/dev/null 2>&1; }
kinds_there() { local kind; for kind in postgresql mariadb mysql redis valkey; do if there_is "a-$kind"; then echo "$kind"; fi; done; }

# planned KIND [TIMES]: ends on purpose, of each kind.
planned() {
  local kind=$1 n
  container_of "$kind"
  ctl save dc -q "a-$kind" >/dev/null
  begin_loop "a-$kind" "$kind"
  for (( n = 0; n < ${2:-$times}; ++n )); do
    ctl reset dc -q "a-$kind"
    ctl restart dc -q "a-$kind"
    ctl load dc -q "a-$kind" --revision rev.1
  done
  end_loop "a-$kind"
}
case_planned_ends_of_postgresql() { planned postgresql; }
case_planned_ends_of_mariadb() { planned mariadb; }
case_planned_ends_of_redis() { planned redis; }
case_planned_ends_of_valkey() { planned valkey; }
case_planned_ends_of_mysql() { planned mysql $(( (times + 1) / 2 )); }

# Those that sleep whenever nobody is there for a second: the next client wakes them, or comes just when they are to sleep.
wakes_of() { ctl events --since 0 --filter "name=$1" -o json | jq -r .event | grep -cx awake || true; }
case_wakes_of_all() {
  local kind
  for kind in $(kinds_there); do
    ctl update dc -q "a-$kind" --sleep-after 1s
    begin_loop "a-$kind" "$kind" 127.0.0.1 5
  done
  for kind in $(kinds_there); do
    woken() { (( $(wakes_of "a-$kind") >= times )); }
    wait_until $(( 60 + 15 * times )) woken
  done
  for kind in $(kinds_there); do
    end_loop "a-$kind"
    ctl update dc -q "a-$kind" --sleep-after 0
    ctl start dc -q "a-$kind"
  done
}

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
  end_loop "a-$kind" "$times"
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
  end_loop a-redis "$times"
}

# As a package does it: each file is another one under the same name, and for a moment there may be none.
servers=$work/servers
# at_home KIND FILE: those that were unpacked name the folder of their loader and libraries (packaging/unpack).
at_home() {
  local loader
  loader=$(readelf -l "$2" | grep -oE '/[^ ]*/unpacked/[^]]*' || true)
  [[ -n $loader ]] || return 0
  command -v patchelf >/dev/null || return 1
  patchelf --set-interpreter "$servers/$1/${loader#*/unpacked/"$1"/}" --force-rpath --set-rpath "$servers/$1/lib/x86_64-linux-gnu" "$2"
}
install_servers() {
  local kind from file
  for kind in $(kinds_there); do
    case $kind in
      postgresql) from=$(echo "$repo"/.deps/postgresql/18.*) file=bin/postgres ;;
      redis) from=$repo/.deps/redis file=bin/redis-server ;;
      mysql) from=$repo/.deps/unpacked/mysql file=bin/mysqld ;;
      valkey) from=$repo/.deps/unpacked/valkey file=bin/valkey-server ;;
      *) continue ;;
    esac
    [[ -e $from/$file ]] || continue
    if [[ ! -d $servers/$kind ]]; then
      mkdir -p "$servers"
      # No hard links: what is linked is another file to whoever else uses it.
      cp -a --reflink=auto "$from" "$servers/$kind"
    fi
    cp -L "$servers/$kind/$file" "$servers/$kind/$file.new"
    at_home "$kind" "$servers/$kind/$file.new" || continue
    mv "$servers/$kind/$file.new" "$servers/$kind/$file"
    chmod -R a+rX "$servers/$kind"
    echo "$kind"
  done
}
only_copied_servers() {
  stop_daemon
  sed -i "s|^engineSearchPaths: .*|engineSearchPaths: [$servers]|" "$work/spawnd.yaml"
  start_daemon
}
is_outdated() { [[ -n $(field "$1" outdated) ]]; }
case_upgrades_of_the_server() {
  local kind kinds n
  kinds=$(install_servers | xargs)
  [[ -n $kinds ]] || skip "no server that can be copied"
  only_copied_servers
  for kind in $kinds; do ctl restart dc -q "a-$kind"; begin_loop "a-$kind" "$kind"; done
  for (( n = 0; n < (times + 3) / 4; ++n )); do
    install_servers >/dev/null
    for kind in $kinds; do wait_until 40 is_outdated "a-$kind"; done
    ctl restart dc --all --outdated --rolling -q
    for kind in $kinds; do ! is_outdated "a-$kind" || fail "$kind is outdated after its restart"; done
  done
  for kind in $kinds; do end_loop "a-$kind"; done
  # One that ends while its server is being replaced comes back once that is there.
  for kind in $kinds; do begin_loop "a-$kind" "$kind"; done
  mv "$servers" "$servers.away"
  for kind in $kinds; do kill -9 "$(keeper_pid "$(field "a-$kind" id)")"; done
  sleep 2
  mv "$servers.away" "$servers"
  for kind in $kinds; do
    runs() { [[ $(field "a-$kind" state) == running ]]; }
    wait_until 90 runs
    end_loop "a-$kind" 1
  done
  stop_daemon; write_config; start_daemon
  for kind in $kinds; do ctl restart dc -q "a-$kind"; done
}

# say KIND CONTAINER: what its own client says. say_at KIND PORT USER PASSWORD DATABASE
say() {
  local fields; readarray -t fields < <(ctl get dc "$2" -o json | jq -r '.port, .user, .password, .database')
  say_at "$1" "${fields[@]}"
}
say_at() {
  case $1 in
    postgresql) PGPASSWORD=$4 psql -XAtq -h 127.0.0.1 -p "$2" -U "$3" -d "$5" -c 'select 1' 2>&1 || true ;;
    mariadb | mysql) MYSQL_PWD=$4 mariadb --no-defaults -N -B -h 127.0.0.1 -P "$2" -u "$3" -e 'select 1' 2>&1 || true ;;
    redis | valkey) REDISCLI_AUTH=$4 redis-cli -h 127.0.0.1 -p "$2" ping 2>&1 || true ;;
  esac
}
case_a_stopped_one_says_so() {
  local kind
  for kind in $(kinds_there); do
    ctl stop dc -q "a-$kind"
    assert_contains "$(say "$kind" "a-$kind")" "data container 'a-$kind' is stopped; \`spawnctl start data-container a-$kind\`"
  done
  # Its port is nobody else's, and it says so over a restart of the daemon as well.
  kill_daemon
  start_daemon
  told() { [[ $(say redis a-redis) == *"is stopped"* ]]; }
  wait_until 5 told
  for kind in $(kinds_there); do ctl start dc -q "a-$kind"; done
  assert_eq "$(say redis a-redis)" PONG
}

# spoil CONTAINER: nobody can start what is on a volume like this one.
spoil() {
  find "$state/containers/$(field "$1" id)" -path '*/delta/journal' -print0 |
    xargs -0 -n 1 python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.write(b"no journal" * 10)'
}
# Who comes to one that has failed is told, also after another start of the daemon.
case_a_failed_one_says_so() {
  local kind words
  for kind in $(kinds_there); do
    make_container "of-$kind" "f-$kind" >/dev/null
    ctl stop dc -q "f-$kind"
    spoil "f-$kind"
    assert_exit 1 ctl start dc -q "f-$kind"
    assert_eq "$(field "f-$kind" state)" failed
    words="data container 'f-$kind' has failed; \`spawnctl get data-container f-$kind\` says why"
    assert_contains "$(say "$kind" "f-$kind")" "$words"
  done
  kill_daemon; start_daemon
  for kind in $(kinds_there); do
    settled() { [[ $(field "f-$kind" state) == failed && $(say "$kind" "f-$kind") == *"has failed; "* ]]; }
    wait_until 30 settled
    ctl delete dc -q "f-$kind"
  done
}

# wait_at CONTAINER KIND: a client of it in the background, which waits at the door; what it is told is in $work/told-CONTAINER.
wait_at() {
  local fields
  readarray -t fields < <(ctl get dc "$1" -o json | jq -r '.port, .user, .password, .database')
  say_at "$2" "${fields[@]}" >"$work/told-$1" 2>&1 &
  echo $! >"$work/loop-$1.pid"
  connected() { ss -tnH state established "dport = :${fields[0]}" | grep -q .; }
  wait_until 10 connected
}
# Whose server is away, and who waits for them to come back: then one of them is deleted, and one has failed.
case_who_waits_is_told_how_it_ends() {
  local kind kinds name
  kinds=$(install_servers | xargs)
  [[ -n $kinds ]] || skip "no server that can be copied"
  only_copied_servers
  for kind in $kinds; do
    ctl restart dc -q "a-$kind"
    make_container "of-$kind" "d-$kind" >/dev/null
  done
  mv "$servers" "$servers.away"
  for kind in $kinds; do
    for name in "a-$kind" "d-$kind"; do
      kill -9 "$(keeper_pid "$(field "$name" id)")"
      waits() { [[ $(field "$name" state) == restarting ]]; }
      wait_until 20 waits
      wait_at "$name" "$kind"
    done
    spoil "a-$kind"
    ctl delete dc -q "d-$kind"
  done
  mv "$servers.away" "$servers"
  for kind in $kinds; do
    for name in "d-$kind" "a-$kind"; do
      wait_until 90 process_gone "$(<"$work/loop-$name.pid")"
      rm "$work/loop-$name.pid"
    done
    assert_contains "$(<"$work/told-d-$kind")" "data container 'd-$kind' was deleted"
    assert_contains "$(<"$work/told-a-$kind")" "data container 'a-$kind' has failed; "
    ctl delete dc -q "a-$kind"
  done
  stop_daemon; write_config; start_daemon
  for kind in $kinds; do make_container "of-$kind" "a-$kind" >/dev/null; done
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
  end_loop open
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
    end_loop "several-$kind"
    # Who comes to PostgreSQL from elsewhere has to speak TLS.
    [[ $kind != postgresql ]] || continue
    begin_loop "several-$kind" "$kind" "$far"
    end_loop "several-$kind"
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
