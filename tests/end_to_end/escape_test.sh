#!/usr/bin/env bash
# What must not be reachable from inside a container: tried a line each, for every engine that runs here.
# The walls are listed in docs/security.md. hostile_dumps_test.sh is the same for a dump.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# --- the host, with something to find ----------------------------------------------------------------------------

# A service on the host's loopback and one on an abstract socket; each counts who comes.
start_host_services() {
  cat >"$work/services.py" <<'END'
import os, select, socket, sys
work = sys.argv[1]
tcp = socket.socket(); tcp.bind(("127.0.0.1", 0)); tcp.listen()
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\0spawnd-escape-" + str(os.getpid())); abstract.listen()
open(work + "/host_port", "w").write(str(tcp.getsockname()[1]))
open(work + "/abstract", "w").write("spawnd-escape-" + str(os.getpid()))
open(work + "/visits", "w")
while True:
    for ready in select.select([tcp, abstract], [], [])[0]:
        connection, _ = ready.accept()
        try:
            connection.settimeout(0.2)
            with open(work + "/visits", "a") as visits: print("visit", connection.recv(20), file=visits)
            connection.send(b"secret of the host")
        except OSError: pass
        connection.close()
END
  /usr/bin/python3 "$work/services.py" "$work" & services=$!
  disown
  wait_until 10 test -s "$work/abstract"
  host_port=$(<"$work/host_port") abstract=$(<"$work/abstract")
}
extra_clean_up() {
  kill "$services" 2>/dev/null
  local place device
  for place in proc stick; do if mountpoint -q "$work/$place"; then umount "$work/$place"; fi; done
  for device in $(losetup -n -O NAME -j "$work/stick.img" 2>/dev/null); do losetup -d "$device"; done
  rm -f "/tmp/spawnd-escape-$$"
}
no_visits() { assert_eq "$(<"$work/visits")" "" "visits to the host's services"; }

# --- inside ------------------------------------------------------------------------------------------------------

# inside CONTAINER SCRIPT: what a shell script of the server's superuser prints, run by PostgreSQL.
inside() {
  local program
  program="echo $(base64 -w0 <<<"$2") | base64 -d | bash 2>&1; true"
  sql "$1" postgres "create temp table said (n serial, line text);
    copy said (line) from program '$program' with (format csv, delimiter E'\\x01', quote E'\\x02');
    select line from said order by n"
}
# tried CONTAINER EXPECTED SCRIPT WHAT: its output matches all of EXPECTED, a regular expression.
tried() {
  local got
  got=$(inside "$1" "$3") || fail "$4: the script did not run"
  [[ $got =~ ^($2)$ ]] || fail "$4: $got"
}
# Calls of the kernel by number, which no C library stands before: a line "NAME ERROR" each.
kernel_calls() {
  cat <<'END'
cat >/tmp/calls.py <<'PY'
import ctypes, errno, os, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
number = {"ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
          "io_uring_setup": 425, "keyctl": 250, "add_key": 248, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438,
          "kexec_load": 246, "init_module": 175, "swapon": 167, "clock_settime": 227, "open_by_handle_at": 304, "pivot_root": 155,
          "chroot": 161, "fsopen": 430, "open_tree": 428, "mount_setattr": 442, "reboot": 169, "quotactl": 179, "acct": 163, "clone3": 435}
arguments = {"unshare": (0x10000000,), "ptrace": (0x4206, os.getppid(), 0, 0)}
for name, call in number.items():
    ctypes.set_errno(0)
    done = libc.syscall(call, *[ctypes.c_long(x) for x in arguments.get(name, (0, 0, 0, 0, 0, 0))])
    print(name, errno.errorcode.get(ctypes.get_errno(), ctypes.get_errno()) if done < 0 else "ALLOWED")
pid = libc.syscall(56, ctypes.c_long(0x10000000 | 17), 0, 0, 0, 0)
if pid == 0: os._exit(0)
print("clone", errno.errorcode.get(ctypes.get_errno()) if pid < 0 else "ALLOWED")
for name, family, kind in ("netlink", 16, 3), ("packet", 17, 3), ("vsock", 40, 1), ("alg", 38, 5), ("raw", 2, 3):
    try: socket.socket(family, kind, 1 if name == "raw" else 0); print(name, "ALLOWED")
    except OSError as e: print(name, errno.errorcode[e.errno])
PY
python3 /tmp/calls.py
END
}

