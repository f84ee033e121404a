#!/usr/bin/env bash
# Parts of PostgreSQL dumps, extensions that are not here, and settings of the server.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=sample_database.sh
source "$(dirname "$0")/sample_database.sh"

prepare() {
  own_postgres_start
  make_sample_database
  own_psql -d shop -c 'create table sales.audit (id int generated always as identity primary key, orders_id bigint references sales.orders, note text)' \
    -c "insert into sales.audit (note) select 'n' || i from generate_series(1, 50) i" \
    -c 'create table sales.parted (d int) partition by range (d)' -c 'create table sales.parted_1 partition of sales.parted for values from (0) to (10)' \
    -c 'insert into sales.parted select generate_series(0, 9)' -c 'create extension hstore'
  # Of partitions and of children, and what a table needs without owning it.
  own_psql -d shop -c 'create schema deep' -c 'create table deep.p (id int, d int) partition by range (d)' \
    -c 'create table deep.p1 partition of deep.p for values from (0) to (10) partition by list (id)' \
    -c 'create table deep.p1a partition of deep.p1 for values in (1)' -c 'create table deep.p2 partition of deep.p for values from (10) to (20)' \
    -c 'insert into deep.p values (1, 1), (1, 11)' -c 'create table deep.base (i int)' -c 'create table deep.kid (j int) inherits (deep.base)' \
    -c 'insert into deep.base values (1)' -c 'insert into deep.kid values (2, 2)'
  own_psql -d shop -c 'create schema ext' -c 'create extension citext schema ext' -c 'revoke all on function ext.citext(boolean) from public' \
    -c 'grant all on function ext.citext(boolean) to postgres'
  own_psql -d shop -c 'create schema need' -c 'create sequence need.shared' -c "create function need.next() returns bigint language sql as \$\$ select nextval('need.shared') \$\$" \
    -c "create domain need.positive as int default nextval('need.shared') check (value > 0)" -c "create table need.s1 (a int default nextval('need.shared'), b int)" \
    -c 'create table need.s2 (a need.positive, b bigint default need.next())' -c "create table need.s3 (id serial)" \
    -c "create table need.s4 (a int default nextval('need.s3_id_seq'))" -c 'insert into need.s1 (b) values (7)' -c 'insert into need.s4 default values' \
    -c 'create view need.v1 as select * from need.s1' -c 'create view need.v2 as select * from need.v1'
  make_dumps
  pg_dump -h "$own" -U postgres --inserts shop >"$work/files/inserts.sql"
  own_postgres_stop
  cat >"$work/files/ext.sql" <<'END'
CREATE SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pg_nosuch_cron WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION pg_nosuch_cron IS 'x';
CREATE EXTENSION IF NOT EXISTS "supabase_vault" WITH SCHEMA extensions;
CREATE EXTENSION hstore VERSION '99';
CREATE TABLE public.t (id int);
COPY cron.job (jobid, command) FROM stdin;
1	select 1
\.
COPY public.t (id) FROM stdin;
1
2
\.
SELECT pg_catalog.setval('cron.jobid_seq', 3, true);
SELECT cron.schedule('nightly', '0 3 * * *', 'vacuum');
ALTER TABLE cron.job OWNER TO postgres;
CREATE POLICY p ON cron.job USING (true);
COMMENT ON TABLE cron.job IS 'x';
GRANT USAGE ON SCHEMA cron TO postgres;
GRANT ALL ON FUNCTION cron.schedule(text, text) TO postgres;
REVOKE ALL ON TABLE cron.job FROM postgres;
END
  chmod -R a+rX "$work/files"
}
image() { ctl create data-image -f "$(image_yaml "$1" 'sourceType: backup' "${@:2}")"; }
refused() {
  local name=$1 words=(); shift
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  [[ -e $work/warm ]] || make_image warm 'sourceType: empty' 'version: 15' >"$work/warm"
  assert_error 64 "${words[@]}" -- image "$name" "$@"
  assert_error 2 "$name" -- ctl get data-image "$name"
}
# of_image NAME SQL: in a container of it.
of_image() {
  [[ -e $work/container-$1 ]] || make_container "$1" "of-$1" >"$work/container-$1"
  sql "of-$1" shop "$2"
}
relations="select string_agg(relname, ' ' order by relname) from pg_class where relnamespace = 'sales'::regnamespace and relkind in ('r', 'v', 'p')"

# --- parts -----------------------------------------------------------------------------------------------------

