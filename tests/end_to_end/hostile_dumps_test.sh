#!/usr/bin/env bash
# Backups and scripts that try to get out: what they reach of the machine is nothing, whatever was refused on the way. So
# what is looked at is the machine and not the messages. A backup gets no shell at all; a script gets one, inside.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

bait=$work/bait
listener_port=$((first_port + 99))

# What would show that somebody has been here: files of the caller, a folder for everybody, a server on the loopback.
lay_bait() {
  mkdir -m 1777 "$bait"
  echo 'PRIVATE KEY OF NOBODY' >"$bait/key"; chown nobody "$bait/key"; chmod 0600 "$bait/key"
  cat >"$work/files/payload" <<PAYLOAD
#!/bin/sh
id >$bait/pwned; id >/tmp/spawnd-pwned; id >/var/tmp/spawnd-pwned; cat $bait/key >$bait/stolen
PAYLOAD
  chmod 0755 "$work/files/payload"
  cat >"$work/listener.py" <<'PY'
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    client, _ = server.accept()
    client.settimeout(2)
    try:
        first = client.recv(4096)
        client.sendall(b"R\0\0\0\x08\0\0\0\x03")  # PostgreSQL: the password, in clear
        said = first + client.recv(4096)
    except OSError as error:
        said = repr(error).encode()
    print("heard", said, flush=True)
PY
  python3 "$work/listener.py" "$listener_port" >"$work/heard" 2>&1 </dev/null &
  echo $! >"$work/listener.pid"
  disown
  wait_until 10 grep -q listening "$work/heard"
}
extra_clean_up() { [[ ! -f $work/listener.pid ]] || kill "$(<"$work/listener.pid")"; }

nothing_happened() {
  local path
  for path in "$bait/pwned" "$bait/stolen" /tmp/spawnd-pwned /var/tmp/spawnd-pwned; do
    [[ ! -e $path ]] || fail "$1: there is '$path': $(head -c 300 "$path"; rm -f "$path")"
  done
  assert_eq "$(<"$work/heard")" listening "$1: what the listener heard"
}

as_nobody() { setpriv --reuid nobody --regid nogroup --groups spawn -- "$work/spawnctl" "$@"; }
# build NAME YAML-LINE...: by an ordinary user; whether it comes to an image is not the question.
build() {
  local yaml; yaml=$(image_yaml "$@"); chmod a+r "$yaml"
  as_nobody create data-image -q -f "$yaml" >"$work/out" 2>"$work/err" </dev/null
}

# hostile WORDS: the text on standard input is restored. @ is the command that must not run, # the listener's port.
number=0
hostile() {
  local name=hostile$((++number))
  sed -e "s|@|$work/files/payload|g" -e "s|#|$listener_port|g" >"$work/files/$name.sql"
  chmod a+r "$work/files/$name.sql"
  if build "$name" 'sourceType: backup' "backup: {file: $name.sql}"; then
    note "restored: $1"
    as_nobody delete data-image -q "$name"
  else
    # It was the text that was refused, and nothing else that went wrong.
    grep -qE "$name.sql|psql" "$work/err" || fail "$1: $(<"$work/err")"
  fi
  nothing_happened "$1"
}

case_what_gets_psql_to_run_commands() {
  hostile 'a variable' <<'E'
\set x '\\! @'
:x
E
  hostile 'a result as a variable' <<'E'
SELECT E'\\! @' AS x \gset
:x
E
  hostile 'COPY that psql passes over' <<'E'
CREATE TABLE n (t text);
\if false
COPY n FROM stdin;
\endif
\! @
SELECT $$
\.
$$; --$$
E
  hostile 'COPY into what is not there' <<'E'
COPY nowhere FROM stdin;
\! @
\.
E
  hostile 'COPY with an error that a restore passes over' <<'E'
CREATE TABLE n (t text);
COPY n FROM stdin WHERE 'nobody'::regrole::oid = 0;
\! @
\.
E
  hostile 'COPY as the second of two' <<'E'
CREATE TABLE n (t text);
SELECT 1 \; COPY n FROM stdin;
'
\.
\! @
-- '
E
  hostile 'quotes after RESET' <<'E'
SET standard_conforming_strings = off;
RESET standard_conforming_strings;
SELECT '\'; \! @
--'
E
  hostile 'quotes after ROLLBACK' <<'E'
BEGIN;
SET standard_conforming_strings = off;
ROLLBACK;
SELECT '\'; \! @
--'
E
  hostile 'quotes by set_config' <<'E'
SELECT set_config('standard_conforming_strings', 'off', false);
SELECT '\'; SELECT ''; --'
\! @
E
  hostile 'a character of two bytes that swallows a quote' < <(printf "SET client_encoding = 'SJIS';\nSELECT '\\x83';\n\\\\! @\n--'\n")
  hostile 'what stands after a zero byte' < <(printf "SELECT 1; \\0'\n\\\\! @\nSELECT '1';\n")
  hostile 'a nested comment' <<'E'
/* /* */ \! @
*/ \! @
E
  hostile 'a connection that fails' <<'E'
\connect nosuchdatabase
\! @
\set x '\\! @'
:x
E
  hostile 'a guessed key' <<'E'
\unrestrict a
\unrestrict
\! @
E
  hostile 'two commands on a line' <<'E'
\connect postgres \! @
E
}

