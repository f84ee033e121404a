#!/usr/bin/env bash
# Dumps of the MySQL family that are not as this server would have written them: another product's, another version's, with
# other tools' words in them, in parts, or with errors. MariaDB takes most of them; the real MySQL where set-up brought it.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

mysql=$repo/.deps/unpacked/mysql/bin/mysql
client() { local program=mariadb; [[ $(field "$1" engine) != MySQL* ]] || program=$mysql; MYSQL_PWD=$(field "$1" password) "$program" --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root "${@:2}" </dev/null; }
say() { client "$1" "$2" -e "$3"; }
# dump NAME LINE...: the file NAME.sql
dump() { printf '%s\n' "${@:2}" >"$work/files/$1.sql"; }
# image_of NAME [LINE...]: makes the image NAME of NAME.sql; engine= says of which product
engine=mariadb
image_of() {
  printf '%s\n' "name: $1" "engine: $engine" 'sourceType: backup' "backups: [{path: ./$1.sql}]" "${@:2}" >"$work/files/$1.yaml"
  (cd "$work/files" && ctl create data-image -f "$1.yaml")
}
container_of() { image_of "$@" >/dev/null 2>"$work/said" || fail "$(<"$work/said")"; make_container "$1" "of-$1" >/dev/null; }
need_mysql() { [[ -x $mysql ]] || skip "there is no MySQL: ./dev setup says why"; engine=mysql; }

case_open_transaction() {
  dump open '-- a dump' 'CREATE TABLE t (a int);' 'BEGIN;' 'INSERT INTO t VALUES (1);'
  assert_error 64 'open.sql' 'transaction' 'line 3' 'COMMIT' -- image_of open 'initialDatabaseName: shop'
  dump auto 'CREATE TABLE t (a int);' 'SET AUTOCOMMIT = 0;' 'INSERT INTO t VALUES (1);'
  assert_error 64 'auto.sql' 'transaction' 'line 3' -- image_of auto 'initialDatabaseName: shop'
  dump whole 'SET AUTOCOMMIT = 0;' 'START TRANSACTION;' 'CREATE TABLE t (a int);' 'INSERT INTO t VALUES (1);' 'COMMIT;'
  container_of whole 'initialDatabaseName: shop'
  assert_eq "$(say of-whole shop 'SELECT * FROM t')" 1
}

# The server is asked: no text shows them.
transactions_that_no_text_shows() {
  dump chained 'CREATE TABLE t (a int);' 'SET completion_type=1; BEGIN; INSERT INTO t VALUES(1); COMMIT; INSERT INTO t VALUES(2);'
  dump prepared 'CREATE TABLE t (a int);' "PREPARE s FROM 'SET autocommit=0'; EXECUTE s; INSERT INTO t VALUES (1);"
  dump called 'CREATE TABLE t (a int);' 'DELIMITER //' 'CREATE PROCEDURE p() BEGIN START TRANSACTION; INSERT INTO t VALUES (5); END//' 'CALL p()//'
  dump unended 'CREATE TABLE t (a int);' "PREPARE s FROM 'SET autocommit=0'; EXECUTE s; INSERT INTO t VALUES (1) -- no end"
  local name
  for name in chained prepared called unended; do
    assert_error 64 "$name.sql" 'ends within a transaction' -- image_of $name 'initialDatabaseName: shop'
    assert_error 64 "$name.sql" 'ends within a transaction' -- image_of $name 'initialDatabaseName: shop' 'onError: continue'
  done
  dump restored 'CREATE TABLE t (a int);' 'SET @OLD=@@AUTOCOMMIT, AUTOCOMMIT=0;' 'INSERT INTO t VALUES (1);' 'SET AUTOCOMMIT=@OLD;' 'DELIMITER //' 'INSERT INTO t VALUES (2)'
  container_of restored 'initialDatabaseName: shop'
  assert_eq "$(say of-restored shop 'SELECT sum(a) FROM t')" 3
  ctl delete data-container -q of-restored
}
case_transactions_that_no_text_shows() { transactions_that_no_text_shows; }
case_transactions_of_mysql_that_no_text_shows() { need_mysql; transactions_that_no_text_shows; }

