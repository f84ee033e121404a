#!/usr/bin/env bash
# MariaDB with its own client programs: dumps of every kind into images, what clients see of a container.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

maria() { MYSQL_PWD=$(field "$1" password) mariadb --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root "${@:2}" </dev/null; }
say() { maria "$1" -e "$2"; }
maria_image() { ctl create data-image -f "$(maria_yaml "$@")"; }
maria_yaml() {
  local file=$work/files/$1.yaml
  printf 'name: %s\nengine: mariadb\n' "$1" >"$file"
  printf '%s\n' "${@:2}" >>"$file"
  echo "$file"
}
dump_source() { MYSQL_PWD=$(field source password) "$1" --no-defaults -h 127.0.0.1 -P "$(field source port)" -u root --routines --events "${@:2}"; }

# A container stands for the server elsewhere that dumps come from.
make_source() {
  maria_image empty 'sourceType: empty' >/dev/null
  make_container empty source >/dev/null
  cat >"$work/source.sql" <<'SQL'
CREATE USER app@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON shop.* TO app@'%';
CREATE DATABASE shop; USE shop;
CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(200), data BLOB, note TEXT);
INSERT INTO item SELECT seq, CONCAT('it''s "x" \\ `b` -- ; DEFINER=`a`@`b` ', seq), UNHEX('00FF5C27'), 'USE `mysql`;' FROM seq_1_to_1000;
CREATE DEFINER=app@'%' VIEW plain AS SELECT id, name FROM item;
CREATE DEFINER=app@'%' VIEW over_it AS SELECT * FROM plain;
DELIMITER ;;
CREATE DEFINER=app@'%' PROCEDURE how_many() BEGIN DECLARE n INT; SELECT COUNT(*) INTO n FROM item; SELECT n; END;;
CREATE DEFINER=app@'%' TRIGGER mark BEFORE INSERT ON item FOR EACH ROW SET NEW.note = 'by the trigger';;
CREATE DEFINER=app@'%' EVENT daily ON SCHEDULE EVERY 1 DAY DO DELETE FROM item;;
DELIMITER ;
CREATE DATABASE other; CREATE TABLE other.t (a INT); INSERT INTO other.t VALUES (1), (2);
SQL
  MYSQL_PWD=$(field source password) mariadb -h 127.0.0.1 -P "$(field source port)" -u root <"$work/source.sql"
}

# All of it is there and works, whoever its definer was.
shop_is_in() {
  assert_eq "$(say "$1" 'SELECT COUNT(*), SUM(CRC32(CONCAT(name, data, note))) FROM shop.item')" \
    "$(say source 'SELECT COUNT(*), SUM(CRC32(CONCAT(name, data, note))) FROM shop.item')" "rows of '$1'"
  assert_eq "$(say "$1" 'SELECT COUNT(*) FROM shop.over_it')" 1000 "a view over a view"
  assert_eq "$(say "$1" 'CALL shop.how_many()')" 1000 "a procedure"
  assert_eq "$(say "$1" "INSERT INTO shop.item(id) VALUES (5000); SELECT note FROM shop.item WHERE id = 5000")" 'by the trigger'
  assert_eq "$(say "$1" "SELECT event_name FROM information_schema.events")" daily
  assert_eq "$(say "$1" "SELECT user, host FROM mysql.user WHERE user = 'root' ORDER BY host")" $'root\t%\nroot\tlocalhost'
}

case_one_database() {
  dump_source mysqldump shop >"$work/files/one.sql"
  assert_exit 0 maria_image one 'sourceType: backup' 'backup: {file: one.sql}'
  assert_contains "$err" "'app'@'%' is the definer of"
  make_container one of-one >/dev/null
  # The dump says its name.
  assert_eq "$(field of-one database)" shop
  shop_is_in of-one
  assert_eq "$(say of-one "SHOW DATABASES LIKE 'other'")" ''
}

