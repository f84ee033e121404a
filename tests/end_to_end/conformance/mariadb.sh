# MariaDB, and MySQL, for conformance_test.sh: a table of keys and values in the database `shop`.
# shellcheck shell=bash disable=SC2034,SC2154  # conformance_test.sh reads and sets these
server_process='^(mariadbd|mysqld)$'
recovery_words='Starting crash recovery'
script_suffix=sql
image_lines=('initialDatabaseName: shop')
client=mariadb dumper=mysqldump

query() {  # query CONTAINER SQL
  login "$1"
  MYSQL_PWD=$password "$client" --no-defaults --connect-timeout=5 -N -B -h "$host" -P "$port" -u "$user" "$database" -e "$2" </dev/null
}
table='create table if not exists item (name varchar(50) primary key, value text) engine=InnoDB'
put() { query "$1" "insert into item values ('$2', '$3')"; }
get() { query "$1" "select value from item where name = '$2'"; }
count() { query "$1" 'select count(*) from item'; }
keys() { query "$1" 'select name from item'; }
begin() { query "$1" "$table"; }
rows() { for ((i = 1; i <= items; ++i)); do printf "%s('key%s', 'value %s')" "$([[ $i == 1 ]] || echo ,)" "$i" "$i"; done; }
fill() { query "$1" "truncate item; insert into item values $(rows)"; }
dump() { login "$1"; MYSQL_PWD=$password "$dumper" --no-defaults -h "$host" -P "$port" -u "$user" shop >"$2"; }
broken() { head -c $(($(stat -c %s "$1") / 2)) "$1" >"$2"; }
script() { printf '%s;\ninsert into item values %s;\n' "$table" "$(rows)" >"$1"; }
say() { query "$1" "$2"; }
more() { query "$1" 'create database more; create table more.t (a int); insert into more.t values (1)'; }
escapes=(
  "select 1 into outfile '/tmp/left-by-a-test'"
  "load data infile '/etc/passwd' into table item (name)"
  'select * from mysql.user'
  "grant all on *.* to root@'%'"
  "grant all on mysql.* to root@'%'"
  "grant all on \`%\`.* to root@'%' with grant option"
  'set global general_log = 1'
  'set global read_only = 1'
  'shutdown'
  "create function f returns integer soname 'x.so'"
)
