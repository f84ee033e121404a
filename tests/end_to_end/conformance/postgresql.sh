# PostgreSQL for conformance_test.sh: a table of keys and values in the database `shop`.
# shellcheck shell=bash disable=SC2034,SC2154  # conformance_test.sh reads and sets these
server_process='^postgres$'
recovery_words='was not properly shut down'
script_suffix=sql
image_lines=('initialDatabaseName: shop')

query() {  # query CONTAINER OPTION...
  login "$1"
  PGPASSWORD=$password PGCONNECT_TIMEOUT=5 psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$host" -p "$port" -U "$user" \
    -d "$database" "${@:2}" </dev/null
}
table='create table if not exists item (key text primary key, value text)'
put() { query "$1" -c "insert into item values ('$2', '$3')"; }
get() { query "$1" -c "select value from item where key = '$2'"; }
count() { query "$1" -c 'select count(*) from item'; }
keys() { query "$1" -c 'select key from item'; }
begin() { query "$1" -c "$table"; }
fill() { query "$1" -c 'truncate item' -c "insert into item select 'key' || i, 'value ' || i from generate_series(1, $items) i"; }
# pg_dump refuses servers that are newer than itself, and not every installation brings its own.
dump() {
  login "$1"
  if (( $(pg_dump --version | grep -oE '[0-9]+' | head -n 1) >= ${version:-99} )); then
    PGPASSWORD=$password pg_dump -Fc -h "$host" -p "$port" -U "$user" -d shop -f "$2"
  else
    { printf '%s;\nCOPY item FROM stdin;\n' "$table"; query "$1" -c 'copy item to stdout'; printf '\\.\n'; } >"$2"
  fi
}
broken() { head -c $(($(stat -c %s "$1") / 2)) "$1" >"$2"; }
script() { printf "%s;\ninsert into item select 'key' || i, 'value ' || i from generate_series(1, %s) i;\n" "$table" "$items" >"$1"; }
say() { query "$1" -c "$2"; }
more() { say "$1" 'create database more' && PGPASSWORD=$password psql -X -q -h "$host" -p "$port" -U "$user" -d more -c 'create table t (a int)'; }
escapes=(
  "copy item to program 'id'"
  "copy item to '/tmp/left-by-a-test'"
  "copy item from '/etc/passwd'"
  "select pg_read_file('PG_VERSION')"
  "select pg_ls_dir('.')"
  "select lo_import('/etc/passwd')"
  'alter system set fsync = off'
  'alter role current_user superuser'
  'set role postgres'
  'grant pg_execute_server_program to current_user'
  "create function f(cstring) returns int language c as 'libc.so.6', 'system'"
)