case_commands_by_their_names() {
  local line
  while IFS= read -r line; do
    hostile "$line" < <(printf 'CREATE TABLE t (t text);\n%s\n' "$line")
    # The same behind the filter's back: a variable that holds the command.
    line=${line//\\/\\\\}
    hostile "hidden: $line" < <(printf 'CREATE TABLE t (t text);\n\\set x %s\n:x\n' "'${line//\'/\\\'}'")
  done <<'E'
\! @
\copy t to program '@'
\copy t from program '@'
\set y `@`
\o |@
\w |@
\i @
select 1 \g |@
select 1 \watch i=0 c=1 \! @
\setenv PSQL_EDITOR '@' \e
\connect "host=127.0.0.1 port=# dbname=x sslmode=disable"
\connect - - 127.0.0.1 #
\connect postgresql://127.0.0.1:#/x
E
}

# The way round the filter above, in a script, where psql has its commands: the shell that it gives is inside.
case_a_shell_that_a_script_gets() {
  cat >"$work/files/shell.sql" <<E
\\set x '\\\\! id; echo seen: \$(ls /run/spawnd /home /root /tmp 2>&1); cat $bait/key; touch $bait/pwned /tmp/spawnd-pwned /var/tmp/spawnd-pwned /usr/pwned; bash -c "exec 3<>/dev/tcp/127.0.0.1/$listener_port" || echo no listener; setsid sleep 4711.25 & sleep 0.3; echo end of it'
:x
\\set y '\\\\connect "host=127.0.0.1 port=$listener_port dbname=x sslmode=disable"'
:y
E
  mkdir "$work/files/scripts"; cp "$work/files/shell.sql" "$work/files/scripts/V1__shell.sql"; chmod -R a+rX "$work/files/scripts"
  # The connection that comes to nothing ends the build; without it there is a log.
  build shell 'sourceType: scripts' 'scriptsFolders: [scripts]' || true
  nothing_happened 'a shell'
  sed -i -e '/set y/d' -e '/^:y/d' "$work/files/scripts/V1__shell.sql"
  build shell 'sourceType: scripts' 'scriptsFolders: [scripts]' || fail "$(<"$work/err")"
  nothing_happened 'a shell'
  local log; log=$(as_nobody logs data-image shell)
  assert_contains "$log" 'uid=65534(nobody)' "it ran"
  assert_contains "$log" 'end of it'
  assert_lacks "$log" 'PRIVATE KEY'
  # pgrep sees the processes of all namespaces.
  assert_eq "$(pgrep -f 'sleep 4711[.]25')" '' "left behind"
}

# What a statement gets the server to do is the server's affair, and it has the same walls.
case_a_mariadb_dump_that_reads_files() {
  [[ -x /usr/sbin/mariadbd && -x /usr/bin/mariadb ]] || skip 'needs MariaDB'
  local form
  for form in "LOAD DATA LOCAL INFILE '$bait/key' INTO TABLE t" "LOAD DATA INFILE '$bait/key' INTO TABLE t" \
    "INSERT INTO t VALUES (LOAD_FILE('$bait/key'))" "SELECT 1 INTO OUTFILE '$bait/pwned'" "\\\\! $work/files/payload" \
    "system $work/files/payload" "source $work/files/payload" "delimiter \\\\! $work/files/payload" "tee $bait/pwned"; do
    printf 'CREATE TABLE t (t text);\n%s;\n' "$form" >"$work/files/maria.sql"; chmod a+r "$work/files/maria.sql"
    cat >"$work/files/maria.yaml" <<E
name: maria
engine: mariadb
sourceType: backup
initialDatabaseName: shop
backup: {file: maria.sql}
E
    chmod a+r "$work/files/maria.yaml"
    if as_nobody create data-image -q -f "$work/files/maria.yaml" >"$work/out" 2>"$work/err"; then
      as_nobody create data-container -q -i maria -n maria >/dev/null
      assert_lacks "$(of_maria 'SELECT * FROM t')" 'PRIVATE KEY' "$form"
      as_nobody delete data-container -q maria
      as_nobody delete data-image -q maria
    fi
    nothing_happened "$form"
  done
  printf 'CREATE TABLE t (t text);\nLOAD DATA LOCAL INFILE "%s" INTO TABLE t;\n' "$bait/key" >"$work/files/maria.sql"
  assert_error 64 maria.sql -- as_nobody create data-image -q -f "$work/files/maria.yaml"
}
of_maria() {
  local json; json=$(as_nobody get data-container maria -o json)
  MYSQL_PWD=$(jq -r .password <<<"$json") mariadb --no-defaults -N -h 127.0.0.1 -P "$(jq -r .port <<<"$json")" -u "$(jq -r .user <<<"$json")" shop -e "$1"
}

write_config "$first_port-$((first_port + 98))"
start_daemon
lay_bait
run_cases "$@"
