#!/usr/bin/env bash
# Backups in every shape that people keep them in: packed by whatever tool, in archives and folders, through pipes.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

write_config
echo 'volumeSize: 256MiB' >>"$work/spawnd.yaml"
start_daemon

formats=(gz zst xz bz2 lz4 zip)
# pack FORMAT: standard input to standard output.
pack() {
  case $1 in
    gz) gzip -c ;;
    zst) zstd -qc ;;
    xz) xz -c ;;
    bz2) bzip2 -c ;;
    lz4) lz4 -qc ;;
    zip) zip -q - - ;;
  esac
}
# packed FILE: in each format, beside it.
packed() { local f; for f in "${formats[@]}"; do pack "$f" <"$work/files/$1" >"$work/files/$1.$f"; done; }

# shape_of ENGINE NAME LINE...: an image.
shape_of() {
  local file=$work/files/$2.yaml
  printf 'name: %s\nengine: %s\nsourceType: backup\n' "$2" "$1" >"$file"
  printf '%s\n' "${@:3}" >>"$file"
  ctl create data-image -q -f "$file"
}
# has_rows IMAGE SQL EXPECTED
has_rows() {
  make_container "$1" "of-$1" >/dev/null
  assert_eq "$(sql "of-$1" '' "$2")" "$3" "in '$1'"
  ctl delete data-container -q "of-$1"
}
redis() {
  local json; json=$(ctl get data-container "$1" -o json); shift
  REDISCLI_AUTH=$(jq -r .password <<<"$json") redis-cli -h "$(jq -r .host <<<"$json")" -p "$(jq -r .port <<<"$json")" "$@"
}
maria() { MYSQL_PWD=$(field "$1" password) mariadb --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root "${@:2}" </dev/null; }
# Nothing is left of a build that failed.
refused() {
  local engine=$1 name=$2; shift 2
  local words=(); while [[ $1 != -- ]]; do words+=("$1"); shift; done; shift
  assert_error 64 "${words[@]}" -- shape_of "$engine" "$name" "$@"
  ! ctl get data-image "$name" >/dev/null 2>&1 || fail "image '$name' is there"
}

case_postgresql_dumps() {
  cat >"$work/files/shop.sql" <<'SQL'
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, md5(i::text) FROM generate_series(1, 1000) i;
SQL
  make_image source 'version: 15' 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: shop.sql}' >/dev/null
  make_container source source >/dev/null
  local url; url=$(field source url)
  pg_dump -Fc -d "$url" >"$work/files/shop.dump"
  pg_dump -Ft -d "$url" >"$work/files/shop.tar"
  pg_dump -Fd -f "$work/files/shop.d" -d "$url"
  ctl delete data-container -q source
  chmod -R a+rX "$work/files"
  packed shop.sql; packed shop.dump; packed shop.tar
  local f kind
  for f in "${formats[@]}"; do
    # Named for nothing that it is.
    for kind in sql dump tar; do mv "$work/files/shop.$kind.$f" "$work/files/$kind-in-$f"; done
    kind=sql
    case $f in zst | lz4) kind=dump ;; xz | zip) kind=tar ;; esac
    for kind in $(printf '%s\n' sql "$kind" | sort -u); do
      shape_of postgresql "$kind-$f" 'initialDatabaseName: shop' "backup: {file: $kind-in-$f}" >/dev/null
      has_rows "$kind-$f" 'select count(*), max(id) from item' '1000|1000'
    done
  done
}

# Of an archive in one file with another, pg_restore restores the first and is silent.
case_ends_of_archives() {
  local files=$work/files
  cat "$files/shop.dump" "$files/shop.dump" >"$files/two.dump"
  refused postgresql two "two.dump' goes on behind the end of its archive" 'several archives' -- 'backup: {file: two.dump}'
  zstd -qf "$files/two.dump" -o "$files/two"
  refused postgresql two "two' goes on behind the end of its archive" -- 'initialDatabaseName: shop' 'backup: {file: two}'
  cat "$files/shop.tar" "$files/shop.tar" >"$files/two.tar"
  refused postgresql two "two.tar' goes on behind the end of its archive" -- 'backup: {file: two.tar}'
  head -c -2000 "$files/shop.dump" >"$files/cut.dump"
  refused postgresql cut "cut.dump' is truncated" 'copy or make the backup again' -- 'backup: {file: cut.dump}'
  cp -r "$files/shop.d" "$files/part.d"
  rm "$files"/part.d/[0-9]*.dat*
  refused postgresql part "part.d' is truncated or damaged" 'No such file' 'make the backup again' -- 'backup: {file: part.d}'
  assert_lacks "$err" /run/spawnd
}