case_tables_of_an_archive() {
  local format
  for format in custom.dump dump.tar; do
    assert_exit 0 image "some-${format%%.*}" 'initialDatabaseName: shop' 'version: 15' "backup: {file: $format}" 'tables: [sales.orders]'
    assert_contains "$err" "foreign key 'orders orders_customer_id_fkey' is left out: it needs 'customer'" "$format"
    assert_lacks "$err" "audit" "$format"
    assert_eq "$(of_image "some-${format%%.*}" "$relations")" orders "$format"
    assert_eq "$(of_image "some-${format%%.*}" 'select count(*) from sales.orders')" "$sample_orders"
    assert_eq "$(of_image "some-${format%%.*}" "select count(*) from pg_indexes where tablename = 'orders'")" 2 "its key and its index"
    of_image "some-${format%%.*}" "insert into sales.orders (customer_id, amount, state) values (1, 1, 'open')"
    assert_eq "$(of_image "some-${format%%.*}" 'select max(id) from sales.orders')" "$((sample_orders + 1))" "its sequence goes on"
  done
  assert_exit 0 image folder 'initialDatabaseName: shop' 'version: 15' 'backup: {folder: directory.d}' 'tables: ["c*", sales.parted]'
  assert_eq "$(of_image folder "$relations")" 'customer parted parted_1'
  assert_eq "$(of_image folder 'select count(*) from sales.parted')" 10
  assert_eq "$(of_image folder "select count(*) from pg_trigger where tgname = 'touch'")" 1
  refused nothing '`tables:` names' 'nosuch' 'sales.customer' -- 'initialDatabaseName: shop' 'version: 15' 'backup: {file: custom.dump}' 'tables: [orders, nosuch]'
}

case_without_tables_and_without_rows_of_an_archive() {
  assert_exit 0 image less 'version: 15' 'backup: {file: custom.dump}' 'excludeTables: [audit, "sales.cust*"]' 'excludeData: [parted_1]'
  assert_eq "$(of_image less "$relations")" 'orders parted parted_1 totals'
  assert_eq "$(of_image less 'select count(*) from sales.parted')" 0
  assert_eq "$(of_image less 'select count(*) from sales.orders')" "$sample_orders"
  assert_exit 0 image bones 'initialDatabaseName: shop' 'version: 15' 'backup: {file: dump.tar}' 'schemaOnly: true'
  assert_eq "$(of_image bones 'select count(*) from sales.orders')" 0
  assert_eq "$(of_image bones "$relations")" 'audit customer orders parted parted_1 totals'
  refused nothing '`excludeData:` names' 'nosuch' -- 'version: 15' 'backup: {file: custom.dump}' 'excludeData: [nosuch]'
}

# Sequences that it does not own, by its default or that of a domain.
case_what_a_table_needs() {
  local table
  for table in s1 s2 s4; do
    assert_exit 0 image "need-$table" 'initialDatabaseName: shop' 'version: 15' 'backup: {file: custom.dump}' "tables: [need.$table]"
    assert_lacks "$err" 'left out' "$table"
    of_image "need-$table" "insert into need.$table default values"
  done
  assert_eq "$(of_image need-s1 'select max(a), max(b) from need.s1')" '2|7' "its sequence goes on"
  assert_exit 0 image need-less 'initialDatabaseName: shop' 'version: 15' 'backup: {file: custom.dump}' 'excludeTables: [s3]'
  assert_eq "$(of_image need-less 'insert into need.s4 default values; select count(*) from need.s4' | tail -n 1)" 2
  refused v '`tables:` names' need.v1 'needs what is left out: need.s1' 'tables: [need.v1, need.s1]' -- 'version: 15' 'backup: {file: custom.dump}' 'tables: [v1]'
  refused v need.v2 need.v1 need.s1 -- 'version: 15' 'backup: {file: dump.tar}' 'tables: [need.v2, s3]'
  refused v 'Take that off `excludeTables`' -- 'version: 15' 'backup: {file: dump.tar}' 'tables: [need.v1, s1]' 'excludeTables: [s1]'
  refused v 'no table is left' -- 'version: 15' 'backup: {file: dump.tar}' 'tables: ["need.v*"]' 'excludeTables: [s1]'
  assert_exit 0 image views 'initialDatabaseName: shop' 'version: 15' 'backup: {file: custom.dump}' 'tables: [v2, v1, s1]'
  assert_eq "$(of_image views 'select b from need.v2')" 7
}

case_without_rows_of_plain_sql() {
  local file
  for file in plain.sql inserts.sql; do
    assert_exit 0 image "rows-${file%.*}" 'initialDatabaseName: shop' 'version: 15' "backup: {file: $file}" 'excludeData: [audit, "sales.parted*"]'
    assert_eq "$(of_image "rows-${file%.*}" 'select (select count(*) from sales.audit), (select count(*) from sales.parted), (select count(*) from sales.orders)')" \
      "0|0|$sample_orders" "$file"
    assert_exit 0 image "none-${file%.*}" 'initialDatabaseName: shop' 'version: 15' "backup: {file: $file}" 'schemaOnly: true'
    assert_eq "$(of_image "none-${file%.*}" "select (select count(*) from sales.orders), nextval('sales.orders_id_seq')")" '0|1' "$file"
  done
  refused nothing '`excludeData:` names' nosuch sales.customer -- 'initialDatabaseName: shop' 'version: 15' 'backup: {file: plain.sql}' 'excludeData: [nosuch]'
  refused nothing '`tables` takes parts of archives' 'pg_dump -Fc' -- 'initialDatabaseName: shop' 'version: 15' 'backup: {file: plain.sql}' 'tables: [orders]'
}