case_data_in_its_own_database() {
  dump prod 'CREATE DATABASE prod; USE prod;' 'CREATE TABLE t (a int); INSERT INTO t VALUES (1);'
  container_of prod 'initialDatabaseName: app'
  assert_contains "$(<"$work/said")" "nothing went into database 'app'"
  assert_eq "$(field of-prod database)" prod
  assert_contains "$(<"$work/said")" "'prod'"
  assert_eq "$(say of-prod prod 'SELECT a FROM t')" 1
}

case_data_in_the_system_database() {
  dump own 'CREATE TABLE mine (a int); CREATE DATABASE other; CREATE TABLE other.t (a int);'
  container_of own 'initialDatabaseName: mysql'
  [[ $(<"$work/said") != *'nothing went into'* ]] || fail "$(<"$work/said")"
  assert_eq "$(say of-own mysql "SHOW TABLES LIKE 'mine'")" mine
}

case_replication() {
  dump follower 'STOP SLAVE;' "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='r', MASTER_LOG_FILE='b.1', MASTER_LOG_POS=4;" \
    'CREATE TABLE t (a int);' 'START SLAVE;'
  container_of follower 'initialDatabaseName: shop'
  assert_contains "$(<"$work/said")" 'replication'
  assert_eq "$(say of-follower shop 'SHOW SLAVE STATUS')" ''
}

case_tools_words_and_bytes() {
  dump words 'mysqldump: [Warning] Using a password on the command line interface can be insecure.' \
    '-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)' '-- Server version	8.0.36' 'CREATE TABLE t (a varchar(9) COLLATE utf8mb4_ja_0900_as_cs);' \
    "INSERT INTO t VALUES ('x');" '-- Dump completed on 2026-11-25'
  container_of words 'initialDatabaseName: shop'
  assert_contains "$(<"$work/said")" 'no part of the dump'
  assert_contains "$(<"$work/said")" 'utf8mb4_ja_0900_as_cs'
  assert_eq "$(say of-words shop 'SELECT a FROM t')" x
  printf '\xef\xbb\xbfCREATE TABLE t (a int);\r\nINSERT INTO t VALUES (7);\r\n' >"$work/files/bom.sql"
  container_of bom 'initialDatabaseName: shop'
  assert_eq "$(say of-bom shop 'SELECT a FROM t')" 7
  printf '\xff\xfeS\0E\0L\0' >"$work/files/wide.sql"
  assert_error 64 'wide.sql' 'UTF-16' 'result-file' -- image_of wide 'initialDatabaseName: shop'
}

my8=('-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)' '-- Server version	8.0.36')
case_newer_and_others_words() {
  dump functional "${my8[@]}" 'CREATE TABLE t (email varchar(99), KEY k ((lower(email))));' '-- Dump completed'
  assert_error 64 'line 3' 'MySQL 8.0.36' 'MariaDB' 'engine: mysql' -- image_of functional 'initialDatabaseName: shop'
  dump function "${my8[@]}" 'CREATE TABLE u (id binary(16)); CREATE VIEW v AS SELECT bin_to_uuid(id) FROM u;' '-- Dump completed'
  assert_error 64 'bin_to_uuid' 'MySQL 8.0.36' -- image_of function 'initialDatabaseName: shop'
  dump newer '-- MariaDB dump 10.19-99.1.2-MariaDB, for debian-linux-gnu (x86_64)' '-- Server version	99.1.2-MariaDB' \
    'CREATE TABLE t (a int) NEWER_WORD;' '-- Dump completed'
  assert_error 64 'line 3' 'MariaDB 99.1.2' 'version: "99.1"' -- image_of newer 'initialDatabaseName: shop'
  dump sha2 "${my8[@]}" "CREATE USER 'app'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '\$A\$005\$x' REQUIRE NONE;" \
    "GRANT SELECT ON \`shop\`.* TO \`app\`@\`%\`;" 'CREATE TABLE t (a int);' '-- Dump completed'
  container_of sha2 'initialDatabaseName: shop'
  assert_contains "$(<"$work/said")" 'caching_sha2_password'
}