case_mariadb_dumps() {
  printf '%s\n' 'CREATE TABLE t (a int, b text);' "INSERT INTO t VALUES (1, 'x'), (2, 'y');" >"$work/files/maria.sql"
  packed maria.sql
  local f
  for f in "${formats[@]}"; do
    shape_of mariadb "maria-$f" 'initialDatabaseName: shop' "backup: {file: maria.sql.$f}" >/dev/null
  done
  for f in "${formats[@]}"; do
    make_container "maria-$f" of-maria >/dev/null
    assert_eq "$(maria of-maria -e 'SELECT COUNT(*), SUM(a) FROM shop.t')" $'2\t3'
    ctl delete data-container -q of-maria
  done
}

# A server with nothing of spawnd in it: mariabackup reads its files.
maria_own=$work/maria
own_maria() { mariadb --no-defaults -N -B -S "$maria_own/sock" -u root "$@"; }
own_maria_answers() { own_maria -e 'SELECT 1' >/dev/null 2>&1; }
extra_clean_up() { [[ ! -f $maria_own/pid ]] || { kill "$(<"$maria_own/pid")"; wait_until 20 eval '[[ ! -f $maria_own/pid ]]'; }; }
case_mariabackup_stream() {
  mkdir "$maria_own"; chown spawnd: "$maria_own"
  runuser -u spawnd -- mariadb-install-db --no-defaults --datadir="$maria_own/data" --auth-root-authentication-method=normal --skip-test-db >"$work/own.log" 2>&1
  runuser -u spawnd -- mariadbd --no-defaults --datadir="$maria_own/data" --socket="$maria_own/sock" --pid-file="$maria_own/pid" --skip-networking >>"$work/own.log" 2>&1 &
  disown
  wait_until 20 own_maria_answers
  own_maria -e 'CREATE DATABASE stock; CREATE TABLE stock.t (a INT); INSERT INTO stock.t VALUES (1), (2)'
  runuser -u spawnd -- mariabackup --no-defaults --backup --datadir="$maria_own/data" --socket="$maria_own/sock" --user=root --stream=xbstream \
    >"$work/files/stock.xb" 2>>"$work/own.log"
  runuser -u spawnd -- mariabackup --no-defaults --backup --datadir="$maria_own/data" --socket="$maria_own/sock" --user=root \
    --target-dir="$maria_own/full" 2>>"$work/own.log"
  tar -C "$maria_own" -cf "$work/files/full.tar" full
  tar -C "$maria_own/full" -cf "$work/files/inside.tar" .
  kill "$(<"$maria_own/pid")"; wait_until 20 eval '[[ ! -f $maria_own/pid ]]'
  local f
  for f in zst xz zip; do
    # xbstream, a tar archive of the folder, and of what is in it.
    case $f in zst) mv "$work/files/stock.xb" "$work/files/stream" ;; xz) mv "$work/files/full.tar" "$work/files/stream" ;; *) mv "$work/files/inside.tar" "$work/files/stream" ;; esac
    pack "$f" <"$work/files/stream" >"$work/files/stock"
    shape_of mariadb "stream-$f" 'backup: {file: stock}' >/dev/null
    make_container "stream-$f" of-stream >/dev/null
    assert_eq "$(maria of-stream -e 'SELECT SUM(a) FROM stock.t')" 3
    ctl delete data-container -q of-stream
  done
}

case_redis_snapshots_and_scripts() {
  printf 'REDIS0009\0\001a\0011\377\0\0\0\0\0\0\0\0' >"$work/files/shop.rdb"
  echo 'SET a 1' >"$work/files/shop.redis"
  packed shop.rdb; packed shop.redis
  local f kind
  for f in "${formats[@]}"; do
    for kind in rdb redis; do
      shape_of redis "$kind-$f" "backup: {file: shop.$kind.$f}" >/dev/null
      make_container "$kind-$f" "of-$kind-$f" >/dev/null
      assert_eq "$(redis "of-$kind-$f" get a)" 1 "$kind in $f"
      ctl delete data-container -q "of-$kind-$f"
    done
  done
}