# --- what every engine's server is from outside ------------------------------------------------------------------

# The engine's own first process: the child of process 1.
engine_pid() {
  local keeper process_1
  keeper=$(keeper_pid "$(field "$1" id)")
  process_1=$(pgrep -P "$keeper" | head -n 1)
  pgrep -P "$process_1" | head -n 1
}
status_of() { awk -v name="$2:" '$1 == name {print $2}' "/proc/$1/status"; }
# Each name at the top of the container's root; nothing of the host's has its place there.
root_names() { find "/proc/$1/root/" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' '; }

check_engine_from_outside() {
  local name=$1 pid namespace set mounts top
  pid=$(engine_pid "$name")
  [[ -n $pid ]] || fail "no server of '$name'"
  for namespace in mnt pid ipc net; do
    [[ $(readlink "/proc/$pid/ns/$namespace") != "$(readlink "/proc/self/ns/$namespace")" ]] || fail "$name shares our $namespace namespace"
  done
  for set in CapInh CapPrm CapEff CapBnd CapAmb; do assert_eq "$(status_of "$pid" $set)" 0000000000000000 "$name: $set"; done
  assert_eq "$(status_of "$pid" NoNewPrivs)" 1 "$name: NoNewPrivs"
  assert_eq "$(status_of "$pid" Seccomp)" 2 "$name: Seccomp"
  assert_eq "$(status_of "$pid" Groups)" "" "$name: supplementary groups"
  assert_matches "$(grep '^Max core file size' "/proc/$pid/limits")" '^Max core file size +0 +0' "$name: core dumps"
  [[ $(status_of "$pid" Uid) != 0 ]] || fail "$name runs as root"
  # The installation's own place is the one thing that differs.
  top=$(cut -d/ -f2 <<<"$(ctl get engines -o json | jq -r --arg version "$(field "$name" version)" '.[] | select(.version == $version) | .path')")
  for namespace in $(root_names "$pid"); do
    [[ " bin dev etc lib lib32 lib64 libx32 proc run sbin tmp usr var $top " == *" $namespace "* ]] || fail "$name sees /$namespace"
  done
  mounts=$(awk '{print $5}' "/proc/$pid/mountinfo")
  (( $(wc -l <<<"$mounts") <= 26 )) || fail "$name has many mounts: $mounts"
  assert_eq "$(awk '$6 ~ /^rw/ {print $5}' "/proc/$pid/mountinfo" | grep -vE '^(/proc|/tmp|/var/tmp|/dev/shm|/run/spawnd|/run/spawnd/volume)$' || true)" "" \
    "$name: what can be written"
  assert_eq "$(find "/proc/$pid/root/home" "/proc/$pid/root/root" "/proc/$pid/root/etc/shadow" "/proc/$pid/root/sys" 2>/dev/null)" "" "$name: the host's folders"
  assert_eq "$(awk 'NR > 2 {print $1}' "/proc/$pid/net/dev")" "lo:" "$name: network devices"
  assert_eq "$(awk 'NR > 1' "/proc/$pid/net/route")" "" "$name: routes"
  assert_eq "$(awk 'NR > 1' "/proc/$pid/net/unix" | grep -c "$abstract" || true)" 0 "$name: the host's abstract sockets"
  # Process 1, which is root, has let go of the host, too.
  assert_eq "$(root_names "$(ps -o ppid= -p "$pid" | tr -d ' ')")" "$(root_names "$pid")" "$name: process 1's root"
}

case_servers_from_outside() {
  local name
  for name in $containers; do check_engine_from_outside "$name"; done
}