# What is left out ends where the dump turns to the next database.
case_anothers_system_database() {
  dump foreign "${my8[@]}" 'DROP DATABASE IF EXISTS `mysql`; CREATE DATABASE `mysql`; USE `mysql`;' 'CREATE TABLE user (a int);' \
    'CREATE DATABASE `shop`; USE `shop`;' 'CREATE TABLE t (a int); INSERT INTO t VALUES (1);' '-- Dump completed'
  container_of foreign
  assert_eq "$(say of-foreign shop 'SELECT a FROM t')" 1
  # Nothing of a database that cannot be entered goes into the one before.
  dump nowhere 'CREATE DATABASE first; USE first;' 'USE gone;' 'CREATE TABLE t (a int);'
  assert_error 64 'line 2' 'gone' -- image_of nowhere 'onError: continue'
}

# Accounts that every server has, in dumps as mariadb-dump --system=users and mysqldump --users write them.
accounts_again() {
  local name=accounts-$engine
  dump "$name" 'CREATE DATABASE shop; USE shop; CREATE TABLE t (a int);' "$@" "CREATE USER root@localhost; DROP USER root@'%';" \
    "CREATE USER root@'%' IDENTIFIED BY 'Theirs-1';" "CREATE USER root@'127.0.0.1' IDENTIFIED BY 'Theirs-1';" "ALTER USER root@'%' IDENTIFIED BY 'Theirs-1';" \
    'DROP USER app;' "CREATE USER app IDENTIFIED BY 'Ours-123';" 'GRANT SELECT ON shop.* TO app;'
  container_of "$name" 'postScript: INSERT INTO shop.t VALUES (1);'
  assert_contains "$(<"$work/said")" "account 'root@%' of the dump was passed over"
  assert_eq "$(say "of-$name" shop "SELECT a FROM t; SELECT COUNT(*) FROM mysql.user WHERE user = 'app'")" $'1\n1'
}
case_accounts_that_are_there() { accounts_again "CREATE USER \`mariadb.sys\`@\`localhost\` ACCOUNT LOCK PASSWORD EXPIRE;"; }
case_accounts_of_mysql_that_are_there() {
  need_mysql
  accounts_again "DROP USER 'mysql.sys'@'localhost';" "CREATE USER \`mysql.sys\`@\`localhost\` ACCOUNT LOCK;"
}
case_a_system_database_that_is_dropped_first() {
  need_mysql
  dump dropped "-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)" "-- Server version	$("$mysql" --version | sed -E 's/.*Ver ([0-9.]+).*/\1/')" \
    '/*!40000 DROP DATABASE IF EXISTS `mysql`*/;' 'CREATE DATABASE /*!32312 IF NOT EXISTS*/ `mysql`; USE `mysql`;' \
    '/*!40000 DROP DATABASE IF EXISTS `shop`*/;' 'CREATE DATABASE `shop`; USE `shop`; CREATE TABLE t (a int);' '-- Dump completed'
  container_of dropped
  assert_contains "$(<"$work/said")" "'mysql' was not dropped"
  assert_eq "$(say of-dropped shop 'SHOW TABLES')" t
}

case_errors_passed_over() {
  dump errors 'CREATE TABLE t (a int);' 'CREATE VIEW v AS SELECT * FROM nowhere;' 'INSERT INTO gone VALUES (1);' 'INSERT INTO t VALUES (1);'
  assert_error 64 'line 2' 'nowhere' -- image_of errors 'initialDatabaseName: shop'
  container_of errors 'initialDatabaseName: shop' 'onError: continue'
  assert_eq "$(say of-errors shop 'SELECT a FROM t')" 1
  assert_contains "$(ctl logs data-image errors 2>/dev/null || ctl logs errors)" 'passed over error 1146'
  cp "$work/files/errors.sql" "$work/files/some.sql"
  assert_error 64 'line 3' 'gone' -- image_of some 'initialDatabaseName: shop' 'onError: [create view]'
  image_of some 'initialDatabaseName: shop' 'onError: [create view, "1146"]' >/dev/null
  dump views '/*!50001 CREATE ALGORITHM=UNDEFINED */' '/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */' '/*!50001 VIEW `v` AS select `a` from `gone` */;'
  image_of views 'initialDatabaseName: shop' 'onError: [CREATE VIEW]' >/dev/null
  cp "$work/files/views.sql" "$work/files/comments.sql"
  image_of comments 'initialDatabaseName: shop' "onError: ['/*!50001 CREATE']" >/dev/null
}