case_several_members_and_layers() {
  local files=$work/files
  head -n 1 "$files/shop.sql" | zstd -qc >"$files/two.zst"; tail -n +2 "$files/shop.sql" | zstd -qc >>"$files/two.zst"
  head -n 1 "$files/shop.sql" | xz -c >"$files/two.xz"; tail -n +2 "$files/shop.sql" | xz -c >>"$files/two.xz"
  head -n 1 "$files/shop.sql" | bzip2 -c >"$files/two.bz2"; tail -n +2 "$files/shop.sql" | bzip2 -c >>"$files/two.bz2"
  head -n 1 "$files/shop.sql" | lz4 -qc >"$files/two.lz4"; tail -n +2 "$files/shop.sql" | lz4 -qc >>"$files/two.lz4"
  gzip -c "$files/shop.sql" >"$files/inner.sql.gz"
  (cd "$files" && zip -q two.zip inner.sql.gz && tar -cf two.tar shop.sql && tar -czf two.tgz shop.dump)
  local f
  for f in zst xz bz2 lz4 zip tar tgz; do
    shape_of postgresql "two-$f" 'initialDatabaseName: shop' "backup: {file: two.$f}" >/dev/null
    has_rows "two-$f" 'select count(*) from item' 1000
  done
}

case_in_a_folder() {
  local files=$work/files
  mkdir "$files/one" "$files/several"
  pack zst <"$files/shop.sql" >"$files/one/prod.sql.zst"
  (cd "$files/one" && sha256sum prod.sql.zst >prod.sql.zst.sha256)
  cp "$files/shop.sql" "$files/several/a.sql"; cp "$files/shop.sql" "$files/several/b.sql"
  chmod -R a+rX "$files"
  shape_of postgresql in-folder 'initialDatabaseName: shop' 'backupFolder: one' >/dev/null
  has_rows in-folder 'select count(*) from item' 1000
  # pg_restore opens this one itself.
  rm "$files/one"/*; cp "$files/shop.dump" "$files/one/shop.dump"
  shape_of postgresql dump-in-folder 'initialDatabaseName: shop' 'backupFolder: one' >/dev/null
  has_rows dump-in-folder 'select count(*) from item' 1000
  refused postgresql several 'several' 'a.sql, b.sql' 'name the backup file' -- 'backupFolder: several'
  (cd "$files/several" && zip -q ../several.zip a.sql b.sql)
  refused postgresql several 'several.zip' 'a.sql, b.sql' 'an archive of several files' "unpack 'several.zip'" -- 'backup: {file: several.zip}'
}

# Nothing that was unpacked stays.
nothing_unpacked() { assert_eq "$(find "$state/builds" -mindepth 1 -name 'unpacked-*')" ''; }

case_archives_of_folders() {
  local files=$work/files f
  (cd "$files" && tar -czf dir-1 shop.d && tar -C shop.d -cf dir-2 . && zip -qr dir-3 shop.d && mv dir-3.zip dir-3)
  # The table of contents in front, as pg_dump -Ft has it; and an archive in a folder, with its checksum.
  (cd "$files/shop.d" && tar --format=pax -cJf ../dir-4 toc.dat ./*.dat.gz)
  mkdir "$files/with-archive"; cp "$files/dir-1" "$files/with-archive/shop.tgz"; echo x >"$files/with-archive/shop.tgz.md5"
  # One dump beside what is none.
  (cd "$files" && zip -q dir-5 shop.dump several.yaml && mv dir-5.zip dir-5)
  chmod -R a+rX "$files"
  for f in 1 2 3 4 5; do
    shape_of postgresql "dir-$f" 'initialDatabaseName: shop' "backup: {file: dir-$f}" >/dev/null
    has_rows "dir-$f" 'select count(*) from item' 1000
  done
  shape_of postgresql dir-6 'initialDatabaseName: shop' 'backupFolder: with-archive' >/dev/null
  has_rows dir-6 'select count(*) from item' 1000
  nothing_unpacked
}

case_archives_of_mydumper_and_redis() {
  local files=$work/files dump=$work/files/mydumper
  mkdir "$dump"
  echo 'Started dump at: 2026-01-01' >"$dump/metadata"
  echo 'CREATE DATABASE `shop`;' >"$dump/shop-schema-create.sql"
  echo 'CREATE TABLE `t` (a int);' | gzip >"$dump/shop.t-schema.sql.gz"
  echo 'INSERT INTO `t` VALUES (1),(2);' | zstd -q >"$dump/shop.t.00000.sql.zst"
  (cd "$files" && tar -cf - mydumper | zstd -q >my-tar && cd mydumper && zip -q ../my-zip ./* && mv ../my-zip.zip ../my-zip)
  local f
  for f in my-tar my-zip; do
    shape_of mariadb "$f" "backup: {file: $f}" >/dev/null
    make_container "$f" of-maria >/dev/null
    assert_eq "$(maria of-maria -e 'SELECT SUM(a) FROM shop.t')" 3
    ctl delete data-container -q of-maria
  done
  mkdir -p "$files/data/appendonlydir"
  printf 'file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\n' >"$files/data/appendonlydir/appendonly.aof.manifest"
  printf '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n' | tee "$files/data/appendonlydir/a.1.base.aof" >"$files/data/appendonlydir/a.1.incr.aof"
  (cd "$files" && tar -czf aof.tgz data)
  shape_of redis aof 'backup: {file: aof.tgz}' >/dev/null
  make_container aof of-aof >/dev/null
  assert_eq "$(redis of-aof get a)" 1
  nothing_unpacked
}

# Of an ordinary user, whose files they become; and what must not be unpacked.
case_archives_that_are_refused() {
  local files=$work/files bad=$work/bad
  mkdir "$bad" "$bad/d"; echo x >"$bad/d/toc.dat"; ln -s /etc "$bad/d/l"; echo y >"$bad/up"
  (cd "$bad" && tar -czf "$files/links" d && rm d/l && tar -cPf "$files/up" d/toc.dat --transform 's#up#../up#' up &&
    tar -cPf "$files/root" "$bad/d/toc.dat" "$bad/up" && tar -cf "$files/twice" d/toc.dat up && tar -rf "$files/twice" d/toc.dat)
  refused postgresql links "links' is a tar archive with a link in it, 'd/l'" -- 'backup: {file: links}'
  refused postgresql up "archive 'up' has '../up', which is no path below a folder" -- 'backup: {file: up}'
  refused postgresql root "which is no path below a folder" -- 'backup: {file: root}'
  refused postgresql twice "'d/toc.dat' twice" -- 'backup: {file: twice}'
  mkdir "$bad/bomb"; echo x >"$bad/bomb/metadata"; head -c 300M /dev/zero >"$bad/bomb/shop-schema.sql"
  tar -C "$bad" -czf "$files/bomb" bomb; (cd "$bad" && zip -qr "$files/bomb.zip" bomb)
  for f in bomb bomb.zip; do
    refused mariadb bomb "$f' unpacks to more than the volume of 256 MiB" 'raise `volumeSize`' -- "backup: {file: $f}"
  done
  head -c -100 "$files/my-zip" >"$files/cut-zip"
  refused mariadb cut 'truncated' -- 'backup: {file: cut-zip}'
  nothing_unpacked
}

case_through_pipes() {
  local files=$work/files
  shape_of postgresql from-pipe 'initialDatabaseName: shop' 'backup: {path: "-"}' < <(pack xz <"$files/shop.sql") >/dev/null
  has_rows from-pipe 'select count(*) from item' 1000
  shape_of postgresql from-stdin 'initialDatabaseName: shop' 'backup: {path: /dev/stdin}' < <(pack lz4 <"$files/shop.dump") >/dev/null
  has_rows from-stdin 'select count(*) from item' 1000
  shape_of postgresql from-file 'initialDatabaseName: shop' 'backup: {path: "-"}' <"$files/sql-in-zst" >/dev/null
  has_rows from-file 'select count(*) from item' 1000
  exec 9< <(pack zip <"$files/shop.sql")
  shape_of postgresql substituted 'initialDatabaseName: shop' 'backup: {path: /dev/fd/9}' >/dev/null
  exec 9<&-
  has_rows substituted 'select count(*) from item' 1000
}

case_base_backups() {
  # shellcheck source=sample_database.sh
  source "$repo/tests/end_to_end/sample_database.sh"
  own_postgres_start
  own_psql -d postgres -c 'create database shop' 
  own_psql -d shop -c 'create table item as select i as id from generate_series(1, 1000) i'
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -Ft -D "$own/base"
  as_engine_user pg_basebackup -h "$own" -U postgres -c fast -Ft -X fetch -D "$own/whole"
  as_engine_user pg_ctl -D "$own/data" -w -m fast stop >/dev/null
  local f
  for f in gz zst xz bz2 lz4 zip; do
    case $f in
      gz | lz4 | bz2)
        mkdir "$work/files/base-$f"
        pack "$f" <"$own/base/base.tar" >"$work/files/base-$f/base.tar.$f"
        pack zst <"$own/base/pg_wal.tar" >"$work/files/base-$f/pg_wal.tar.zst"
        md5sum "$work/files/base-$f/base.tar.$f" >"$work/files/base-$f/base.tar.md5"
        chmod -R a+rX "$work/files/base-$f"
        shape_of postgresql "base-$f" "backupFolder: base-$f" >/dev/null ;;
      *)
        pack "$f" <"$own/whole/base.tar" >"$work/files/whole"
        shape_of postgresql "base-$f" 'backup: {file: whole}' >/dev/null ;;
    esac
    has_rows "base-$f" 'select count(*) from item' 1000
    ctl delete data-image -q "base-$f"
  done
  tar -C "$own/.." -cJf "$work/files/main.txz" own/data
  shape_of postgresql stopped 'backup: {file: main.txz}' >/dev/null
  has_rows stopped 'select count(*) from item' 1000
  pack zst <"$own/whole/base.tar" >"$work/files/whole"
  truncate -s -100 "$work/files/whole"
  refused postgresql cut-base "whole' is truncated: its zstd data ends early" -- 'backup: {file: whole}'
}

case_damaged() {
  local f name files=$work/files
  for f in "${formats[@]}"; do
    case $f in gz) name=gzip ;; zst) name=zstd ;; bz2) name=bzip2 ;; *) name=$f ;; esac
    # Long enough that its head says nothing of its end.
    { echo 'create table big (t text);'; head -c 300000 /dev/urandom | base64 | sed "s/.*/insert into big values ('&');/"; } >"$files/long.sql"
    pack "$f" <"$files/long.sql" >"$files/long"
    head -c -40 "$files/long" >"$files/cut"
    refused postgresql cut "cut' is truncated: its $name data ends early, at byte $(stat -c %s "$files/cut")" 'copy or make the backup again' -- \
      'initialDatabaseName: shop' 'backup: {file: cut}'
    { cat "$files/long"; echo 'select 1;'; } >"$files/more"
    refused postgresql more "more' has other bytes after its $name data" -- 'initialDatabaseName: shop' 'backup: {file: more}'
  done
  refused mariadb cut "cut' is truncated: its zip data ends early" -- 'initialDatabaseName: shop' 'backup: {file: cut}'
  seq 1 50000 | sed 's/.*/SET k& &/' | zip -q - - | head -c -40 >"$files/cut"
  refused redis cut "cut' is truncated: its zip data ends early" -- 'backup: {file: cut}'
  (cd "$files" && zip -q -P secret locked.zip long.sql)
  assert_error 64 "locked.zip' is an encrypted zip archive" -- shape_of postgresql locked 'backup: {file: locked.zip}'
  printf 'Salted__%s' "$(head -c 100 /dev/urandom | base64)" >"$files/secret"
  assert_error 64 "secret' is encrypted with openssl" 'decrypt it' -- shape_of mariadb secret 'backup: {file: secret}'
}

case_bombs() {
  local f files=$work/files
  for f in "${formats[@]}"; do
    # One value of 300 MiB.
    { printf 'REDIS0009\0\001a\200\022\300\0\0'; head -c 300M /dev/zero; } | pack "$f" >"$files/bomb"
    # What is placed fills the volume a little before.
    assert_error 5 'the volume of 256 MiB is full' 'raise volumeSize' -- shape_of redis bomb 'backup: {file: bomb}'
  done
  for f in postgresql mariadb; do
    { yes -- "-- $(printf '%8000d' 0)" 2>/dev/null || true; } | head -c 300M | gzip -1 | gzip >"$files/bomb"
    refused "$f" bomb "bomb' unpacks to more than the volume of 256 MiB" 'raise `volumeSize`' -- 'initialDatabaseName: shop' 'backup: {file: bomb}'
  done
}

run_cases "$@"