# Of the requests for asynchronous input and output a machine has as many as two dozen servers would take.
case_none_of_the_machines_requests() {
  make_container one one-alone >/dev/null
  assert_eq "$(say one-alone 'SELECT @@innodb_use_native_aio')" 0
  ctl delete data-container -q one-alone
}

# Which of them clients open first is asked of the keeper, whose answer names them all.
case_very_many_databases() {
  local i
  for ((i = 0; i < 2500; i++)); do printf 'CREATE DATABASE `%s_%d`;\n' a_database_whose_name_is_nearly_as_long_as_it_may_be_at_all "$i"; done >"$work/files/many.sql"
  maria_image many 'sourceType: backup' 'backup: {file: many.sql}' >/dev/null
  make_container many of-many >/dev/null
  assert_eq "$(say of-many "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'a\_database%'")" 2500
  ctl delete data-container -q of-many
}

case_one_database_under_another_name() {
  dump_source mariadb-dump other >"$work/files/other.sql"
  maria_image renamed 'sourceType: backup' 'initialDatabaseName: New Name' 'backup: {file: other.sql}' >/dev/null
  make_container renamed of-renamed >/dev/null
  assert_eq "$(say of-renamed 'SELECT COUNT(*) FROM `New Name`.t')" 2
  assert_contains "$(field of-renamed connectionString)" ';Database=New Name;'
}

case_several_databases_gzip() {
  dump_source mariadb-dump --databases shop other | gzip >"$work/files/two.sql.gz"
  maria_image two 'sourceType: backup' 'backup: {file: two.sql.gz}' >/dev/null
  make_container two of-two >/dev/null
  assert_eq "$(field of-two database)" mysql
  shop_is_in of-two
  assert_eq "$(say of-two 'SELECT SUM(a) FROM other.t')" 3
}

case_all_databases_with_accounts() {
  dump_source mysqldump --all-databases >"$work/files/all.sql"
  # Another backup after it needs the login again.
  echo 'CREATE TABLE shop.later (a int);' >"$work/files/later.sql"
  maria_image all 'sourceType: backup' 'backups: [{path: all.sql}, {path: later.sql}]' 'postScript: INSERT INTO shop.later VALUES (7)' >/dev/null
  make_container all of-all >/dev/null
  shop_is_in of-all
  assert_eq "$(say of-all 'SELECT a FROM shop.later')" 7
  assert_eq "$(MYSQL_PWD=secret mariadb -N -B -h 127.0.0.1 -P "$(field of-all port)" -u app -e 'SELECT COUNT(*) FROM shop.over_it' </dev/null)" 1001
  # The source's own password for root is not in the image.
  ! MYSQL_PWD=$(field source password) mariadb -h 127.0.0.1 -P "$(field of-all port)" -u root -e 'SELECT 1' 2>/dev/null </dev/null ||
    fail "root's old password gets in"
}

case_programs() {
  local port; port=$(field of-one port)
  MYSQL_PWD=$(field of-one password) mysqladmin --no-defaults -h 127.0.0.1 -P "$port" -u root ping | grep -q 'is alive'
  assert_matches "$(maria of-one --ssl -e "SHOW STATUS LIKE 'Ssl_version'")" 'TLSv1\.[23]'
  assert_matches "$(maria of-one --skip-ssl -e "SHOW STATUS LIKE 'Ssl_version'")" '^Ssl_version[[:space:]]*$'
  assert_eq "$(field of-one connectionString)" "Server=127.0.0.1;Port=$port;User Id=root;Database=mysql;Password=$(field of-one password)"
  assert_contains "$(field of-one url)" "@127.0.0.1:$port/shop"
  # The family's own client finds its way by what `run` and `connect` give it.
  assert_eq "$(ctl run --image one -- sh -c 'mariadb -N -B -u "$MYSQL_USER" "$MYSQL_DATABASE" -e "SELECT COUNT(*) FROM item"')" 1000
  assert_eq "$(ctl connect of-one -- -N -B -e 'SELECT CURRENT_USER(), DATABASE()')" $'root@%\tshop'
  assert_contains "$(field of-one jdbcConnectionString)" "jdbc:mariadb://127.0.0.1:$port/shop?user=root&password="
}