case_parts() {
  dump parts 'CREATE TABLE keep (a int); INSERT INTO keep VALUES (1);' 'CREATE TABLE log_1 (a int);' 'INSERT INTO log_1 VALUES (2);' \
    'CREATE TABLE other (a int); INSERT INTO other VALUES (3);'
  container_of parts 'initialDatabaseName: shop' 'excludeTables: [other]' 'excludeData: ["log_*"]'
  assert_eq "$(say of-parts shop 'SHOW TABLES; SELECT COUNT(*) FROM log_1; SELECT a FROM keep')" $'keep\nlog_1\n0\n1'
  cp "$work/files/parts.sql" "$work/files/one.sql"
  container_of one 'initialDatabaseName: shop' 'tables: [shop.other]'
  assert_eq "$(say of-one shop 'SHOW TABLES; SELECT * FROM other')" $'other\n3'
  cp "$work/files/parts.sql" "$work/files/none.sql"
  container_of none 'initialDatabaseName: shop' 'schemaOnly: true'
  assert_eq "$(say of-none shop 'SHOW TABLES; SELECT * FROM other')" $'keep\nlog_1\nother'
  cp "$work/files/parts.sql" "$work/files/wrong.sql"
  assert_error 64 "no table 'nothing'" -- image_of wrong 'initialDatabaseName: shop' 'tables: [nothing]'
}

case_views_over_what_is_left_out() {
  dump over-views 'CREATE TABLE keep (a int); INSERT INTO keep VALUES (1);' 'CREATE TABLE other (a int);' \
    '/*!50001 CREATE ALGORITHM=UNDEFINED */' '/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */' '/*!50001 VIEW `v` AS select `a` from `other` */;' \
    'CREATE VIEW w AS SELECT * FROM v;' 'CREATE VIEW x AS SELECT * FROM keep;' 'INSERT INTO keep VALUES (2);'
  container_of over-views 'initialDatabaseName: shop' 'excludeTables: [other]'
  assert_contains "$(<"$work/said")" "view 'v' was left out: it needs 'shop.other'"
  assert_contains "$(<"$work/said")" "view 'w' was left out: it needs 'shop.v'"
  assert_eq "$(say of-over-views shop 'SHOW TABLES; SELECT SUM(a) FROM x')" $'keep\nx\n3'
  # What is missing for another reason, and what is no view, ends the build still.
  dump lost 'CREATE TABLE other (a int);' 'CREATE VIEW v AS SELECT * FROM nowhere;'
  assert_error 64 'line 2' 'nowhere' -- image_of lost 'initialDatabaseName: shop' 'excludeTables: [other]'
  dump copied 'CREATE TABLE other (a int);' 'CREATE TABLE t AS SELECT * FROM other;'
  assert_error 64 'line 2' 'excludeTables' -- image_of copied 'initialDatabaseName: shop' 'excludeTables: [other]'
  dump named 'CREATE TABLE other (a int);' 'CREATE VIEW v AS SELECT * FROM other;'
  assert_error 64 'line 2' "name 'shop.other' there" -- image_of named 'initialDatabaseName: shop' 'tables: [v]'
}

case_a_dump_that_ends_its_server() {
  dump ends 'CREATE TABLE t (a int);' '/* now */ shutdown;' 'INSERT INTO t VALUES (1);'
  assert_error 64 "line 2 of 'ends.sql'" "'shutdown' ends the server" -- image_of ends 'initialDatabaseName: shop'
  assert_error 64 "line 2 of 'ends.sql'" -- image_of ends 'initialDatabaseName: shop' 'onError: continue'
  dump immediate "EXECUTE IMMEDIATE 'SHUTDOWN';"
  assert_error 64 "line 1 of 'immediate.sql'" "'SHUTDOWN' ends the server" -- image_of immediate
  # What no text shows.
  dump prepared-end "SET @a = 'SHUTDOWN'; PREPARE s FROM @a; EXECUTE s;"
  assert_error 69 'SHUTDOWN' -- image_of prepared-end
}