# --- PostgreSQL ---------------------------------------------------------------------------------------------------

case_files_of_the_host() {
  local name places
  places="/home /root  /srv /var/lib /var/log /boot /opt /mnt /media /sys /etc/shadow /etc/ssh /etc/machine-id /run/spawnd.sock
    /run/spawnd/spawnd.sock /var/run/docker.sock $work $state $socket /run/spawnd-launcher"
  for name in $postgres; do
    tried "$name" "" "for path in $(tr '\n' ' ' <<<"$places"); do if [ -e \$path ]; then echo \$path; fi; done" "$name: the host's files"
    assert_exit 1 psql_at "$name" postgres -c "select pg_read_file('/etc/shadow')"
    assert_exit 1 psql_at "$name" postgres -c "select pg_ls_dir('/root')"
    assert_exit 1 psql_at "$name" postgres -c "select lo_import('/etc/shadow')"
    assert_exit 1 psql_at "$name" postgres -c "create temp table t (l text); copy t from '/etc/shadow'"
    tried "$name" "root,nobody,spawnd" 'cut -d: -f1 /etc/passwd | paste -sd,' "$name: accounts"
  done
}

case_nothing_can_be_written() {
  local name
  for name in $postgres; do
    tried "$name" "" 'for path in / /usr /usr/bin /etc /dev /bin /lib /run /var /run/spawnd /run/spawnd/engine /proc/sys; do
      if : 2>/dev/null >$path/escaped; then echo $path; fi; done' "$name: folders"
    tried "$name" ".*(must be superuser|Operation not permitted).*" 'mount -t tmpfs none /tmp' "$name: mount"
    tried "$name" ".*(Read-only file system|Permission denied)" 'echo 1 >/proc/sys/kernel/panic' "$name: sysctl"
  done
}

case_tmp_is_its_own() {
  local name pid folder
  echo "of the host" >"/tmp/spawnd-escape-$$"
  chmod 0644 "/tmp/spawnd-escape-$$"
  for name in $postgres; do
    tried "$name" "" "ls /tmp/spawnd-escape-$$ 2>/dev/null" "$name: the host's /tmp"
    for folder in /tmp /var/tmp /dev/shm; do
      tried "$name" "written" "echo x >$folder/left-by-$name && echo written" "$name: $folder"
      [[ ! -e $folder/left-by-$name ]] || fail "$name wrote to the host's $folder"
      tried "$name" ".*No space left on device.*full" "said=\$(head -c 300M /dev/zero 2>&1 >$folder/big) || echo \"\$said\" full; rm -f $folder/big" "$name: size of $folder"
      tried "$name" ".*No space left on device" "mkdir $folder/many; cd $folder/many; for i in \$(seq 17000); do : >\$i || break; done 2>&1 | sed 's/.*: //' | head -n 1" "$name: files in $folder"
      tried "$name" "" "rm -rf $folder/many" "$name: clean $folder"
    done
  done
  for name in $postgres; do
    tried "$name" "left-by-$name" 'ls /tmp | grep left' "$name: another container's /tmp"
  done
}

