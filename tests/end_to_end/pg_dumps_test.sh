#!/usr/bin/env bash
# Logical backups of PostgreSQL as other servers, services and tools write them: what is restored, what is passed over
# with a warning, what is refused and in which words.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# img NAME YAML-LINE...: an image of standard input; what is said is in $work/said.
img() {
  local name=$1; shift
  cat >"$work/files/$name.sql"
  ctl create data-image -f "$(image_yaml "$name" 'sourceType: backup' "backups: [{path: ./$name.sql}]" "$@")" >"$work/id" 2>"$work/said" ||
    fail "image '$name': $(<"$work/said")"
}
# refused NAME WORDS... -- YAML-LINE...: one error that has the words.
refused() {
  local name=$1 words=(); shift
  while [[ $# -gt 0 && $1 != -- ]]; do words+=("$1"); shift; done
  [[ $# -eq 0 ]] || shift
  cat >"$work/files/$name.sql"
  assert_error 64 "${words[@]}" -- ctl create data-image -q -f "$(image_yaml "$name" 'sourceType: backup' "backups: [{path: ./$name.sql}]" "$@")"
}
said() { assert_contains "$(<"$work/said")" "$1"; }
unsaid() { assert_lacks "$(<"$work/said")" "$1"; }
# answers IMAGE QUERY ANSWER [DATABASE]: of a container of the image, made at the first question.
answers() {
  [[ -e $work/of-$1 ]] || { make_container "$1" "of-$1" >/dev/null || fail "no container of '$1'"; touch "$work/of-$1"; }
  local arguments=(-Atc "$2")
  [[ -z ${4:-} ]] || arguments=(-d "$4" "${arguments[@]}")
  assert_eq "$(ctl connect "of-$1" -- "${arguments[@]}" 2>&1)" "$3" "$1: $2"
}

case_open_transaction() {
  refused open1 'ends within a transaction' 'begins on line 3' <<<$'create table t (a int);\n\nBEGIN;\ninsert into t values (1);'
  refused open2 'ends within a transaction' 'begins on line 1' <<<'start transaction; create table t (a int)'
  echo 'select 1;' >"$work/files/none.sql"
  assert_error 64 'ends within a transaction' -- ctl create data-image -q -f \
    "$(image_yaml open3 'sourceType: backup' 'backups: [{path: ./none.sql}]' 'postScript: "begin; create table t ();"')"
  # What only looks like one.
  img closed <<'SQL'
begin; savepoint a; rollback to savepoint a; commit and chain; end;
create function f() returns int language sql begin atomic select 1; select 2; end;
create procedure p() language plpgsql as $$ begin commit; end $$;
do $$ begin perform 1; end $$;
SQL
}

case_own_database_of_the_dump() {
  img own 'initialDatabaseName: app' <<'SQL'
CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8';
\connect shop
CREATE TABLE t (a int); INSERT INTO t VALUES (7);
SQL
  said "the data is in 'shop'"
  answers own 'select a from t' 7
  img both 'initialDatabaseName: app' <<'SQL'
CREATE TABLE here (a int);
CREATE DATABASE shop;
SQL
  unsaid "the data is in"
  answers both 'select count(*) from here' 0
  img two 'initialDatabaseName: app' <<'SQL'
CREATE DATABASE shop;
CREATE DATABASE blog;
\connect shop
CREATE TABLE t (a int);
\connect blog
CREATE TABLE t (a int);
SQL
  said "'shop', 'blog'"
  img template <<'SQL'
CREATE DATABASE shop;
ALTER DATABASE shop IS_TEMPLATE = true;
\connect shop
CREATE TABLE t (a int);
SQL
  answers template 'select current_database()' shop
}

case_locale_and_encoding() {
  local head='CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = '
  img latin "version: '15'" 'initialDatabaseName: shop' <<<"$head'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'C';
\\connect shop
CREATE TABLE t (a text);"
  answers latin 'show server_encoding' LATIN1
  img missing 'initialDatabaseName: shop' <<<"$head'UTF8' LOCALE = 'xx_YY.UTF-8';"
  said "no locale 'xx_YY.UTF-8'"
  img keyed 'initialDatabaseName: shop' 'locale: C' 'encoding: SQL_ASCII' <<<'create table t (a int);'
  answers keyed "select current_setting('server_encoding') || datcollate from pg_database where datname = 'shop'" SQL_ASCIIC
  img icu 'initialDatabaseName: shop' <<<"$head'UTF8' LOCALE_PROVIDER = icu LOCALE = 'C.UTF-8' ICU_LOCALE = 'en-US';
\\connect shop
create table t (n text); insert into t values ('a'), ('B'), ('c');"
  answers icu "select string_agg(n, '' order by n) from t" aBc
  own_archive_of_latin >"$work/files/latin.dump"
  ctl create data-image -f "$(image_yaml archive 'sourceType: backup' 'initialDatabaseName: app' 'backups: [{path: ./latin.dump}]')" >/dev/null 2>"$work/said"
  answers archive "select current_setting('server_encoding') || n from t" LATIN1é
}
# A custom archive, made with a container of ours.
own_archive_of_latin() {
  answers latin "create table if not exists made (a int)" 'CREATE TABLE'
  ctl connect of-latin -- -qc "set client_encoding = utf8; create table t2 as select 'é'::text as n; drop table t; alter table t2 rename to t" >&2
  (set -a; eval "$(ctl get data-container of-latin -o env)"; pg_dump -Fc)
}

# On each of the versions that differ in it.
case_roles_of_managed_services() {
  local version
  for version in 15 17; do
    img "rds$version" "version: '$version'" <<'SQL'
CREATE ROLE rds_superuser; CREATE ROLE app;
CREATE ROLE postgres;
ALTER ROLE postgres WITH NOSUPERUSER INHERIT CREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS VALID UNTIL 'infinity';
ALTER ROLE postgres NOLOGIN; ALTER ROLE postgres SET role = rds_superuser;
ALTER ROLE postgres RENAME TO old; DROP ROLE IF EXISTS postgres;
ALTER USER postgres PASSWORD 'x' VALID UNTIL '2001-01-01' CONNECTION LIMIT 0;
GRANT rds_superuser TO postgres GRANTED BY rdsadmin;
GRANT rds_superuser TO app WITH ADMIN OPTION GRANTED BY rdsadmin;
CREATE TABLE public.t (id int);
ALTER TABLE public.t OWNER TO cloudsqlsuperuser;
SQL
    said 'role "postgres"'
    answers "rds$version" "select count(*) from t; select pg_has_role('app', 'rds_superuser', 'member')" $'0\nt'
    # In ways that no text shows.
    img "do$version" "version: '$version'" <<'SQL'
CREATE ROLE boss;
DO $$ BEGIN EXECUTE 'alter role postgres nologin'; EXECUTE 'alter role postgres set role = boss'; END $$;
CREATE DATABASE shut; DO $$ BEGIN EXECUTE 'alter database shut connection limit 0'; END $$;
SQL
    said 'role "postgres"'
    said "database 'shut'"
    answers "do$version" "select rolcanlogin from pg_roles where oid = 10" t
  done
}

case_databases_that_let_nobody_in() {
  img shut <<'SQL'
CREATE DATABASE shop; ALTER DATABASE shop CONNECTION LIMIT 0; ALTER DATABASE shop WITH ALLOW_CONNECTIONS false;
ALTER DATABASE shop SET default_transaction_read_only = on; ALTER DATABASE shop SET statement_timeout = 1;
\connect shop
CREATE TABLE t (a int); SELECT pg_sleep(0.1); INSERT INTO t VALUES (3);
SQL
  said "would let nobody in"
  answers shut 'set statement_timeout = 0; select a from t' $'SET\n3'
}

case_errors_are_policy() {
  local sql="SET check_function_bodies=false; SELECT pg_catalog.set_config('search_path','',false); CREATE FUNCTION public.norm(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'select lower(t)'; CREATE FUNCTION public.key_of(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'select norm(t)'; CREATE TABLE public.c (n text); INSERT INTO public.c VALUES ('A'); CREATE INDEX i ON public.c (public.key_of(n)); CREATE TABLE public.last (id int);"
  refused idx0 'norm(text) does not exist' 'CREATE INDEX i ON' <<<"$sql"
  img idx1 "version: '15'" 'onError: continue' <<<"$sql"
  said 'error passed over'
  answers idx1 'select n from c; select count(*) from last' $'A\n0'
  img idx2 "onError: ['42883']" <<<"$sql"
  img idx3 "onError: ['create index i']" <<<"$sql"
  refused idx4 'does not exist' -- "onError: ['42P01', 'CREATE VIEW']" <<<"$sql"
  # Rows of a table that could not be made are no statements.
  img rows 'onError: continue' <<'SQL'
CREATE TABLE a (x nowhere.type);
CREATE TABLE b (x text);
COPY a (x) FROM stdin;
it's; drop table b;
\N
\.
COPY b FROM stdin;
it's; select
\.
BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES ('y'); COMMIT;
SQL
  answers rows "select string_agg(x, '|' order by x) from b" "it's; select|y"
  said 'line 1 of'
  said 'line 3 of'
  said 'line 10 of'
}

case_errors_of_archives() {
  (set -a; eval "$(ctl get data-container of-idx1 -o env)"; psql -qc "create function norm2(t text) returns text language sql immutable as 'select lower(t)'" \
    -c "create function k2(t text) returns text language sql immutable as 'select norm2(t)'" -c 'create index i2 on c (k2(n))'; pg_dump -Fc >"$work/files/idx.dump")
  assert_error 64 'norm2(text) does not exist' 'create index' -- ctl create data-image -q -f \
    "$(image_yaml arch0 'sourceType: backup' 'initialDatabaseName: d' 'backups: [{path: ./idx.dump}]')"
  ctl create data-image -f "$(image_yaml arch1 'sourceType: backup' 'initialDatabaseName: d' 'backups: [{path: ./idx.dump}]' 'onError: continue')" >/dev/null 2>"$work/said"
  said 'error passed over'
  answers arch1 'select n from c' A
  make_image arch2 'sourceType: backup' 'initialDatabaseName: d' 'backups: [{path: ./idx.dump}]' "onError: ['42883']" >/dev/null
}

case_newer_server() {
  refused newer '17.6' 'version: 17' 'installed:' -- "version: '15'" <<<$'--\n-- PostgreSQL database dump\n--\n-- Dumped from database version 17.6 (Debian 17.6-1)\nCREATE TABLE t (a int) WITH NEWS;\n-- PostgreSQL database dump complete\n--'
  img grants "version: '15'" <<<$'-- Dumped from database version 17.6\nCREATE ROLE a; CREATE ROLE b; GRANT a TO b WITH INHERIT TRUE GRANTED BY postgres;'
  answers grants "select pg_has_role('b', 'a', 'usage')" t
  img builtin "version: '15'" <<<"CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = builtin LOCALE = 'C.UTF-8' BUILTIN_LOCALE = 'C.UTF-8';"
  said 'too old'
  answers builtin 'select 1' 1 shop
}

case_tablespaces_and_labels() {
  img ts <<'SQL'
CREATE TABLESPACE fast OWNER postgres LOCATION '/mnt/fast'; GRANT CREATE ON TABLESPACE fast TO PUBLIC;
COMMENT ON TABLESPACE fast IS 'x'; ALTER TABLESPACE fast SET (seq_page_cost = 1);
CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' TABLESPACE = fast;
ALTER DATABASE shop SET default_tablespace = fast;
\connect shop
SET default_tablespace = fast;
CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE fast) TABLESPACE fast; CREATE INDEX i ON t (id) TABLESPACE fast;
ALTER TABLE t SET TABLESPACE fast;
SECURITY LABEL FOR anon ON COLUMN t.id IS 'MASKED WITH VALUE NULL'; SECURITY LABEL FOR anon ON TABLE t IS 'x';
SQL
  assert_eq "$(grep -c tablespaces "$work/said")" 1 "warnings about tablespaces: $(<"$work/said")"
  assert_eq "$(grep -c 'security label' "$work/said")" 1 "warnings about labels"
  answers ts 'select count(*) from t' 0 shop
}

case_missing_role_in_a_transaction() {
  img within <<'SQL'
BEGIN;
CREATE TABLE t (a int);
ALTER TABLE t OWNER TO nobody_here;
GRANT SELECT ON t TO nobody_here;
INSERT INTO t VALUES (5);
COMMIT;
SQL
  said 'role "nobody_here" does not exist'
  answers within 'select a from t' 5
}

# What names it and does something else, too, is no statement to be passed over.
case_missing_role_in_rows() {
  local rows=$'CREATE TABLE acl (id int, who regrole);\nCOPY acl FROM stdin;\n1\tpostgres\n2\tjoe\n\\.'
  refused role1 '(COPY acl, line 2' 'role "joe" does not exist' 'preScript: create role "joe"' <<<"$rows"
  img role2 "version: '15'" "preScript: 'create role \"joe\"'" <<<"$rows"
  answers role2 'select count(*) from acl' 2
  (set -a; eval "$(ctl get data-container of-role2 -o env)"; pg_dump -Fc >"$work/files/acl.dump")
  assert_error 64 'role "joe" does not exist' 'preScript' -- ctl create data-image -q -f \
    "$(image_yaml role3 'sourceType: backup' 'initialDatabaseName: d' 'backups: [{path: ./acl.dump}]')"
  refused role4 'role "joe" does not exist' '(in: DO $$ BEGIN' <<<'DO $$ BEGIN CREATE TABLE v (i int); GRANT SELECT ON v TO joe; END $$;'
  refused role5 'role "joe" does not exist' '(in: CREATE SCHEMA audit' <<<'CREATE SCHEMA audit AUTHORIZATION joe CREATE TABLE log (i int);'
}

case_md5_passwords() {
  # md5('secret' || 'old')
  img md5 "version: '17'" <<<"CREATE ROLE old LOGIN PASSWORD 'md5$(printf secretold | md5sum | cut -d' ' -f1)';"
  said 'MD5'
  answers md5 'select 1' 1
  (set -a; eval "$(ctl get data-container of-md5 -o env)"; unset DATABASE_URL; PGUSER=old PGPASSWORD=secret psql -d postgres -Atc 'select current_user') >"$work/who" 2>&1 || true
  assert_eq "$(<"$work/who")" old
}

case_what_became_of_the_text() {
  local sql=$'create table t (a text);\r\ninsert into t values (\'é\');\r\ncopy t from stdin;\r\nx\r\n\\.\r\n'
  img crlf <<<"$sql"
  answers crlf "select string_agg(a, ',' order by a) from t" 'x,é'
  (printf '\377\376'; iconv -f UTF-8 -t UTF-16LE <<<"$sql") >"$work/files/wide.sql"
  ctl create data-image -q -f "$(image_yaml wide 'sourceType: backup' 'backups: [{path: ./wide.sql}]')" >/dev/null
  answers wide "select string_agg(a, ',' order by a) from t" 'x,é'
  (printf '\376\377'; iconv -f UTF-8 -t UTF-16BE <<<"$sql") | gzip >"$work/files/wide.sql.gz"
  ctl create data-image -q -f "$(image_yaml wider 'sourceType: backup' 'backups: [{path: ./wide.sql.gz}]')" >/dev/null
  answers wider 'select count(*) from t' 2
  img words <<<$'Defaulted container "pg" out of: pg, init\npg_dump: warning: there are circular foreign-key constraints on this table:\npg_dump: detail: t\ncreate table t (a int);'
  said 'Defaulted container'
  answers words 'select count(*) from t' 0
  refused failed 'the dump failed' <<<$'pg_dump: error: connection to server failed'
}

case_subscriptions_never_connect() {
  img subscribed <<'SQL'
CREATE TABLE t (a int);
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p;
CREATE SUBSCRIPTION quiet CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = 'quiet');
ALTER SUBSCRIPTION quiet ENABLE; ALTER SUBSCRIPTION s OWNER TO postgres;
CREATE PUBLICATION mine FOR ALL TABLES; CREATE ROLE plain; ALTER PUBLICATION mine OWNER TO plain;
SQL
  said 'publisher'
  answers subscribed 'select subname, subenabled from pg_subscription' 'quiet|f'
}

# With --clean a whole server's dump drops what each server has, and is in use here; one with large objects unlinks them.
case_clean_dumps_of_real_tools() {
  img cleaned 'version: 15' 'initialDatabaseName: shop' <<<"create table t (a int); insert into t values (7); select lo_from_bytea(16999, 'x');"
  make_container cleaned source >/dev/null
  local PGHOST=127.0.0.1 PGPORT PGUSER PGPASSWORD
  PGPORT=$(field source port) PGUSER=$(field source user) PGPASSWORD=$(field source password)
  export PGHOST PGPORT PGUSER PGPASSWORD
  local clean
  for clean in '' --if-exists; do
    pg_dumpall -c $clean --no-role-passwords 2>/dev/null | img "whole$clean" 'version: 15'
    answers "whole$clean" 'select a from t' 7 shop
    pg_dump -c $clean shop | img "part$clean" 'version: 15' 'initialDatabaseName: shop'
    answers "part$clean" 'select a, (select count(*) from pg_largeobject_metadata) from t' '7|1'
  done
}
case_an_error_of_a_last_statement_without_semicolon() {
  refused unended 'relation "nosuch" does not exist' <<<$'create table t (a int);\ninsert into nosuch values (1)'
}

# What a server reads at its next start is tried before an image counts as made.
case_settings_for_the_next_start() {
  refused next1 'no container of the image would start' "nope" <<<"ALTER SYSTEM SET shared_preload_libraries = 'nope'; CREATE TABLE t (a int);"
  refused next2 'no container of the image would start' 'max_connections' 'ALTER SYSTEM' <<<"ALTER SYSTEM SET max_connections = 1;"
  refused next4 'no client could use' 'nope' 'ALTER SYSTEM' <<<"ALTER SYSTEM SET session_preload_libraries = 'nope';"
  refused next5 'no client could use' 'nope' <<<"ALTER SYSTEM SET local_preload_libraries = 'nope';"
  refused next6 'no client could use' 'synchronous_standby_names' <<<"ALTER SYSTEM SET synchronous_standby_names = 'x';"
  img next3 <<<"ALTER SYSTEM SET work_mem = '9MB'; CREATE TABLE t (a int);"
  answers next3 'show work_mem' 9MB
}

case_a_locale_without_a_database_for_it() {
  img nolocale 'locale: C' <<<'CREATE TABLE t (a int);'
  said '`locale` and `encoding` change nothing'
  img itsown 'locale: C' <<<$'CREATE DATABASE shop;\n\\connect shop\nCREATE TABLE t (a int);'
  unsaid 'change nothing'
  answers itsown "select datcollate from pg_database where datname = 'shop'" C
  assert_exit 0 ctl create data-image -f "$(image_yaml scripted 'sourceType: empty' 'postScript: select 1' 'locale: C')"
  assert_contains "$err" '`locale` and `encoding` change nothing'
}

case_data_in_a_template() {
  img template <<<$'\\connect template1\nCREATE TABLE t (a int);'
  said 'database "template1" has 1 tables of the backup'
}

case_schemas_of_missing_roles() {
  img schemas <<'SQL'
CREATE ROLE here;
CREATE SCHEMA s AUTHORIZATION nobody;
CREATE SCHEMA IF NOT EXISTS "S 2" AUTHORIZATION "No Body"; CREATE TABLE "S 2".t (a int);
CREATE SCHEMA AUTHORIZATION nobody;
CREATE SCHEMA mine AUTHORIZATION here;
CREATE SCHEMA IF NOT EXISTS mine AUTHORIZATION postgres;
CREATE SCHEMA IF NOT EXISTS public AUTHORIZATION nobody; CREATE SCHEMA IF NOT EXISTS AUTHORIZATION here;
CREATE TABLE s.t (a int);
SQL
  said "role \"nobody\" does not exist; passed over"
  answers schemas "select string_agg(nspname || ':' || (nspowner = 'here'::regrole), ',' order by nspname) from pg_namespace where oid > 16383" \
    'S 2:false,here:true,mine:true,nobody:false,s:false'
}

case_schema_only_of_plain_sql() {
  img bare 'initialDatabaseName: shop' 'schemaOnly: true' <<'SQL'
CREATE TABLE t (a int); CREATE TABLE u (a int);
WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x;
DO $$ BEGIN INSERT INTO t VALUES (1); END $$;
DO $$ BEGIN GRANT SELECT, INSERT, UPDATE, DELETE ON t TO PUBLIC; END $$;
DO $$ BEGIN CREATE TYPE mood AS ENUM ('fine'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
MERGE INTO t USING (SELECT 7 AS a) AS s ON t.a = s.a WHEN NOT MATCHED THEN INSERT VALUES (7);
UPDATE t SET a = 1;
SELECT pg_catalog.lo_create('16405');
ALTER LARGE OBJECT 16405 OWNER TO postgres;
BEGIN; SELECT pg_catalog.lo_open('16405', 131072); SELECT pg_catalog.lowrite(0, '\x00'); SELECT pg_catalog.lo_close(0); COMMIT;
SQL
  said 'a DO that writes rows is left out'
  answers bare "select (select count(*) from t), (select count(*) from pg_largeobject_metadata), 'fine'::mood, (select count(*) from information_schema.table_privileges where grantee = 'PUBLIC' and table_name = 't')" '0|0|fine|4'
}

case_utf16_without_a_mark() {
  local order
  for order in LE BE; do
    printf -- "-- a dump\nCREATE DATABASE shop ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;\nCREATE TABLE t (a text); INSERT INTO t VALUES ('\u00e9');\nCREATE EXTENSION nosuch;\n" |
      iconv -t "UTF-16$order" | img "wide$order" 'skipExtensions: [nosuch]'
    answers "wide$order" 'select a from t' $'\u00e9' postgres
  done
}

case_drop_and_create_without_a_head() {
  img anew 'initialDatabaseName: shop' <<<$'DROP DATABASE IF EXISTS shop;\nCREATE DATABASE shop;\n\\connect shop\nCREATE TABLE t (a int);'
  answers anew 'select count(*) from t' 0 shop
}

# The locale stands far behind the first 64 KiB.
case_a_database_far_down() {
  { for ((i = 0; i < 1500; i++)); do echo "CREATE ROLE role_of_a_service_that_we_once_had_$i;"; done
    echo "CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'C';"; } |
    img far 'initialDatabaseName: shop'
  answers far 'show server_encoding' LATIN1
}

write_config
start_daemon
run_cases "$@"