# No image of which no container could be made.
case_accounts_that_are_gone() {
  local sql
  for sql in 'DELETE FROM mysql.global_priv;' 'DROP TABLE mysql.global_priv;' 'DROP DATABASE mysql;'; do
    dump gone 'CREATE TABLE t (a int);' "$sql"
    assert_error 64 'no container can do without' -- image_of gone 'initialDatabaseName: shop'
  done
  # What every start puts right.
  dump renamed 'CREATE TABLE t (a int);' "RENAME USER root@localhost TO x@y;" "CREATE USER root@'127.0.0.1' IDENTIFIED BY 'x';"
  container_of renamed 'initialDatabaseName: shop'
  assert_eq "$(say of-renamed shop 'SHOW TABLES')" t
}

case_names_with_quotes_in_them() {
  dump quotes 'CREATE TABLE `a``b` (a int);' 'INSERT INTO `a``b` VALUES (1);' 'CREATE TABLE `a` (a int); CREATE TABLE `c``` (a int);'
  container_of quotes 'initialDatabaseName: shop' 'tables: ["a`b", "c`"]'
  assert_eq "$(say of-quotes shop 'SHOW TABLES')" $'a`b\nc`'
  assert_eq "$(say of-quotes shop 'SELECT * FROM `a``b`')" 1
  dump itself 'CREATE DATABASE `d``e`; USE `d``e`; CREATE TABLE t (a int);'
  container_of itself 'initialDatabaseName: "d`e"'
  assert_eq "$(say of-itself 'd`e' 'SHOW TABLES')" t
}

# The client knows the word at the beginning of a line alone.
case_a_delimiter_first() {
  dump first 'DELIMITER ;;' 'CREATE TABLE t (a int);;' 'CREATE PROCEDURE p() BEGIN SELECT 7; END;;' 'DELIMITER ;'
  container_of first 'initialDatabaseName: shop'
  assert_eq "$(say of-first shop 'CALL p()')" 7
  dump wrong 'DELIMITER ;;' 'CREATE TABLE t (a int);;' 'INSERT INTO missing VALUES (1);;'
  assert_error 64 'line 3' 'missing' -- image_of wrong 'initialDatabaseName: shop'
}

case_sequences() {
  dump sequence 'CREATE SEQUENCE `s` start with 1;' 'DO SETVAL(`s`, 1001, 0);' 'SELECT SETVAL(s, 1001, 0);' 'CREATE TABLE t (a int);'
  container_of sequence 'initialDatabaseName: shop' 'tables: [t]'
  assert_eq "$(say of-sequence shop 'SHOW TABLES')" t
  ctl delete data-container -q of-sequence; ctl delete data-image -q sequence
  container_of sequence 'initialDatabaseName: shop' 'tables: [s]'
  assert_eq "$(say of-sequence shop 'SELECT NEXTVAL(s)')" 1001
}

case_what_is_no_sql() {
  dump xml '<?xml version="1.0"?>' '<mysqldump xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
  assert_error 64 "'xml.sql' is no MariaDB backup" 'mysqldump --xml' -- image_of xml
  dump page '<!DOCTYPE html>' '<html>'
  assert_error 64 'a web page' -- image_of page
}

case_errors_that_no_server_has() {
  dump view 'CREATE VIEW v AS SELECT nowhere(1) AS a;'
  local one
  for one in 0 42 2013 '42 12'; do
    assert_error 64 "'$one' under \`onError\` is neither" 'as 1064' -- image_of view "onError: [1146, $one]"
  done
  assert_error 64 'nowhere does not exist' '--routines' -- image_of view 'initialDatabaseName: shop' 'onError: [1146, 42s02, 4271]'
  assert_error 64 'nowhere does not exist' 'leaves out routines' -- image_of view 'initialDatabaseName: shop' 'tables: [v]'
}

case_missing_here() {
  dump lacks 'CREATE TABLE t (a int) ENGINE=TokuDB;' 'CREATE TABLE u (a int) ENGINE=ROCKSDB;' "INSTALL SONAME 'ha_spider';" 'INSERT INTO t VALUES (1);'
  assert_error 64 'TokuDB in line 1' 'ROCKSDB in line 2' 'ha_spider' 'skipExtensions' 'apt install' -- image_of lacks 'initialDatabaseName: shop'
  container_of lacks 'initialDatabaseName: shop' 'skipExtensions: [tokudb, rocksdb, ha_spider]'
  assert_eq "$(say of-lacks shop "SELECT a FROM t; SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = 'shop'")" $'1\nInnoDB'
}