case_no_way_to_the_network() {
  local name other address
  other=$(field "$redis_name" port)
  address=$(hostname -I 2>/dev/null | cut -d' ' -f1)
  for name in $postgres; do
    tried "$name" ".*Connection refused.*" "(</dev/tcp/127.0.0.1/$host_port) 2>&1 | head -n 1" "$name: a service of the host"
    tried "$name" ".*Connection refused.*" "(</dev/tcp/127.0.0.1/$other) 2>&1 | head -n 1" "$name: another container"
    tried "$name" ".*Network is unreachable.*" '(timeout 5 bash -c "</dev/tcp/169.254.169.254/80") 2>&1 | head -n 1' "$name: metadata"
    tried "$name" ".*Network is unreachable.*" '(timeout 5 bash -c "</dev/tcp/192.0.2.1/80") 2>&1 | head -n 1' "$name: another machine"
    [[ -z $address ]] || tried "$name" ".*Network is unreachable.*" "(timeout 5 bash -c '</dev/tcp/$address/22') 2>&1 | head -n 1" "$name: the host's address"
    tried "$name" "refused" "python3 -c 'import socket
try:
    socket.socket(socket.AF_UNIX).connect(\"\\0$abstract\"); print(\"REACHED\")
except ConnectionRefusedError: print(\"refused\")'" "$name: an abstract socket of the host"
  done
  no_visits
}

# What a statement may ask the server to connect to.
case_statements_that_connect() {
  local name to="host=127.0.0.1 port=$host_port dbname=x user=x password=x connect_timeout=3"
  for name in $postgres; do
    assert_exit 1 psql_at "$name" postgres -c "create subscription s connection '$to' publication p"
    if sql "$name" postgres 'create extension if not exists dblink' 2>/dev/null; then
      assert_exit 1 psql_at "$name" postgres -c "select dblink_connect('$to')"
    else
      note "no dblink for $name"
    fi
    if sql "$name" postgres 'create extension if not exists postgres_fdw' 2>/dev/null; then
      sql "$name" postgres "create server s foreign data wrapper postgres_fdw options (host '127.0.0.1', port '$host_port', dbname 'x');
        create user mapping for public server s options (user 'x', password 'x'); create foreign table f (a int) server s"
      assert_exit 1 psql_at "$name" postgres -c 'select * from f'
    else
      note "no postgres_fdw for $name"
    fi
  done
  no_visits
}

# A client's socket is the host's, and PostgreSQL before 16 hands it to its programs.
case_a_clients_socket_is_no_way_out() {
  local name stolen_from said found=0
  cat >"$work/steal.py" <<'END'
import ctypes, fcntl, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
print("begun", flush=True)
for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
    try: stolen = socket.socket(fileno=os.dup(fd))
    except OSError: continue
    if stolen.family != socket.AF_INET or stolen.type != socket.SOCK_STREAM: continue
    print("found", flush=True)
    try: fcntl.ioctl(stolen, 0x8912, bytes(128)); print("INTERFACES", flush=True)
    except OSError: pass
    try: stolen.setsockopt(socket.SOL_SOCKET, 27, 0); print("UNLOCKED", flush=True)
    except OSError: pass
    libc.connect(stolen.fileno(), (ctypes.c_char * 16)(), 16)  # no family: disconnects
    # Off its device, the first packet of an attempt to connect (MSG_FASTOPEN: with data) could go anywhere.
    if stolen.getsockopt(socket.SOL_SOCKET, 25, 16) != b"lo\0": print("NO DEVICE", flush=True)
    try: stolen.setsockopt(socket.SOL_SOCKET, 25, bytes(4)); print("NO DEVICE", flush=True)
    except OSError: pass
    stolen.settimeout(2)
    try: stolen.connect(("127.0.0.1", int(sys.argv[1]))); stolen.send(b"escaped"); print("CONNECTED", flush=True)
    except OSError as e: print("not connected", e, flush=True)
    libc.connect(stolen.fileno(), (ctypes.c_char * 16)(), 16)
    # Ports of other containers are shared by sockets of root's alone.
    try: stolen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1); stolen.bind(("127.0.0.1", int(sys.argv[3]))); print("SHARES", flush=True)
    except OSError as e: print("does not share", e, flush=True)
    try: stolen.bind(("127.0.0.1", int(sys.argv[2]))); stolen.listen(); print("listens", flush=True); time.sleep(3)
    except OSError as e: print("does not listen", e, flush=True)
    break
print("ended", flush=True)
END
  local others_port
  for name in $postgres; do
    others_port=$(ctl get data-containers -o json | jq -r --arg name "$name" '[.[] | select(.name != $name)][0].port')
    inside "$name" "echo $(base64 -w0 "$work/steal.py") | base64 -d >/tmp/steal.py
      setsid python3 /tmp/steal.py $host_port $((first_port + 98)) $others_port >/tmp/stolen 2>&1 &
      until grep -q ended /tmp/stolen; do sleep 0.1; done" >/dev/null 2>&1 &
    stolen_from=$!
    while kill -0 "$stolen_from" 2>/dev/null; do
      if timeout 0.2 bash -c "</dev/tcp/127.0.0.1/$((first_port + 98))" 2>/dev/null; then fail "$name listens on another port of the host"; fi
      sleep 0.1
    done
    wait "$stolen_from" || true
    wait_until 20 answers "$name"
    wait_until 20 stolen_ended "$name"
    said=$(inside "$name" 'cat /tmp/stolen')
    assert_contains "$said" ended
    assert_lacks "$said" CONNECTED
    assert_lacks "$said" UNLOCKED
    assert_lacks "$said" INTERFACES
    assert_lacks "$said" "NO DEVICE"
    assert_lacks "$said" SHARES
    [[ $said != *found* ]] || found=1
  done
  (( found )) || note "no server handed a client's socket on"
  no_visits
}

stolen_ended() { inside "$1" 'cat /tmp/stolen' 2>/dev/null | grep -q ended; }

case_system_calls() {
  local name line refused
  for name in $postgres; do
    refused=$(inside "$name" "$(kernel_calls)")
    note "$name: $refused"
    assert_contains "$refused" "clone3 ENOSYS"
    assert_contains "$refused" "unshare EPERM"
    (( $(wc -l <<<"$refused") >= 30 )) || fail "too few calls were tried"
    while read -r line; do
      [[ $line =~ ^[a-z0-9_]+\ (EPERM|ENOSYS)$ ]] || fail "$name: $line"
    done <<<"$refused"
    tried "$name" ".*Operation not permitted" 'unshare -Ur true' "$name: user namespace"
    tried "$name" ".*Operation not permitted" 'unshare -n true' "$name: network namespace"
  done
}

case_processes() {
  local name daemon
  daemon=$(daemon_pid)
  for name in $postgres; do
    tried "$name" "" 'for p in /proc/[0-9]*; do [ "$(stat -c %u $p 2>/dev/null || id -u)" = "$(id -u)" ] || echo $p; done' "$name: processes of others"
    tried "$name" ".*No such file or directory" 'cat /proc/1/environ' "$name: process 1"
    tried "$name" "0" "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -cE 'spawnd (serve|keeper)' || true" "$name: the daemon"
    tried "$name" ".*(No such process|Operation not permitted)" "kill -0 $((daemon + 100000))" "$name: signals"
    tried "$name" "0" 'ulimit -c' "$name: core dumps"
    # Where no control group counts them (this machine may have none), the user's processes are counted.
    [[ $(ctl get data-container "$name" -o json | jq -r .confinement.limits) == enforced ]] || tried "$name" "4096" 'ulimit -u' "$name: processes"
    tried "$name" "" 'for fd in /proc/self/fd/*; do readlink $fd; done | grep -vE "^(/dev/(null|random|urandom)|pipe:|socket:|anon_inode:|/proc/[0-9]+/fd|/run/spawnd/)"' "$name: open descriptors"
  done
}

# B5: with another procfs on the host, somebody of the same uid could read a container's files through its processes.
case_a_second_procfs_of_the_host() {
  local name
  mkdir -p "$work/proc"
  mount -t proc proc "$work/proc"
  for name in $postgres; do
    tried "$name" "" "ls '$work/proc' 2>/dev/null" "$name: a procfs of the host's"
  done
  umount "$work/proc"
}

# --- MariaDB ------------------------------------------------------------------------------------------------------

maria() { MYSQL_PWD=$(field mariadb password) mariadb --no-defaults -N -B -h 127.0.0.1 -P "$(field mariadb port)" -u root -e "$1" </dev/null; }

case_mariadb() {
  [[ -n $mariadb ]] || skip "MariaDB is not installed here"
  local path
  for path in /etc/shadow "$work/spawnd.yaml" "/tmp/spawnd-escape-$$" /root/.bashrc /var/lib/dpkg/status; do
    assert_eq "$(maria "select load_file('$path')")" NULL "$path"
    assert_exit 1 maria "create or replace table test.t (l text); load data infile '$path' into table test.t"
  done
  maria "create database if not exists test; select 'escaped' into outfile '/tmp/left-by-mariadb'"
  [[ ! -e /tmp/left-by-mariadb ]] || fail "the host's /tmp was written to"
  for path in /usr /etc /var/lib /root /home /run /; do
    assert_exit 1 maria "select 'escaped' into outfile '$path/escaped'"
  done
  maria "change master to master_host='127.0.0.1', master_port=$host_port, master_user='x', master_password='x', master_connect_retry=1; start slave"
  wait_until 20 maria_failed_to_connect
  maria 'stop slave; reset slave all'
  if maria "install soname 'ha_federatedx'" 2>/dev/null; then
    maria "create table test.far (a int) engine=federated connection='mysql://x@127.0.0.1:$host_port/x/x'" || true
    assert_exit 1 maria 'select * from test.far'
  else
    note "no federated engine here"
  fi
  assert_exit 1 maria "create function sys_exec returns integer soname 'libc.so.6'"
  no_visits
}
maria_failed_to_connect() { maria 'show slave status' | grep -qE "error (connecting|reconnecting)|Can't connect|200[23]"; }

# --- Redis --------------------------------------------------------------------------------------------------------

redis() { REDISCLI_AUTH=$(field redis password) redis-cli -h 127.0.0.1 -p "$(field redis port)" "$@" </dev/null; }

case_redis() {
  [[ -n $redis_name ]] || skip "Redis is not installed here"
  local path
  for path in /root /home /var/lib /etc /usr/lib "$work"; do
    assert_matches "$(redis config set dir "$path")" 'ERR|No such file' "dir $path"
  done
  assert_matches "$(redis module load "$work/evil.so")" 'ERR' "a module of the host's"
  assert_matches "$(redis debug sleep 0)" 'ERR' "DEBUG"
  assert_lacks "$(redis eval "local f = loadfile and loadfile('/etc/passwd'); return f and 'FILE' or 'none'" 0)" FILE
  redis set key value >/dev/null
  assert_matches "$(redis migrate 127.0.0.1 "$host_port" key 0 1000)" 'IOERR|ERR' "MIGRATE"
  assert_eq "$(redis replicaof 127.0.0.1 "$host_port")" OK
  wait_until 10 redis_tried_to_replicate
  assert_contains "$(redis info replication)" master_link_status:down
  redis replicaof no one >/dev/null
  no_visits
}
redis_tried_to_replicate() { ctl logs data-container redis | grep -qiE 'error condition on socket|connection refused|unable to connect'; }

# --- of the whole -------------------------------------------------------------------------------------------------

# A7: a disk that was mounted when a container began can be taken out while it runs.
case_no_host_mount_is_pinned() {
  local device
  mkdir -p "$work/stick"
  truncate -s 16M "$work/stick.img"
  mkfs.ext4 -q "$work/stick.img"
  device=$(losetup -f --show "$work/stick.img")
  mount "$device" "$work/stick"
  restart_daemon_for_a_new_root
  make_container base pinning >/dev/null
  umount "$work/stick"
  losetup -d "$device"
  assert_lacks "$(losetup -a)" "$work/stick.img" "still attached"
  ctl delete data-container -q pinning
}
# The launcher's root is as old as the daemon: the mount has to be there before that, or nothing would be tried.
restart_daemon_for_a_new_root() { stop_daemon; start_daemon; }

case_nothing_is_left_after_delete() {
  local pid folder
  make_container base gone >/dev/null
  tried gone "written" 'echo x >/tmp/left-by-gone; echo x >/dev/shm/left-by-gone; (setsid sleep 1000 >/dev/null 2>&1 &); echo written' "what is left"
  pid=$(engine_pid gone)
  ctl delete data-container -q gone
  wait_until 10 process_gone "$pid"
  for folder in /tmp /var/tmp /dev/shm; do [[ ! -e $folder/left-by-gone ]] || fail "$folder/left-by-gone is there"; done
  assert_eq "$(grep -c "spawnd.*tmpfs" /proc/self/mounts || true)" 0 "mounts on the host"
}

# `network: host` is said, and is what it says.
case_the_hosts_network_for_those_who_need_it() {
  make_image open 'sourceType: empty' 'network: host' >/dev/null
  assert_eq "$(image_field open network)" host
  make_container open open >/dev/null
  assert_eq "$(field open network)" host
  assert_eq "$(field "$(cut -d' ' -f1 <<<"$postgres")" network)" none
  tried open "secret of the host" "exec 3<>/dev/tcp/127.0.0.1/$host_port; echo hello >&3; cat <&3" "the host's services"
  assert_eq "$(readlink "/proc/$(engine_pid open)/ns/net")" "$(readlink /proc/self/ns/net)" "network namespace"
  assert_eq "$(status_of "$(engine_pid open)" Seccomp)" 2
  ctl delete data-container -q open
  : >"$work/visits"
}

# A12: what lies on a search path is asked for its version where it reaches nothing, and not at all when it is somebody's.
case_what_lies_on_a_search_path() {
  local bin=$work/path/trap/bin theirs=$work/path/theirs/bin
  mkdir -p "$bin" "$theirs"
  cat >"$bin/postgres" <<END
#!/bin/bash
{ id -u; ls /root /home 2>&1 | grep -v 'No such file'; grep -E 'CapEff|Seccomp:' /proc/self/status | tr -s '\t ' '  '; } >/tmp/seen
touch "$work/ran-outside" 2>/dev/null
echo "postgres (PostgreSQL) 99.\$(tr '\n' '_' </tmp/seen | tr -c 'A-Za-z0-9:_\n' '.')"
END
  printf '#!/bin/sh\ntouch /tmp/spawnd-escape-%s; echo "postgres (PostgreSQL) 98.1"\n' "$$" >"$theirs/postgres"
  rm -f "/tmp/spawnd-escape-$$"
  printf '#!/bin/sh\n' | tee "$bin/initdb" >"$theirs/initdb"
  chmod -R 0755 "$work/path"
  chown -R nobody "$work/path/theirs"
  out=$(ctl get engines -o json | jq -r '.[] | select(.engine == "postgresql") | "\(.version) \(.path) \(.problem)"')
  assert_contains "$out" "99.$(id -u spawnd)_CapEff:.0000000000000000_Seccomp:.2_"
  assert_matches "$out" "path/theirs not run: '[^']*' belongs to nobody"
  [[ ! -e $work/ran-outside && ! -e /tmp/spawnd-escape-$$ ]] || fail "it ran where the host is"
  chown -R root "$work/path/theirs"; chmod 0775 "$theirs/postgres"
  assert_contains "$(ctl get engines)" "others than its owner may write to"
  rm -r "$work/path"
}

# --- from a hostile dump ------------------------------------------------------------------------------------------
# (the lines for what restore tools read belong here)

services=
write_config
sed -i "s|^engineSearchPaths: \[|&$work/path, |" "$work/spawnd.yaml"
start_host_services
start_daemon
make_image base 'sourceType: empty' >/dev/null
postgres= mariadb= redis_name=
for version in 11 15 17 18; do
  if ctl create data-container -q -i "postgres-empty:$version" -n "pg$version" >/dev/null 2>&1; then postgres+=" pg$version"; else echo "SKIP $suite: PostgreSQL $version is not installed here"; fi
done
postgres=${postgres# }
if ctl create data-container -q -i mariadb-empty -n mariadb >/dev/null 2>&1; then mariadb=mariadb; fi
if ctl create data-container -q -i redis-empty -n redis >/dev/null 2>&1; then redis_name=redis; fi
containers="$postgres $mariadb $redis_name"
run_cases "$@"