case_scripts() {
  mkdir -p "$work/files/sql"
  printf 'CREATE TABLE t (a INT);\nDELIMITER ;;\nCREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END;;\nDELIMITER ;\n' >"$work/files/sql/V1__make.sql"
  printf "CREATE USER own@'%%' IDENTIFIED BY 'pw';\nCREATE DEFINER=own@'%%' VIEW v AS SELECT * FROM t;\n" >"$work/files/sql/V2__view.sql"
  printf 'INSERT INTO t VALUES (1);\n' >"$work/files/sql/V10__rows.sql"
  maria_image scripted 'sourceType: scripts' 'initialDatabaseName: app' 'scriptsFolders: [sql]' >/dev/null
  make_container scripted of-scripts >/dev/null
  assert_eq "$(say of-scripts 'CALL app.two(); SELECT COUNT(*) FROM app.t')" $'1\n2\n1'
  assert_eq "$(say of-scripts "SELECT definer FROM information_schema.views WHERE table_name = 'v'")" own@%
  printf 'INSERT INTO t VALUES (1);\nINSERT INTO nosuch VALUES (1);\n' >"$work/files/sql/V11__bad.sql"
  assert_error 64 'V11__bad.sql' 'line 2' "doesn't exist" -- ctl create data-image -f "$(maria_yaml no 'sourceType: scripts' 'initialDatabaseName: app' 'scriptsFolders: [sql]')"
}

case_refused() {
  printf -- '--\n-- PostgreSQL database dump\n--\nSELECT 1;\n' >"$work/files/pg.sql"
  assert_error 64 "'pg.sql' is no MariaDB backup: it is a PostgreSQL dump" -- ctl create data-image -f "$(maria_yaml no 'sourceType: backup' 'backup: {file: pg.sql}')"
  printf 'CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\nINSERT INTO nosuch VALUES (1);\n' >"$work/files/bad.sql"
  assert_error 64 "line 3 of 'bad.sql': Table 'shop.nosuch' doesn't exist" -- \
    ctl create data-image -f "$(maria_yaml no 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: bad.sql}')"
  assert_error 64 'No database selected' 'initialDatabaseName' -- ctl create data-image -f "$(maria_yaml no 'sourceType: backup' 'backup: {file: bad.sql}')"
  head -n 100 "$work/files/one.sql" >"$work/files/half.sql"
  assert_error 64 "'half.sql' is cut off" -- ctl create data-image -f "$(maria_yaml no 'sourceType: backup' 'backup: {file: half.sql}')"
}

# A server with nothing of spawnd in it: mariabackup reads its files.
own=$work/own
as_engine_user() { runuser -u spawnd -- "$@"; }
own_maria() { mariadb --no-defaults -N -B -S "$own/sock" -u root "$@"; }
own_maria_answers() { own_maria -e 'SELECT 1' >/dev/null 2>&1; }
start_own_maria() {
  mkdir "$own"; chown spawnd: "$own"
  as_engine_user mariadb-install-db --no-defaults --datadir="$own/data" --auth-root-authentication-method=normal --skip-test-db >"$work/own.log" 2>&1
  as_engine_user mariadbd --no-defaults --datadir="$own/data" --socket="$own/sock" --pid-file="$own/pid" --skip-networking >>"$work/own.log" 2>&1 &
  disown
  wait_until 20 own_maria_answers
}
extra_clean_up() { [[ ! -f $own/pid ]] || { kill "$(<"$own/pid")"; wait_until 20 eval '[[ ! -f $own/pid ]]'; }; }
backup_own() { as_engine_user mariabackup --no-defaults --backup --datadir="$own/data" --socket="$own/sock" --user=root --password=old "$@" 2>>"$work/own.log"; }