case_settings() {
  dump mixed 'CREATE TABLE item (a int); CREATE VIEW v AS SELECT * FROM ITEM;'
  assert_error 64 'item' 'lower_case_table_names' -- image_of mixed 'initialDatabaseName: shop'
  container_of mixed 'initialDatabaseName: shop' 'settings: {lower_case_table_names: 1, max_connections: 77}'
  assert_eq "$(say of-mixed shop 'SELECT COUNT(*) FROM V; SELECT @@max_connections')" $'0\n77'
  local wide; wide=$(printf 'c%s varchar(255) NOT NULL,' {1..60})
  dump wide "CREATE TABLE t (${wide%,}) ROW_FORMAT=REDUNDANT CHARSET=latin1;"
  assert_error 64 'row size' 'innodb_strict_mode' -- image_of wide 'initialDatabaseName: shop'
  container_of wide 'initialDatabaseName: shop' 'settings: {innodb_strict_mode: "OFF"}'
  dump plain 'CREATE TABLE t (a int);'
  for refused in datadir port socket bind-address ssl-cert log_error plugin_dir secure-file-priv skip-grant-tables init_file; do
    assert_error 64 "'$refused'" 'cannot be given' -- image_of plain 'initialDatabaseName: shop' "settings: {$refused: x}"
  done
  assert_error 64 'no_such_setting' -- image_of plain 'initialDatabaseName: shop' 'settings: {no_such_setting: 1}'
}

case_encoding_and_locale() {
  dump latin 'CREATE TABLE t (a varchar(9));'
  container_of latin 'initialDatabaseName: shop' 'encoding: latin1' 'locale: latin1_german1_ci'
  assert_eq "$(say of-latin shop "SELECT collation_name FROM information_schema.columns WHERE table_schema = 'shop'")" latin1_german1_ci
  assert_error 64 'locale' 'en_US.UTF-8' -- image_of latin 'initialDatabaseName: shop' 'locale: en_US.UTF-8'
}

folder_image() {
  printf '%s\n' "name: ${1//_/-}" "engine: $engine" 'sourceType: backup' "backups: [{path: ./$1}]" "${@:2}" >"$work/files/$1.yaml"
  ctl create data-image -f "$work/files/$1.yaml"
}
case_mydumpers_folder() {
  local folder=$work/files/mydumper head='/*!40101 SET NAMES binary*/;
/*!40014 SET FOREIGN_KEY_CHECKS=0*/;
'
  mkdir -p "$folder"
  echo 'Finished dump at: 2026-11-25 10:00:00' >"$folder/metadata"
  echo 'CREATE DATABASE `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;' >"$folder/shop-schema-create.sql"
  echo "${head}CREATE TABLE \`child\` (id int, parent int, FOREIGN KEY (parent) REFERENCES parent (id)) COLLATE=utf8mb4_0900_ai_ci;" >"$folder/shop.child-schema.sql"
  echo "${head}CREATE TABLE \`parent\` (id int primary key);" | gzip >"$folder/shop.parent-schema.sql.gz"
  echo "${head}INSERT INTO \`child\` VALUES (1,1);" | gzip >"$folder/shop.child.00000.sql.gz"
  echo "${head}INSERT INTO \`child\` VALUES (2,1);" >"$folder/shop.child.00001.sql"
  echo "${head}INSERT INTO \`parent\` VALUES (1);" >"$folder/shop.parent.sql"
  echo 'CREATE TABLE `both`(`id` int);' >"$folder/shop.both-schema.sql"
  printf '%s\n' 'DROP TABLE IF EXISTS `both`;' 'DROP VIEW IF EXISTS `both`;' 'CREATE ALGORITHM=UNDEFINED DEFINER=`gone`@`%` VIEW `both` AS SELECT c.id FROM child c JOIN parent p ON c.parent = p.id;' >"$folder/shop.both-schema-view.sql"
  # A table of such a name, and what a view needs of the last file by name.
  echo 'CREATE TABLE `data` (`id` int);' >"$folder/shop.data-schema.sql"; echo 'INSERT INTO `data` VALUES (7);' >"$folder/shop.dates.sql"
  printf '%s\n' '/*!40101 SET NAMES binary*/;' 'DELIMITER ;;' 'CREATE DEFINER=`gone`@`%` FUNCTION `twice`(n int) RETURNS int DETERMINISTIC RETURN 2 * n;;' >"$folder/shop-schema-post.sql"
  echo 'CREATE TABLE `calls`(`id` int);' >"$folder/shop.calls-schema.sql"
  printf '%s\n' 'DROP TABLE IF EXISTS `calls`;' 'CREATE VIEW `calls` AS SELECT twice(id) AS id FROM data;' >"$folder/shop.calls-schema-view.sql"
  folder_image mydumper >/dev/null 2>"$work/said" || fail "$(<"$work/said")"
  make_container mydumper of-mydumper >/dev/null
  assert_eq "$(field of-mydumper database)" shop
  assert_eq "$(say of-mydumper shop 'SELECT COUNT(*) FROM `both`; SELECT COUNT(*) FROM child')" $'2\n2'
  assert_eq "$(say of-mydumper shop 'SELECT id FROM `calls`')" 14
  echo 'INSERT INTO `nowhere` VALUES (1);' >"$folder/shop.nowhere.sql"
  cp -r "$folder" "$work/files/broken"
  assert_error 64 "line 1 of 'broken/shop.nowhere.sql'" -- folder_image broken
  touch "$work/files/broken/shop.child.00000.dat.gz"
  assert_error 64 'rows for LOAD DATA' -- folder_image broken
  mv "$work/files/broken/metadata" "$work/files/broken/metadata.partial"
  assert_error 64 'did not finish' -- folder_image broken
}

