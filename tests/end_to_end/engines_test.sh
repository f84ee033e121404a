#!/usr/bin/env bash
# What `get engines` says, and an engine that is not there: what is named in its place, and what may stand in for it.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

write_engine_config() {
  write_config
  sed -i "s|^engineSearchPaths:.*|engineSearchPaths: [/usr, /usr/lib/postgresql, $repo/.deps/postgresql, $work/broken]|" "$work/spawnd.yaml"
  printf '%s\n' "$@" >>"$work/spawnd.yaml"
}

case_get_engines() {
  out=$(ctl get engines)
  assert_matches "$(head -n 1 <<<"$out")" '^Engine +Name +Version +Usable +Path'
  assert_matches "$out" 'postgresql +PostgreSQL +15\.[0-9]+ +yes +/usr/lib/postgresql/15'
  assert_matches "$out" 'mariadb +MariaDB +10\.11\.[0-9]+ +yes +/usr'
  assert_matches "$out" 'mysql +MySQL +- +no +- +not installed'
  assert_eq "$(ctl get engines -o json | jq -r '.[] | select(.engine == "mysql") | .usable, .defaultPort')" $'false\n3306'
  assert_contains "$(ctl get engines -o json | jq -r '.[] | select(.engine == "mysql").hint')" 'Install it'
  assert_contains "$(ctl get engines -o yaml)" 'engine: postgresql'
}

case_installed_and_broken() {
  # Not there when the daemon started: a list is looked for anew.
  mkdir -p "$work/broken/pg/bin"
  printf '#!/bin/sh\necho "postgres: error while loading shared libraries: libx.so.1" >&2; exit 127\n' >"$work/broken/pg/bin/postgres"
  chmod -R a+rX "$work/broken"; chmod +x "$work/broken/pg/bin/postgres"
  assert_matches "$(ctl get engines)" "postgresql +PostgreSQL +- +no +$work/broken/pg +postgres: error while loading shared libraries: libx.so.1"
  assert_error 64 'not installed' "'$work/broken/pg' cannot be used: postgres: error while loading" -- \
    ctl create data-image -f "$(image_yaml x 'sourceType: empty' 'version: 13')"
}

case_missing_engine_names_its_relative() {
  printf 'name: my\nengine: mysql\nversion: 8.0\nsourceType: empty\n' >"$work/files/my.yaml"
  assert_error 64 'MySQL 8.0 is not installed' 'MariaDB 10.11' 'engine: mariadb' 'engineFallbacks: {mysql: mariadb}' -- \
    ctl create data-image -f "$work/files/my.yaml"
}

case_stand_in() {
  stop_daemon
  write_engine_config 'engineFallbacks: {mysql: mariadb}'
  start_daemon
  assert_exit 0 ctl create data-image -f "$work/files/my.yaml"
  assert_matches "$err" 'MariaDB 10\.11\.[0-9]+ stands in for MySQL 8\.0'
  assert_eq "$(image_field my '| .engine + ":" + .versionText')" MariaDB:10.11
  assert_matches "$(image_field my detail)" 'MariaDB 10\.11\.[0-9]+ stands in for MySQL 8\.0'
  make_container my mine >/dev/null
  assert_matches "$(MYSQL_PWD=$(field mine password) mysql -h 127.0.0.1 -P "$(field mine port)" -u root -N -e 'select version()')" MariaDB
  ctl graduate data-container -q mine --name mine-next
  assert_contains "$(image_field mine-next detail)" 'stands in for MySQL'
}

# CI has no mysqld. A script in its place, with MariaDB behind it, shows that its commands reach a server in a
# container and that what spawnd says to that server is understood; not that a mysqld understands it.
make_mysql_in_name() {
  mkdir -p "$work/mysql/bin"
  cat >"$work/mysql/bin/mysqld" <<'SH'
#!/bin/sh
initialise=; data=
for argument; do
  shift
  case $argument in
    --version) echo '/usr/sbin/mysqld  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)'; exit ;;
    --initialize-insecure) initialise=1; continue ;;
    --mysqlx=OFF | --secure-file-priv=NULL | --innodb-extend-and-initialize=* | --innodb-idle-flush-pct=* | --default-authentication-plugin=*) continue ;;
    --basedir=*) argument=--basedir=/usr ;;
    --datadir=*) data=$argument ;;
  esac
  set -- "$@" "$argument"
done
if [ -n "$initialise" ]; then exec /usr/bin/mariadb-install-db --no-defaults "$data" --auth-root-authentication-method=normal --skip-test-db; fi
exec /usr/sbin/mariadbd "$@"
SH
  ln -s /usr/bin/mariadb "$work/mysql/bin/mysql"
  chmod -R a+rX "$work/mysql"; chmod +x "$work/mysql/bin/mysqld"
}
my_say() { MYSQL_PWD=$(field "$1" password) mysql --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root -e "$2" </dev/null; }

case_mysql_in_name_only() {
  make_mysql_in_name
  stop_daemon
  write_engine_config 'engineFallbacks: {mysql: mariadb}'
  sed -i "s|$work/broken|$work/mysql|" "$work/spawnd.yaml"
  start_daemon
  assert_matches "$(ctl get engines)" "mysql +MySQL +8\.0\.36 +yes +$work/mysql"
  # It is there, so that nothing stands in for it; another version of it is not.
  printf 'name: other\nengine: mysql\nversion: 5.7\nsourceType: empty\n' >"$work/files/other.yaml"
  assert_error 64 'MySQL 5.7 is not installed (installed: 8.0.36)' -- ctl create data-image -f "$work/files/other.yaml"
  printf 'CREATE TABLE t (a INT);\nINSERT INTO t VALUES (1), (2);\n' >"$work/files/t.sql"
  printf 'name: real\nengine: mysql\nsourceType: backup\ninitialDatabaseName: app\nbackup: {file: t.sql}\n' >"$work/files/real.yaml"
  ctl create data-image -q -f "$work/files/real.yaml" >/dev/null
  assert_eq "$(image_field real '| .engine + ":" + .versionText')" MySQL:8.0
  make_container real of-real >/dev/null
  assert_eq "$(my_say of-real 'SELECT SUM(a) FROM app.t')" 3
  my_say of-real 'INSERT INTO app.t VALUES (3)'
  ctl save data-container -q of-real >/dev/null
  my_say of-real 'DROP TABLE app.t'
  ctl reset data-container -q of-real
  assert_eq "$(my_say of-real 'SELECT SUM(a) FROM app.t')" 6
  assert_contains "$(field of-real jdbcConnectionString)" jdbc:mysql://
}

write_engine_config
start_daemon
run_cases "$@"