case_physical_backup() {
  start_own_maria
  own_maria -e "CREATE DATABASE stock; CREATE TABLE stock.item (id INT PRIMARY KEY, name TEXT); CREATE USER app@'%' IDENTIFIED BY 'secret'"
  own_maria stock -e "INSERT INTO item SELECT seq, REPEAT('x', 500) FROM seq_1_to_1000; GRANT SELECT ON stock.* TO app@'%'; ALTER USER root@localhost IDENTIFIED BY 'old'"
  mkdir "$own/backups"; chown spawnd: "$own/backups"
  backup_own --target-dir="$own/backups/folder"
  backup_own --stream=xbstream | gzip >"$work/files/stock.xb.gz"
  mv "$own/backups/folder" "$work/files/stock"; chmod -R a+rX "$work/files/stock"
  kill "$(<"$own/pid")"; wait_until 20 eval '[[ ! -f $own/pid ]]'
  cp -r "$work/files/stock" "$work/files/prepared"
  mariabackup --no-defaults --prepare --target-dir="$work/files/prepared" >>"$work/own.log" 2>&1
  chmod -R a+rX "$work/files/prepared"
  local name lines=(folder 'backup: {folder: stock}' stream 'backup: {file: stock.xb.gz}' prepared 'backup: {folder: prepared}') i
  for ((i = 0; i < ${#lines[@]}; i += 2)); do
    name=${lines[i]}
    maria_image "$name" 'sourceType: backup' "${lines[i + 1]}" >/dev/null
    make_container "$name" "of-$name" >/dev/null
    assert_eq "$(field "of-$name" database)" stock
    assert_eq "$(say "of-$name" 'SELECT COUNT(*), SUM(LENGTH(name)) FROM stock.item')" $'1000\t500000'
    assert_eq "$(MYSQL_PWD=secret mariadb -N -B -h 127.0.0.1 -P "$(field "of-$name" port)" -u app -e 'SELECT COUNT(*) FROM stock.item' </dev/null)" 1000
    ctl delete data-container -q "of-$name"
  done
}

case_physical_backup_that_is_not_whole() {
  cp -r "$work/files/stock" "$work/files/no-log"; rm "$work/files/no-log/ib_logfile0"
  assert_error 64 "'no-log' cannot be restored" ib_logfile0 -- ctl create data-image -f "$(maria_yaml no 'sourceType: backup' 'backup: {folder: no-log}')"
  gunzip -k -c "$work/files/stock.xb.gz" >"$work/stock.xb"
  head -c 3000000 "$work/stock.xb" >"$work/files/half.xb"
  assert_error 64 "'half.xb' cannot be restored" -- ctl create data-image -f "$(maria_yaml no 'sourceType: backup' 'backup: {file: half.xb}')"
  # Of another series: the version is the backup's, whether it is a folder or a stream.
  cp -r "$work/files/stock" "$work/files/old"; sed -i 's/^server_version = .*/server_version = 10.6.3-MariaDB/' "$work/files/old/xtrabackup_info"
  assert_error 64 'MariaDB 10.6 is not installed' -- ctl create data-image -f "$(maria_yaml no 'sourceType: backup' 'backup: {folder: old}')"
  wait_until 5 folder_empty "$state/builds"
}

case_locked_out_and_back() {
  local before; before=$(field of-two password)
  # Accounts that would be found before root@%, and the private one gone.
  say of-two "DROP USER root@localhost; CREATE USER root@'127.0.0.1' IDENTIFIED BY 'other', ''@'127.0.0.1'"
  ctl save data-container -q of-two >/dev/null
  ctl reset data-container -q of-two
  assert_eq "$(say of-two 'SELECT CURRENT_USER()')" root@%
  assert_eq "$(field of-two password)" "$before"
}

write_config
start_daemon
make_source
run_cases "$@"