case_other_tools_folders() {
  mkdir -p "$work/files/shell"
  touch "$work/files/shell/"{@.json,@.done.json,shop.json}
  assert_error 64 "'shell' is a folder of MySQL Shell" 'engine: mysql' -- folder_image shell
  mkdir -p "$work/files/data/mysql"; touch "$work/files/data/"{ibdata1,ib_logfile0}
  assert_error 64 "'data' is the data directory of a server" 'mariabackup' -- folder_image data
}

case_mysql_itself() {
  need_mysql
  dump theirs '-- MariaDB dump 10.19-11.8.2-MariaDB, for debian-linux-gnu (x86_64)' '-- Server version	11.8.2-MariaDB' \
    "/*!50003 SET sql_mode = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' */ ;" \
    'CREATE TABLE t (a varchar(9)) CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_ai_ci;' "INSERT INTO t VALUES ('x');" '-- Dump completed'
  container_of theirs 'initialDatabaseName: shop'
  assert_eq "$(say of-theirs shop 'SELECT a, @@event_scheduler FROM t')" $'x\tOFF'
  dump sequence '-- MariaDB dump 10.19-11.8.2-MariaDB, for debian-linux-gnu (x86_64)' '-- Server version	11.8.2-MariaDB' \
    'CREATE SEQUENCE s START WITH 1;' '-- Dump completed'
  assert_error 64 'MariaDB 11.8.2' 'engine: mariadb' -- image_of sequence 'initialDatabaseName: shop'
  dump mixed8 'CREATE TABLE item (a int); CREATE VIEW v AS SELECT * FROM ITEM;'
  container_of mixed8 'initialDatabaseName: shop' 'settings: {lower_case_table_names: 1}'
  assert_eq "$(say of-mixed8 shop 'SELECT COUNT(*) FROM V')" 0
}

# What a server writes to be there at all is the same in each of its containers, and every one keeps it.
case_mysql_disk_of_a_fresh_container() {
  need_mysql
  dump fresh 'CREATE TABLE t (a int);'
  container_of fresh 'initialDatabaseName: shop'
  sleep 3
  local kib; kib=$(du -sk "$state/containers/$(field of-fresh id)" | cut -f1)
  echo "a fresh container takes $kib KiB"
  (( kib <= 4096 )) || fail "a fresh container takes $kib KiB"
}

case_settings_that_are_kept() {
  need_mysql
  dump persist 'CREATE TABLE t (a int);' 'SET PERSIST max_connections = 77;'
  container_of persist 'initialDatabaseName: shop'
  assert_contains "$(<"$work/said")" 'SET PERSIST has no effect in containers'
}

write_config
start_daemon
run_cases "$@"
