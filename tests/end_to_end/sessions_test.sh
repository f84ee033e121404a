#!/usr/bin/env bash
# The session with a server: whose process it is, and what a server that means it ill gets out of it.
source "$(dirname "$0")/harness.sh"

# The processes of one name below a keeper, one a line.
below() { pgrep -P "$(pgrep -P "$1" -x spawnd-init)" -x "$2" || true; }
# Of this daemon: others on the machine have containers of the same number.
keeper_of() { pgrep -P "$(pgrep -d, -P "$(daemon_pid)")" -x "keeper-$1"; }
status_of() { awk -v name="$2:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$1/status"; }
# What the server has for connections over its private socket.
own_backend() { pgrep -P "$(below "$1" postgres)" -f '\[local\]' || true; }
no_backend() { [[ -z $(own_backend "$1") ]]; }
id_of() { ctl get data-container "$1" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'; }

case_start() { write_config; start_daemon; }

case_a_session_is_not_root() {
  ctl create data-container --image postgres-empty:15 --name sess >/dev/null
  local keeper session
  keeper=$(keeper_of "$(id_of sess)")
  session=$(below "$keeper" spawnd-session)
  [[ -n $session ]] || fail "the keeper $keeper has no session"
  assert_matches "$(status_of "$session" Uid)" '^[1-9][0-9]* [1-9][0-9]* [1-9][0-9]* [1-9][0-9]*$'
  assert_eq "$(status_of "$session" CapEff)" 0000000000000000
  assert_eq "$(status_of "$session" NoNewPrivs)" 1
  assert_eq "$(status_of "$session" Seccomp)" 2 "a filter of system calls"
  # It sees what the server sees: neither the host's files nor its network.
  assert_eq "$(readlink "/proc/$session/ns/"{mnt,net,pid,ipc})" "$(readlink "/proc/$(below "$keeper" postgres)/ns/"{mnt,net,pid,ipc})"
  [[ $(readlink "/proc/$session/ns/net") != $(readlink /proc/self/ns/net) ]] || fail "a session has the host's network"
  # Three times /dev/null, the keeper, the server.
  local open
  open=$(ls "/proc/$session/fd")
  assert_eq "${open//$'\n'/ }" "0 1 2 3 4"
}

case_a_killed_session_costs_one_call_at_the_most() {
  local keeper session
  keeper=$(keeper_of "$(id_of sess)")
  session=$(below "$keeper" spawnd-session)
  [[ -n $(own_backend "$keeper") ]] || fail "there is no connection to the server"
  kill -9 "$session"
  wait_until 10 process_gone "$session"
  # That was the only one: the keeper has none.
  wait_until 10 no_backend "$keeper"
  ctl save data-container sess >/dev/null 2>&1 || true
  ctl save data-container sess >/dev/null
  [[ -n $(below "$keeper" spawnd-session) ]] || fail "there is no session again"
  assert_eq "$(keeper_of "$(id_of sess)")" "$keeper"
}

# A dump puts a server of its own at the build's private socket, and answers without end: what the keeper of the build does
# about its databases at the end asks that one.
case_a_hostile_server_gets_no_memory_of_a_keeper() {
  cat >"$work/files/hostile.pl" <<'PERL'
use IO::Socket::UNIX;
$SIG{PIPE} = $SIG{HUP} = 'IGNORE';
exit 0 if fork;
my ($path) = grep !/lock/, glob '/run/spawnd/socket/.s.PGSQL.*';
rename $path, "$path.away";
my $server = IO::Socket::UNIX->new(Local => $path, Listen => 8) or die "listen: $!";
while (my $client = $server->accept) {
  next if fork;
  sysread $client, my $question, 65536;
  syswrite $client, "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
  sysread $client, $question, 65536;
  sleep 3;  # long enough to be seen
  syswrite $client, "T\0\0\0\x1d\0\x01name\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
  my $rows = ("D\0\0\x10\x0a\0\x01\0\0\x10\0" . 'x' x 4096) x 16;
  while (syswrite $client, $rows) {}
  exit 0;
}
PERL
  {
    echo "CREATE TABLE o (l text); COPY o FROM PROGRAM \$p\$cat >/run/spawnd/socket/h.pl <<'X'"
    cat "$work/files/hostile.pl"
    printf 'X\nperl /run/spawnd/socket/h.pl </dev/null >/dev/null 2>&1\n$p$;\n'
  } >"$work/files/hostile.sql"
  printf 'name: hostile\nengine: postgresql\nversion: 15\nsourceType: backup\nbackups: [{path: %s}]\n' "$work/files/hostile.sql" >"$work/hostile.yaml"
  timeout 300 "$work/spawnctl" create data-image -f "$work/hostile.yaml" >"$work/out" 2>&1 &
  local building=$! launcher most=0 served=0 now pid
  launcher=$(pgrep -d, -P "$(daemon_pid)")
  while kill -0 "$building" 2>/dev/null; do
    for pid in $(pgrep -P "$launcher" -x 'keeper-[0-9]+'); do
      now=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status" 2>/dev/null) || continue
      (( ${now:-0} <= most )) || most=$now
    done
    now=$(pgrep -cf 'perl /run/spawnd/socket/h.pl') || true
    (( now <= served )) || served=$now
    sleep 0.05
  done
  local code=0; wait "$building" || code=$?
  note "exit code $code: $(<"$work/out"); a keeper had $most KiB, $served processes of the hostile server"
  (( code != 124 )) || fail "the build hangs"
  (( served >= 2 )) || fail "the hostile server was never asked"
  (( most > 0 && most < 64 * 1024 )) || fail "a keeper had $most KiB"
  # Everybody else's goes on.
  ctl save data-container sess >/dev/null
  ctl delete data-container sess >/dev/null
}

run_cases "$@"
