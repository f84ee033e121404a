#!/usr/bin/env bash
# A database sorts in its image as at its source, by a locale that the host has. Locales are made in a folder of the test's
# own, which covers /usr/lib/locale for this daemon and its containers only.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=sample_database.sh
source "$repo/tests/end_to_end/sample_database.sh"

extra_clean_up() { own_postgres_stop; }

locales=$work/locales
make_locales() {
  mkdir "$locales"; chmod 0755 "$locales"
  cp -r /usr/lib/locale/C.utf8 "$locales/"
  localedef --no-archive -i en_US -f UTF-8 "$locales/en_US.utf8" && localedef --no-archive -i sv_SE -f UTF-8 "$locales/sv_SE.utf8"
}
start_daemon_with_locales() {
  printf '#!/bin/sh\nmount --bind %q /usr/lib/locale && exec %q "$@"\n' "$locales" "$spawnd" >"$work/with-locales"
  chmod 0755 "$work/with-locales"
  local spawnd=$work/private-mounts
  printf '#!/bin/sh\nexec unshare --mount --propagation private %q "$@"\n' "$work/with-locales" >"$spawnd"
  chmod 0755 "$spawnd"
  start_daemon
}

img() {
  local file=$work/files/$1.yaml
  printf 'name: %s\nengine: postgresql\nversion: 15\nsourceType: backup\n' "$1" >"$file"
  printf '%s\n' "${@:2}" >>"$file"
  assert_exit 0 ctl create data-image -f "$file"
}
# sorted_in IMAGE DATABASE EXPECTED
sorted_in() {
  make_container "$1" "of-$1" >/dev/null
  assert_eq "$(sql "of-$1" "$2" "select string_agg(n, '' order by n) from t")" "$3" "in '$1'"
  ctl delete data-container -q "of-$1"
}

case_a_source_that_sorts_by_its_locale() {
  (( made )) || skip "localedef cannot make en_US.UTF-8 here: the package locales is missing"
  LOCPATH=$locales own_postgres_start
  own_psql -d postgres -c "create database shop template template0 locale 'en_US.UTF-8'" \
    -c "create database butik template template0 locale 'sv_SE.UTF-8' encoding 'UTF8'"
  own_psql -d shop -c 'create table t (n text primary key)' -c "insert into t values ('a'), ('B'), ('c')"
  own_psql -d butik -c 'create table t (n text)' -c "insert into t values ('z'), (U&'\\00E5'), ('a')"
  pg_dump -h "$own" -U postgres -Fc shop >"$work/files/shop.dump"
  pg_dump -h "$own" -U postgres -Fc butik >"$work/files/butik.dump"
  pg_dump -h "$own" -U postgres --create shop >"$work/files/create.sql"
  pg_dump -h "$own" -U postgres shop >"$work/files/plain.sql"
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -Ft -X fetch -D "$own/base"
  own_psql -d postgres -c "update pg_database set datcollversion = '2.28' where datname = 'shop'"
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -Ft -X fetch -D "$own/older"
  cp "$own/base/base.tar" "$work/files/base.tar"; cp "$own/older/base.tar" "$work/files/older.tar"
  own_postgres_stop
  chmod -R a+rX "$work/files"
}

case_dumps_sort_as_at_the_source() {
  (( made )) || skip "no locales"
  img named 'initialDatabaseName: shop' 'backup: {file: shop.dump}'
  assert_lacks "$err" warning
  sorted_in named shop aBc
  img renamed 'initialDatabaseName: other' 'backup: {file: butik.dump}'
  sorted_in renamed other 'azå'
  img creates 'backup: {file: create.sql}'
  sorted_in creates shop aBc
  # It says nothing of it: the image's own is C.UTF-8.
  img plain 'initialDatabaseName: shop' 'backup: {file: plain.sql}'
  sorted_in plain shop Bac
  img keyed 'initialDatabaseName: shop' 'locale: en_US.UTF-8' 'backup: {file: plain.sql}'
  sorted_in keyed shop aBc
}

case_physical_copies_are_compared() {
  (( made )) || skip "no locales"
  img base 'backup: {file: base.tar}'
  assert_lacks "$err" 'sorts by'
  sorted_in base shop aBc
  img older 'backup: {file: older.tar}'
  assert_contains "$err" "database 'shop' sorts by en_US.UTF-8 of the C library 2.28"
  assert_contains "$err" 'reindex database shop'
  sorted_in older shop aBc
}

made=0
write_config
if make_locales >/dev/null 2>&1; then made=1; start_daemon_with_locales; else start_daemon; fi
run_cases "$@"
