# SQL Server for conformance_test.sh: a table of keys and values in the database `shop`. Runs wherever sqlservr and sqlcmd
# (mssql-tools) are installed.
# shellcheck shell=bash disable=SC2034,SC2154  # conformance_test.sh reads and sets these
server_process='^sqlservr$'
# The licence is accepted where somebody has done so on this machine: for spawnd, for Microsoft's own set-up, or for this run.
if [[ ${SPAWND_ACCEPT_MSSQL_EULA:-} == true ]] || grep -qsE '^acceptMssqlEula: *true' /etc/spawnd/spawnd.yaml ||
  grep -qsiE '^ *accepteula *= *y' /var/opt/mssql/mssql.conf; then
  config_lines=('acceptMssqlEula: true')
fi
image_lines=('initialDatabaseName: shop')
script_suffix=sql
PATH=$PATH:/opt/mssql-tools18/bin:/opt/mssql-tools/bin

query() {  # query CONTAINER SQL
  login "$1"
  SQLCMDPASSWORD=$password sqlcmd -C -b -l 5 -h -1 -W -S "$host,$port" -U "$user" -d "$database" -Q "set nocount on; $2" </dev/null
}
table="if object_id('item') is null create table item (name varchar(50) primary key, value varchar(200))"
numbers="(select top $items row_number() over (order by (select 1)) i from sys.all_columns a cross join sys.all_columns b) n"
put() { query "$1" "insert into item values ('$2', '$3')"; }
get() { query "$1" "select value from item where name = '$2'"; }
count() { query "$1" 'select count(*) from item'; }
keys() { query "$1" 'select name from item'; }
begin() { query "$1" "$table"; }
fill() { query "$1" "truncate table item; insert into item select concat('key', i), concat('value ', i) from $numbers"; }
# The server writes its backup where it may: on its own volume, from where the keeper's mounts show it.
dump() {
  query "$1" "backup database shop to disk = '/run/spawnd/volume/data/shop.bak' with format"
  cp "/proc/$(server_processes "$1" | head -n 1)/root/run/spawnd/volume/data/shop.bak" "$2"
}
broken() { head -c $(($(stat -c %s "$1") / 2)) "$1" >"$2"; }
script() { printf "%s;\ninsert into item select concat('key', i), concat('value ', i) from %s;\n" "$table" "$numbers" >"$1"; }
say() { query "$1" "$2"; }
more() { query "$1" 'create database more' && query "$1" 'create table more.dbo.t (a int)'; }
escapes=(
  "exec xp_cmdshell 'id'"
  "select * from openrowset(bulk '/etc/passwd', single_clob) x"
  "bulk insert item from '/etc/passwd'"
  'alter server role sysadmin add member spawn_owner'
  "alter login sa with password = 'aA1aA1aA1'"
  "exec sp_configure 'show advanced options', 1"
  'grant control server to spawn_owner'
)