# Rows are those of the partitions, and of what inherits.
case_without_rows_of_partitions() {
  local file rows='select (select count(*) from deep.p2), (select count(*) from deep.p1a), (select count(*) from deep.base), (select count(*) from sales.orders)'
  for file in 'file: custom.dump' 'file: dump.tar' 'folder: directory.d' 'file: plain.sql' 'file: inserts.sql'; do
    local name=${file//[^a-z]/}
    assert_exit 0 image "$name" 'initialDatabaseName: shop' 'version: 15' "backup: {$file}" 'excludeData: [p, base]'
    assert_eq "$(of_image "$name" "$rows")" "0|0|0|$sample_orders" "$file"
    assert_exit 0 image "$name-sub" 'initialDatabaseName: shop' 'version: 15' "backup: {$file}" 'excludeData: [deep.p1]'
    assert_eq "$(of_image "$name-sub" "$rows")" "1|0|2|$sample_orders" "$file"
  done
  assert_exit 0 image notables 'initialDatabaseName: shop' 'version: 15' 'backup: {file: custom.dump}' 'excludeTables: [deep.p]'
  assert_contains "$err" "'p1a' is left out with what it is a part of"
  assert_eq "$(of_image notables "select string_agg(relname, ' ' order by relname) from pg_class where relnamespace = 'deep'::regnamespace")" 'base kid'
  # Who belongs to whom is said behind the rows.
  printf '%s\n' 'create table p (d int) partition by range (d);' 'create table p1 (d int);' 'insert into p1 values (1);' \
    'alter table p attach partition p1 for values from (0) to (10);' >"$work/files/late.sql"
  chmod a+r "$work/files/late.sql"
  refused late "line 4 of 'late.sql'" "'public.p1' is a part" 'excludeData: [public.p, public.p1]' -- 'initialDatabaseName: shop' 'version: 15' 'backup: {file: late.sql}' 'excludeData: [p]'
}

# --- extensions ------------------------------------------------------------------------------------------------

case_all_missing_extensions_at_once() {
  refused ext 'pg_nosuch_cron' 'supabase_vault' 'hstore 99' 'skipExtensions: [pg_nosuch_cron, supabase_vault, hstore]' -- 'version: 15' 'backup: {file: ext.sql}'
  assert_exit 0 image ext 'version: 15' 'initialDatabaseName: shop' 'backup: {file: ext.sql}' 'skipExtensions: [pg_nosuch_cron, supabase_vault, hstore]'
  assert_contains "$err" "extension 'pg_nosuch_cron' is left out"
  assert_contains "$err" "rows of 'cron.job'"
  assert_contains "$err" "what is said of 'cron', which the dump does not make, is left out" "(8 times"
  assert_exit 0 image typo 'version: 15' 'initialDatabaseName: shop' 'backup: {file: plain.sql}' 'skipExtensions: [hstoer]'
  assert_contains "$err" "skipExtensions names 'hstoer', an extension that the dump does not have"
  assert_eq "$(of_image ext 'select sum(id) from t')" 3
}

case_extensions_of_an_archive() {
  # The name in the archive's contents, and in the statement that makes it.
  sed 's/hstore/hstorf/g' "$work/files/custom.dump" >"$work/files/other.dump"
  chmod a+r "$work/files/other.dump"
  refused other hstorf skipExtensions -- 'version: 15' 'backup: {file: other.dump}'
  assert_exit 0 image other 'version: 15' 'backup: {file: other.dump}' 'skipExtensions: [hstorf, hstoer]'
  assert_contains "$err" "skipExtensions names 'hstoer', an extension that the archive does not have"
  assert_contains "$err" "extension 'hstorf' is left out"
  assert_eq "$(of_image other 'select count(*) from sales.orders')" "$sample_orders"
}

# Grants on what an extension made, in a schema of the dump's.
case_grants_of_extensions() {
  local file
  for file in custom.dump plain.sql; do
    assert_exit 0 image "grants-${file%.*}" 'version: 15' 'initialDatabaseName: shop' "backup: {file: $file}" 'skipExtensions: [citext]'
    assert_contains "$err" "extension 'citext' is left out" "what is said of 'ext'"
    assert_eq "$(of_image "grants-${file%.*}" "select string_agg(extname, ' ' order by extname) from pg_extension")" 'hstore plpgsql' "$file"
  done
}

# --- settings --------------------------------------------------------------------------------------------------

case_settings() {
  echo 'create extension pg_stat_statements; select count(*) from pg_stat_statements;' >"$work/files/stats.sql"
  chmod a+r "$work/files/stats.sql"
  assert_exit 0 image stats 'version: 15' 'initialDatabaseName: shop' 'backup: {file: stats.sql}' 'settings:' '  shared_preload_libraries: pg_stat_statements' \
    '  work_mem: 12MB' "  my.words: it's \\ me"
  assert_eq "$(of_image stats 'show work_mem')" 12MB
  assert_eq "$(of_image stats 'select count(*) > 0 from pg_stat_statements')" t
  assert_eq "$(of_image stats "select current_setting('my.words')")" "it's \\ me"
  ctl create data-container -q -i stats -n more --setting work_mem=13MB --setting max_connections=33 >/dev/null
  assert_eq "$(sql more shop 'show work_mem')|$(sql more shop 'show max_connections')" '13MB|33'
  assert_eq "$(sql more shop 'show shared_preload_libraries')" pg_stat_statements
  sql more shop "alter system set work_mem = '14MB'"
  sql more shop 'select pg_reload_conf()' >/dev/null
  wait_until 5 eval '[[ $(sql more shop "show work_mem") == 14MB ]]'
  ctl reset data-container -q more
  assert_eq "$(sql more shop 'show work_mem')" 13MB
}

case_settings_that_are_refused() {
  local setting
  make_image plain 'sourceType: empty' 'version: 15' >/dev/null
  assert_error 64 "setting 'port' cannot be given" -- ctl create data-container -q -i plain -n bad --setting port=1
  assert_error 64 'invalid value for parameter "work_mem"' -- ctl create data-container -q -i plain -n bad --setting work_mem=lots
  assert_error 64 'unrecognized configuration parameter "wrok_mem"' -- ctl create data-image -f "$(image_yaml bad 'sourceType: empty' 'version: 15' 'settings:' '  wrok_mem: 1MB')"
  for setting in 'port: 1' 'listen_addresses: "*"' 'archive_command: touch x' 'data_directory: /tmp' 'ssl: "off"' 'include: /etc/passwd'; do
    refused no "setting '${setting%%:*}' cannot be given" -- 'version: 15' 'backup: {file: plain.sql}' 'settings:' "  $setting"
  done
  refused no 'unrecognized configuration parameter "wrok_mem"' -- 'version: 15' 'backup: {file: plain.sql}' 'settings:' '  wrok_mem: 1MB'
  refused no 'invalid value for parameter "work_mem"' -- 'version: 15' 'backup: {file: plain.sql}' 'settings:' '  work_mem: lots'
  refused no 'could not access file "nosuch_library"' -- 'version: 15' 'backup: {file: plain.sql}' 'settings:' '  shared_preload_libraries: nosuch_library'
}

# --- tools -----------------------------------------------------------------------------------------------------

# Of the installation that is restored into, wherever it lies.
case_tools_of_an_installation() {
  local tree seventeen
  seventeen=$(find "$repo/.deps/postgresql/" -maxdepth 1 -name '17.*' | head -n 1)
  [[ -n $seventeen ]] || skip "PostgreSQL 17 is not unpacked under .deps"
  tree=$work/opt/17
  mkdir -p "$work/opt"; cp -r "$seventeen" "$tree"
  cat >"$tree/bin/pg_restore" <<'END'
#!/bin/sh
case $1 in --version) echo 'pg_restore (PostgreSQL) 99.1'; exit ;; esac
echo 'pg_restore: warning: this is the tool of the tree' >&2
exec /usr/lib/postgresql/15/bin/pg_restore "$@"
END
  chmod -R a+rX "$work/opt"; chmod a+x "$tree/bin/pg_restore"
  sed -i "s#engineSearchPaths: \\[#engineSearchPaths: [$tree, #; s#$repo/.deps/postgresql, ##" "$work/spawnd.yaml"
  stop_daemon; start_daemon
  assert_exit 0 image tool 'version: 17' 'initialDatabaseName: shop' 'backup: {file: custom.dump}'
  assert_contains "$err" 'this is the tool of the tree'
  printf '%s\n' '#!/bin/sh' 'case $1 in --version) echo "pg_restore (PostgreSQL) 99.2"; exit ;; esac' \
    'echo "pg_restore: error: this build does not support compression with zstd" >&2' 'cat >/dev/null' 'exit 1' >"$tree/bin/pg_restore"
  assert_error 64 'does not support compression with zstd' 'postgresql-client-17' -- image tool2 'version: 17' 'initialDatabaseName: shop' 'backup: {file: custom.dump}'
}

write_config
prepare
start_daemon
run_cases "$@"
