#!/usr/bin/env bash
# Masks: what of a dump's columns is another thing in its image, that the old values are nowhere in it, that a dump
# cannot keep a mask from doing its work, and who may see images without one.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

mysql=$repo/.deps/unpacked/mysql/bin/mysql
engine=postgresql
# dump NAME: the file NAME.sql of standard input
dump() { cat >"$work/files/$1.sql"; }
# yaml_of NAME LINE...: NAME.yaml of a dump of the same name, with these lines
yaml_of() {
  printf '%s\n' "name: $1" "engine: $engine" 'sourceType: backup' "backups: [{path: ./$1.sql}]" 'initialDatabaseName: shop' "${@:2}" >"$work/files/$1.yaml"
  echo "$work/files/$1.yaml"
}
# mask NAME RULE...: an image of NAME.sql with these rules, in YAML's short form; more lines in $more
more=
mask() {
  local file name=$1; shift
  file=$(yaml_of "$name" ${more:+"$more"})
  printf 'mask:\n' >>"$file"
  printf -- '  - {%s}\n' "$@" >>"$file"
  ctl create data-image -f "$file" >"$work/id" 2>"$work/said" || fail "image '$name': $(<"$work/said")"
}
said() { assert_contains "$(<"$work/said")" "$1"; }
# refused NAME WORDS... -- RULE...
refused() {
  local name=$1 words=() file; shift
  while [[ $1 != -- ]]; do words+=("$1"); shift; done
  shift
  file=$(yaml_of "$name" ${more:+"$more"})
  printf 'mask:\n' >>"$file"
  printf -- '  - {%s}\n' "$@" >>"$file"
  assert_error 64 "${words[@]}" -- ctl create data-image -q -f "$file"
  assert_error 2 "$name" -- ctl get data-image "$name"
  folder_empty "$state/builds" || fail "a refused mask leaves $(ls "$state/builds")"
}
of() { [[ -e $work/of-$1 ]] || { make_container "$1" "of-$1" >/dev/null || fail "no container of '$1'"; touch "$work/of-$1"; }; }
# answers IMAGE QUERY ANSWER [DATABASE]
answers() {
  local arguments=(-qAtc "$2")
  of "$1"
  [[ -z ${4:-} ]] || arguments=(-d "$4" "${arguments[@]}")
  assert_eq "$(ctl connect "of-$1" -- "${arguments[@]}" 2>&1)" "$3" "$1: $2"
}
client() { local program=mariadb; [[ $(field "$1" engine) != MySQL* ]] || program=$mysql; MYSQL_PWD=$(field "$1" password) "$program" --no-defaults -N -B -h 127.0.0.1 -P "$(field "$1" port)" -u root "${@:2}" </dev/null; }
says() { of "$1"; assert_eq "$(client "of-$1" shop -e "$2" 2>&1)" "$3" "$1: $2"; }

# found IMAGE TEXT: how often it is in the blocks of a volume that lies on the image, whether a file has them or none.
found() {
  local id pid device
  of "$1"
  id=$(field "of-$1" id)
  for pid in $(descendants "$(keeper_pid "$id")"); do
    device=$(awk '$5 ~ /volume$/ { for (i = 7; i < NF; i++) if ($i == "-") print $(i + 2) }' "/proc/$pid/mountinfo" 2>/dev/null | head -n 1)
    [[ $device != /dev/loop* ]] || break
  done
  [[ $device == /dev/loop* ]] || fail "no device of 'of-$1'"
  # What its server has not written yet is nothing that the image has.
  python3 - "$device" "$2" <<'END'
import sys
count, kept, word = 0, b"", sys.argv[2].encode()
with open(sys.argv[1], "rb", buffering=0) as device:
    while piece := device.read(1 << 22):
        if not piece.count(0) == len(piece) or kept.strip(b"\0"):
            count += (kept + piece).count(word)
        kept = piece[-(len(word) - 1):]
print(count)
END
}

people() {
  cat <<'SQL'
create table users (id int primary key, email varchar(60) not null unique, name text, phone varchar(20), city text, notes text, born date);
create table orders (id serial primary key, email varchar(60) references users (email), total numeric(10,2));
insert into users select i, 'oldmail' || i || '@example.org', 'oldname ' || i, '+49 30 ' || (1000000 + i), 'city ' || i % 7, 'oldnote ' || i, date '1960-01-01' + i from generate_series(1, 500) i;
insert into orders (email, total) select 'oldmail' || (1 + i % 500) || '@example.org', i from generate_series(1, 900) i;
SQL
}

case_every_rule() {
  people | dump every
  mask every \
    'table: public.users, column: email, rule: hash' 'table: orders, column: email, rule: hash' \
    'table: users, column: name, rule: constant, value: Jo Doe' 'table: users, column: notes, rule: null, where: id <= 100' \
    'table: users, column: phone, rule: partial, keepFirst: 3, keepLast: 2, with: "#"' 'table: users, column: city, rule: shuffle' \
    'table: users, column: born, rule: sql, expression: "date_trunc('"'year'"', born)::date"'
  said 'note: masked 500 rows: public.users.email (hash)'
  said 'masked 900 rows: orders.email (hash)'
  said 'masked 100 rows: users.notes (null)'
  assert_contains "$(ctl logs data-image every 2>&1)" 'masked 500 rows: users.city (shuffle)'
  answers every "select count(*), count(distinct email), count(*) filter (where email ~ '^[0-9a-f]{32}$') from users" '500|500|500'
  answers every 'select count(*), count(distinct u.id) from orders o join users u using (email)' '900|500'
  answers every 'select string_agg(distinct name, $$;$$) from users' 'Jo Doe'
  answers every 'select count(notes), min(id) filter (where notes is not null) from users' '400|101'
  answers every "select phone from users where id = 77" '+49#77'
  answers every "select sum(length(city)), count(distinct city), count(*) filter (where city = 'city ' || id % 7) < 200 from users" '3000|7|t'
  answers every "select max(extract(month from born) + extract(day from born)) from users" 2
  # Keys hold, and numbers go on.
  answers every "insert into orders (email) select email from users limit 1 returning id" 901
  assert_contains "$(sql of-every '' "insert into orders (email) values ('nobody')" 2>&1)" 'orders_email_fkey'
  assert_eq "$(image_field every masked)" true
  assert_matches "$(image_field every maskDigest)" '^sha256:[0-9a-f]{64}$'
  assert_contains "$(ctl get data-images -o wide)" "$(image_field every maskDigest | cut -c8-19)"
  # Another image of the same data has other hashes: the key is the image's.
  sed 's/^name: every/name: again/' "$work/files/every.yaml" >"$work/files/again.yaml"
  ctl create data-image -q -f "$work/files/again.yaml" >/dev/null
  of again
  [[ $(sql of-again '' 'select email from users where id = 5') != "$(sql of-every '' 'select email from users where id = 5')" ]] || fail "two images have the same hash"
  assert_eq "$(image_field again maskDigest)" "$(image_field every maskDigest)"
}

# Dead rows, statistics, indexes, logs, what is materialized, long values in files of their own, freed blocks.
case_old_values_are_nowhere() {
  { people
    cat <<'SQL'
create index on users (lower(email)); create index on users using gin (to_tsvector('simple', email || ' ' || name));
alter table users alter notes set storage external;
update users set notes = (select string_agg('oldnote ' || md5(i::text), ' ') from generate_series(1, 300) i);
update users set name = name || '!';
create materialized view mails as select email, name from users;
create statistics both_of (mcv) on email, name from users;
create table gone as select * from users; drop table gone;
vacuum analyze;
SQL
  } | dump nowhere
  cp "$work/files/nowhere.sql" "$work/files/openly.sql"
  ctl create data-image -q -f "$(yaml_of openly)" >/dev/null
  local word
  for word in oldmail oldname oldnote; do
    (( $(found openly $word) > 100 )) || fail "the search does not find $word in an image that has it"
  done
  mask nowhere 'table: users, column: email, rule: hash' 'table: orders, column: email, rule: hash' 'table: users, column: name, rule: constant, value: Jo' \
    'table: users, column: notes, rule: partial, keepFirst: 3, with: "..."'
  for word in oldmail oldname oldnote; do assert_eq "$(found nowhere $word)" 0 "$word in the masked image"; done
  answers nowhere 'select count(*), count(distinct name) from mails' '500|1'
  answers nowhere "select string_agg(distinct notes, ',') from users" 'old...'
  answers nowhere "select count(*) > 0 from pg_stats where tablename = 'users' and attname = 'email'" t
}

# A dump whose author wants the mask to do nothing, or his old values elsewhere.
case_traps() {
  { people
    cat <<'SQL'
create table audit (was text);
create function keep() returns trigger language plpgsql as $$ begin insert into audit values (old.email); if tg_op = 'DELETE' then return null; end if; return old; end $$;
create function keep_new() returns trigger language plpgsql as $$ begin new.name = 'oldname back'; return new; end $$;
create trigger keep before update or delete on users for each row execute function keep();
create trigger keep_new before insert or update on users for each row execute function keep_new();
alter table users enable always trigger keep; alter table users enable always trigger keep_new;
create rule nothing as on update to users do instead nothing; alter table users enable always rule nothing;
create rule no_delete as on delete to users do instead nothing; alter table users enable always rule no_delete;
create rule no_insert as on insert to users do instead nothing; alter table users enable always rule no_insert;
alter table users enable row level security; alter table users force row level security;
create function public.sha256(bytea) returns bytea language sql immutable as 'select $1';
create function public.encode(bytea, text) returns text language sql immutable as 'select convert_from($1, $$UTF8$$)';
create function public."left"(text, int) returns text language sql immutable as 'select $1';
create function public.lower(varchar) returns text language sql immutable as 'select $1::text';
create function public.same(varchar, varchar) returns boolean language sql immutable as 'select true';
create operator public.= (leftarg = varchar, rightarg = varchar, function = public.same);
create function no_ddl() returns event_trigger language plpgsql as $$ begin raise exception 'no'; end $$;
create event trigger no_ddl on ddl_command_start execute function no_ddl(); alter event trigger no_ddl enable always;
alter database shop set search_path = public, pg_catalog;
alter database shop set session_replication_role = origin;
SQL
  } >"$work/files/traps.sql"
  # The database is made before the dump, which speaks of it.
  mask traps 'table: users, column: email, rule: hash' 'table: orders, column: email, rule: hash' 'table: users, column: name, rule: constant, value: Jo'
  answers traps "select count(*), count(*) filter (where email ~ '^[0-9a-f]{32}$'), count(*) filter (where name = 'Jo') from users" '500|500|500'
  answers traps 'select count(*) from audit' 0
  answers traps "select string_agg(tgenabled::text, '' order by tgname) from pg_trigger where tgname like 'keep%'" AA
  answers traps "select string_agg(ev_enabled::text, '') from pg_rewrite where rulename in ('nothing', 'no_delete', 'no_insert')" AAA
  answers traps "select evtenabled from pg_event_trigger" A
  assert_eq "$(found traps oldmail)" 0
}

# What a hash is made with, replaced by the dump's own.
case_what_is_the_servers_own() {
  { people; echo "create or replace function pg_catalog.sha256(bytea) returns bytea language sql immutable as 'select \$1';"; } | dump forged
  refused forged "server's own" 'function sha256(bytea)' -- 'table: users, column: name, rule: hash'
  { people; echo "create function pg_catalog.encode(bytea, varchar) returns text language sql immutable as 'select \$2';"; } | dump forged
  refused forged "server's own" 'function encode' -- 'table: users, column: name, rule: hash'
  { people; echo "create cast (int4 as text) with function pg_catalog.to_hex(int4) as implicit;"; } | dump forged
  refused forged "server's own" 'cast of integer to text' -- 'table: users, column: name, rule: hash'
}

# Functions of the dump's own that run after a table was masked and checked, and put back what another table still has.
puts_back() {
  people
  cat <<'SQL'
create table hidden as select id, convert_to(name, 'UTF8') as was from users;
create function back() returns void language plpgsql as $$ begin
  update public.users u set name = convert_from(h.was, 'UTF8') from public.hidden h where h.id = u.id and u.name <> convert_from(h.was, 'UTF8'); end $$;
create function unchanging(text) returns text language plpgsql immutable as $$ begin perform public.back(); return $1; end $$;
create function counts() returns int language plpgsql volatile as $$ begin perform public.back(); return 1; end $$;
SQL
}
case_what_comes_back() {
  { puts_back; echo 'create table zz (mail text); insert into zz select $$oldmail$$ || i from generate_series(1, 50) i; create index on zz (unchanging(mail));'; } | dump back
  refused back "mask rule 'users.name' (line 7)" 'does not hold what was written' -- 'table: users, column: name, rule: hash' 'table: zz, column: mail, rule: hash'
  # Of a table without a rule: ANALYZE runs it.
  refused back "mask rule 'users.name' (line 7)" 'does not hold what was written' -- 'table: users, column: name, rule: hash'
  { puts_back; echo 'create materialized view seen as select counts() as n;'; } | dump back
  refused back "mask rule 'users.name' (line 7)" 'does not hold what was written' -- 'table: users, column: name, rule: hash'
  # Nothing of the kind is in the way of who does not write.
  { people; echo 'create function loud(text) returns text language sql immutable as $$ select upper($1) $$; create index on users (loud(name)); create materialized view seen as select loud(name) from users;'; } | dump ahead
  mask ahead 'table: users, column: name, rule: hash'
  assert_eq "$(found ahead oldname)" 0
  # A cast to text that is the dump's own says nothing of what a column holds.
  dump casts <<'SQL'
create type mood as enum ('good', 'bad'); create table t (m mood); insert into t values ('good'), ('bad');
create function always(mood) returns text language sql immutable as $$ select 'bad'::text $$; create cast (mood as text) with function always(mood) as implicit;
SQL
  mask casts "table: t, column: m, rule: constant, value: bad"
  answers casts "select count(*) from t where m = 'bad'" 2
}

# Texts of statements that an extension keeps, and tables that are published.
case_statistics_and_publications() {
  { echo 'create extension pg_stat_statements; create table t (a text); insert into t values ($$oldmail$$); comment on table t is $$oldnote$$;'
    echo 'create table "No Key" (mail text, n int); insert into "No Key" select $$oldmail$$ || i, i from generate_series(1, 300) i;'
    echo 'create table log (mail text); insert into log values ($$oldmail$$); alter table log replica identity full;'
    echo 'create publication everything for all tables; create publication "Some" for table "No Key" with (publish = $$update, delete$$);'
    echo 'create publication none for table log with (publish = $$insert$$);'
  } | dump published
  more="settings: {shared_preload_libraries: pg_stat_statements}"
  cp "$work/files/published.sql" "$work/files/told.sql"
  ctl create data-image -q -f "$(yaml_of told "$more")" >/dev/null
  local known="select count(*) > 0 from pg_stat_statements where query like 'comment on table t%'"
  answers told "$known" t
  mask published 'table: t, column: a, rule: hash' "table: '\"No Key\"', column: mail, rule: hash" 'table: log, column: mail, rule: hash'
  more=
  said 'note: masked 300 rows: "No Key".mail (hash)'
  answers published "$known" f
  assert_eq "$(found published oldmail)" 0
  answers published 'select count(distinct mail) from "No Key" where length(mail) = 32' 300
  answers published "select string_agg(concat_ws(' ', pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate), ', ' order by pubname) from pg_publication" \
    'Some f f t t f, everything t t t t t, none f t f f f'
  answers published "select relreplident from pg_class where relname in ('log', 'No Key') order by relname desc" $'f\nd'
}

case_shapes() {
  dump shapes <<'SQL'
create extension citext;
create table parts (id int generated always as identity, day date, mail text, primary key (id, day)) partition by range (day);
create table parts_1 partition of parts for values from ('2026-01-01') to ('2026-02-01');
create table parts_2 partition of parts for values from ('2026-02-01') to ('2026-03-01');
insert into parts (day, mail) select date '2026-01-01' + i % 50, 'oldmail' || i from generate_series(1, 300) i;
create table beings (mail text); create table humans (nick text) inherits (beings);
insert into beings values ('oldmail b'); insert into humans values ('oldmail h', 'n');
create type mood as enum ('good', 'bad'); create domain code as varchar(8) check (value <> '');
create schema "My Things";
create table "My Things"."The ""People""" ("E-Mail" citext unique, mood mood not null, doc json, tag code, u uuid default gen_random_uuid(),
  n smallint, big bigint unique, at timestamptz, raw bytea, full_name text generated always as ("E-Mail"::text || '!') stored);
insert into "My Things"."The ""People""" ("E-Mail", mood, doc, tag, n, big, at, raw)
  select 'OldMail' || i, 'good', '{"a": 1}', 'c' || i, i, i * 5000000000, timestamptz '2020-01-01' + i * interval '1 day', '\x01' from generate_series(1, 200) i;
create table plain (big bigint); insert into plain values (5000000000);
create table ints (a int unique, b smallint unique); insert into ints select i - 10000, i - 10000 from generate_series(1, 20000) i;
create table links (a int references ints (a)); insert into links select i from generate_series(-50, 50) i;
create table "Users" (x text); create table other_users (x text); insert into "Users" values ('oldmail u');
SQL
  mask shapes 'table: parts, column: mail, rule: hash' 'table: parts, column: id, rule: hash' 'table: beings, column: mail, rule: constant, value: x' \
    "table: '\"My Things\".\"The \"\"People\"\"\"', column: E-Mail, rule: hash" "table: '\"My Things\".*', column: mood, rule: sql, expression: \"'bad'\"" \
    "table: '\"My Things\".*', column: doc, rule: constant, value: '{\"b\": 2}'" "table: '\"My Things\".*', column: tag, rule: hash" \
    "table: '\"My Things\".*', column: u, rule: hash" "table: '\"My Things\".*', column: n, rule: shuffle" "table: '\"My Things\".*', column: big, rule: hash" \
    "table: '\"My Things\".*', column: at, rule: hash" "table: '\"My Things\".*', column: raw, rule: hash" 'table: plain, column: big, rule: hash' \
    'table: ints, column: a, rule: hash' 'table: ints, column: b, rule: hash' 'table: links, column: a, rule: hash' 'table: Users, column: x, rule: constant, value: u'
  said 'masked 2 rows: beings.mail (constant)'
  said 'masked 300 rows: parts.mail (hash)'
  answers shapes "select count(*), count(distinct mail), count(distinct id), min(day), max(day) from parts" '300|300|300|2026-01-01|2026-02-19'
  answers shapes 'select count(*) from only parts_1 where length(mail) = 32' 186
  answers shapes 'select count(*), count(distinct mail) from beings' '2|1'
  local people='"My Things"."The ""People"""'
  answers shapes "select count(distinct \"E-Mail\"), count(distinct full_name), bool_and(full_name = \"E-Mail\"::text || '!'), bool_and(mood = 'bad'), min(doc->>'b') from $people" '200|200|t|t|2'
  answers shapes "select count(distinct tag), max(length(tag)), count(distinct u), count(distinct big), count(distinct at), min(length(raw)), sum(n) from $people" '200|8|200|200|200|32|20100'
  answers shapes "select count(*) from $people join plain using (big)" 1
  answers shapes "select count(distinct a), count(distinct b), count(*) filter (where a >= 0), count(*) filter (where b >= 0) from ints" '20000|20000|10001|10001'
  answers shapes 'select count(*) from links join ints using (a)' 101
  answers shapes 'select x from "Users"' u
  assert_eq "$(found shapes oldmail)" 0
  assert_eq "$(found shapes OldMail)" 0
}

case_several_databases() {
  dump many <<'SQL'
create database shop2;
create table users (mail text); insert into users values ('oldmail 1');
\connect shop2
create table users (mail text); insert into users values ('oldmail 2'), ('oldmail 3');
create table only_here (mail text); insert into only_here values ('oldmail 4');
SQL
  refused many "'users' is ambiguous" 'shop/public.users' 'shop2/public.users' 'line 7' 'database:' -- 'table: users, column: mail, rule: null'
  refused many "no database 'shop3'" 'line 7' -- 'database: shop3, table: users, column: mail, rule: null'
  mask many 'database: shop, table: users, column: mail, rule: hash' 'database: shop2, table: users, column: mail, rule: hash' 'table: only_here, column: mail, rule: null'
  said 'masked 2 rows: shop2/users.mail (hash)'
  answers many 'select count(*) from only_here where mail is null' 1 shop2
  assert_eq "$(found many oldmail)" 0
}

case_rules_that_do_not_fit() {
  { people; cat <<'SQL'
create view seen as select * from users; create materialized view kept as select * from users;
create schema other; create table other.users (email text);
create table gen (a text, b text generated always as (a || 'x') stored);
create table tiny (a varchar(4) unique); insert into tiny select i from generate_series(1, 9999) i;
SQL
  } | dump bad
  refused bad "mask rule 'public.nobody.email' (line 7)" "no table 'public.nobody'" -- 'table: public.nobody, column: email, rule: hash'
  refused bad "mask rule 'public.users.mail' (line 8)" "no column 'mail'" -- 'table: public.users, column: email, rule: hash' 'table: public.users, column: mail, rule: hash'
  refused bad "'users' is ambiguous" 'other.users' 'public.users' 'schema' -- 'table: users, column: email, rule: hash'
  refused bad "'id' is NOT NULL" 'rule null does not fit' -- 'table: public.users, column: id, rule: null'
  refused bad 'rule partial does not fit' "'id' is of type int4" -- 'table: public.users, column: id, rule: partial, keepFirst: 1'
  refused bad 'takes 20 characters' -- 'table: public.users, column: phone, rule: partial, keepFirst: 15, keepLast: 10'
  refused bad 'rule hash does not fit' 'of type numeric' -- 'table: orders, column: total, rule: hash'
  refused bad "public.seen' is a view" -- 'table: seen, column: email, rule: hash'
  refused bad 'materialized view' -- 'table: kept, column: email, rule: hash'
  refused bad 'generated from others' -- 'table: gen, column: b, rule: hash'
  refused bad 'has a rule already' 'line 7' 'line 8' -- 'table: public.users, column: email, rule: hash' 'table: "public.*", column: email, rule: shuffle'
  refused bad "mask rule 'public.users.email' (line 7)" 'users_email_key' -- 'table: public.users, column: email, rule: constant, value: x'
  refused bad 'value too long' 'line 7' -- "table: public.users, column: phone, rule: constant, value: '123456789012345678901'"
  refused bad 'invalid input syntax' 'line 7' -- 'table: orders, column: total, rule: constant, value: much'
  refused bad "foreign key 'orders_email_fkey'" 'line 7' 'both of its sides' -- 'table: public.users, column: email, rule: hash'
  refused bad 'does not exist' 'line 7' -- 'table: public.users, column: name, rule: sql, expression: "nofunction(name)"'
  refused bad 'no table that' 'stands for' -- 'table: "zzz_*", column: email, rule: hash'
  refused bad 'line 7' "'value' is for rule constant" -- 'table: public.users, column: name, rule: hash, value: x'
  refused bad 'line 7' "unknown rule 'md5'" -- 'table: public.users, column: name, rule: md5'
  refused bad 'line 7' 'mask.tabel' "'table'" -- 'tabel: public.users, column: name, rule: hash'
  refused bad 'tiny_a_key' -- "table: tiny, column: a, rule: sql, expression: \"left(a, 1)\""
}

family() {
  cat <<'SQL'
create table users (id int unsigned not null auto_increment primary key, email varchar(60) not null unique, name text, phone varchar(20) character set latin1,
  city varchar(30), notes text, born date, changed timestamp default '2020-01-01 00:00:00' on update current_timestamp, loud varchar(80) generated always as (upper(email)) stored) engine=InnoDB;
create table orders (id int auto_increment primary key, email varchar(60), total decimal(10,2), foreign key (email) references users (email)) engine=InnoDB;
create table numbers (n int auto_increment primary key) engine=InnoDB;
insert into numbers values (1), (2), (3), (4), (5), (6), (7), (8), (9), (10);
insert into users (id, email, name, phone, city, notes, born, changed)
  select i, concat('oldmail', i, '@example.org'), concat('oldname ', i), concat('+49 30 ', 1000000 + i), concat('city ', i % 7), concat('oldnote ', repeat(sha2(i, 256), 100)), date_add('1960-01-01', interval i day), '2020-01-01 00:00:00'
  from (select a.n + 10 * (b.n - 1) + 100 * (c.n - 1) as i from numbers a, numbers b, numbers c) x where i <= 500;
insert into orders (email, total) select email, id from users;
update users set name = concat(name, '!'), changed = changed;
create table audit (was text);
delimiter //
create trigger users_bu before update on users for each row begin insert into audit values (old.email); set new.name = old.name; end//
create trigger users_bi before insert on users for each row set new.notes = concat('back again ', new.notes)//
create trigger users_bd before delete on users for each row insert into audit values (old.email)//
delimiter ;
SQL
}

family_rules=('table: users, column: email, rule: hash' 'table: shop.orders, column: email, rule: hash' 'table: users, column: name, rule: constant, value: "Jo \\ Doe"'
  'table: users, column: notes, rule: null, where: id > 0' 'table: users, column: phone, rule: partial, keepFirst: 3, keepLast: 2, with: "#"'
  'table: users, column: city, rule: shuffle' 'table: users, column: born, rule: hash' 'table: numbers, column: n, rule: hash')
of_the_family() {
  local name=masked-$engine word
  family | dump "$name"; family | dump "openly-$engine"
  more='postScript: "update users set city = concat(city, 0); delete from audit"'
  ctl create data-image -q -f "$(yaml_of "openly-$engine")" >/dev/null
  for word in oldmail oldname oldnote; do
    (( $(found "openly-$engine" $word) > 100 )) || fail "the search does not find $word in an image that has it"
  done
  more=
  mask "$name" "${family_rules[@]}"
  said 'masked 500 rows: users.email (hash)'
  says "$name" "select count(*), count(distinct email), sum(email regexp '^[0-9a-f]{32}\$') from users" $'500\t500\t500'
  says "$name" 'select count(*) from orders o join users u using (email)' 500
  says "$name" 'select distinct name from users' 'Jo \\ Doe'
  says "$name" 'select count(notes) from users' 0
  says "$name" 'select phone from users where id = 77' '+49#77'
  says "$name" "select count(distinct city), sum(city = concat('city ', id % 7)) < 200 from users" $'7\t1'
  says "$name" 'select count(distinct born), sum(loud = upper(email)), min(changed), max(changed) from users' $'500\t500\t2020-01-01 00:00:00\t2020-01-01 00:00:00'
  says "$name" 'select count(distinct n) from numbers' 10
  says "$name" 'select count(*) from audit' 0
  says "$name" "select group_concat(trigger_name order by trigger_name) from information_schema.triggers where event_object_table = 'users'" users_bd,users_bi,users_bu
  says "$name" "show databases like 'spawnd%'" ''
  says "$name" "insert into users (email) values ('x'); select last_insert_id(), notes from users where email = 'x'" $'501\tNULL'
  for word in oldmail oldname oldnote; do assert_eq "$(found "$name" $word)" 0 "$word in the masked image"; done
  name=bad-$engine
  family | dump "$name"
  refused "$name" "mask rule 'shop.nobody.x' (line 7)" "no table 'shop.nobody'" -- 'table: shop.nobody, column: x, rule: hash'
  refused "$name" "no column 'mail'" -- 'table: users, column: mail, rule: hash'
  refused "$name" "'email' is NOT NULL" -- 'table: users, column: email, rule: "null"'
  refused "$name" 'generated from others' -- 'table: users, column: loud, rule: hash'
  refused "$name" 'rule partial does not fit' -- 'table: users, column: id, rule: partial, keepFirst: 1'
  refused "$name" 'foreign key' 'line 7' 'both of its sides' -- 'table: users, column: email, rule: hash'
  refused "$name" 'line 7' 'phone' -- "table: users, column: phone, rule: constant, value: '123456789012345678901'"
  refused "$name" 'line 7' -- 'table: users, column: email, rule: constant, value: x'
}
# Statements in the server's logs, whatever the dump or the settings have of them, and a function that a rule calls.
logs_of_the_family() {
  local name=logged-$engine word
  { cat <<'SQL'
set global log_output = 'TABLE,FILE'; set global general_log = 1; set global slow_query_log = 1; set global long_query_time = 0; set session long_query_time = 0;
create table t (id int primary key, mail varchar(60)); insert into t values (1, 'oldmail1'), (2, 'oldmail2'); update t set mail = concat(mail, 'oldname');
set global general_log_file = 'odd'; set global slow_query_log_file = 'shop/odd.ibd.txt';
insert into t values (3, 'oldnote3');
SQL
  } | dump "$name"
  cp "$work/files/$name.sql" "$work/files/told-$engine.sql"
  ctl create data-image -q -f "$(yaml_of "told-$engine")" >/dev/null
  more="settings: {general_log: 'ON', slow_query_log: 'ON', long_query_time: 0}"
  mask "$name" 'table: t, column: mail, rule: hash'
  more=
  # The table has one of each, which is in redo logs and the like as well.
  for word in oldmail oldname oldnote; do
    (( $(found "told-$engine" $word) > 1 )) || fail "the search does not find $word in an image that has it"
    assert_eq "$(found "$name" $word)" 0 "$word in the masked image"
  done
  says "$name" "select count(*) from t where length(mail) = 32" 3
  dump "back-$engine" <<'SQL'
create table a (id int primary key, mail varchar(60)); create table b (id int primary key, mail varchar(60));
insert into a values (1, 'oldmail1'); insert into b values (1, 'oldmail2');
delimiter //
create function back(x text) returns text deterministic modifies sql data begin update shop.a set mail = 'oldmail1'; return 'x'; end//
delimiter ;
SQL
  refused "back-$engine" "mask rule 'a.mail' (line 7)" 'does not hold what was written' -- 'table: a, column: mail, rule: hash' 'table: b, column: mail, rule: sql, expression: "shop.back(mail)"'
}
case_mariadb_logs() { engine=mariadb; logs_of_the_family; }
case_mysql_logs() { [[ -x $mysql ]] || skip "there is no MySQL: ./dev setup says why"; engine=mysql; logs_of_the_family; }
case_mariadb() { engine=mariadb; of_the_family; }
case_mysql() { [[ -x $mysql ]] || skip "there is no MySQL: ./dev setup says why"; engine=mysql; of_the_family; }

case_engines_that_cannot() {
  engine=redis
  echo 'SET a 1' | dump kv
  refused kv 'Redis cannot be masked' -- 'table: a, column: b, rule: hash'
}

# What is graduated from a masked image is masked; what a file says of itself, root alone takes over.
case_masked_stays_masked() {
  { echo 'create table t (a text); insert into t values ($$oldmail$$);'; } | dump src
  mask src 'table: t, column: a, rule: hash'
  of src
  ctl graduate data-container of-src --name grown -q >/dev/null
  assert_eq "$(image_field grown maskDigest)" "$(image_field src maskDigest)"
  make_image unmasked 'sourceType: empty' >/dev/null
  assert_eq "$(image_field unmasked masked) $(image_field unmasked maskDigest)" 'false '
  ctl export data-image src -o "$work/src.image"
  ctl import data-image -q "$work/src.image" --name came >/dev/null
  assert_eq "$(image_field came maskDigest)" "$(image_field src maskDigest)"
}

# Somebody of the team who is not root.
ann() { setpriv --reuid 64101 --regid 64101 --groups "$(getent group spawn | cut -d: -f3)" "$work/spawnctl" "$@"; }

case_sharing_needs_a_mask() {
  printf '%s\n' 'requireMasked: true' 'teams: {dbas: {groups: [spawn]}}' 'imports: {groups: [spawn]}' >>"$work/spawnd.yaml"
  reload 'was read again'
  local says_how='requireMasked'
  assert_error 1 'not masked' dbas "$says_how" 'mask:' -- ctl create data-image -q -f "$(image_yaml open1 'sourceType: empty' 'teams: [dbas]')"
  assert_error 1 'not masked' public -- ctl create data-image -q -f "$(image_yaml open2 'sourceType: empty' 'teams: [public]')"
  assert_error 1 'not masked' -- ctl update data-image unmasked --team dbas
  make_container unmasked of-unmasked >/dev/null
  assert_error 1 'not masked' -- ctl graduate data-container of-unmasked --name no --team dbas
  ctl export data-image unmasked -o "$work/unmasked.image"
  assert_error 1 'not masked' -- ctl import data-image -q "$work/unmasked.image" --name no --team dbas
  assert_error 2 no -- ctl get data-image no
  # What a file says counts from root alone.
  cp "$work/src.image" "$work/files/src.image"; chmod 0644 "$work/files/src.image"
  assert_error 1 'not masked' -- ann import data-image -q "$work/files/src.image" --name no --team dbas
  ann import data-image "$work/files/src.image" --name anns >/dev/null 2>"$work/said"
  said "only root's import takes over"
  assert_eq "$(ann get data-image anns -o json | jq .masked)" false
  # Masked ones are shared, and what is shared with nobody need not be.
  ctl update data-image src --team dbas -q
  ctl graduate data-container of-src --name grown2 --team dbas -q >/dev/null
  ctl import data-image -q "$work/src.image" --name came2 --team dbas >/dev/null
  ctl update data-image unmasked --tag x -q
  # A log has what tools say of lines that a server refused.
  assert_eq "$(ann get data-image src -o json | jq .masked)" true
  assert_error 1 "owner's alone" -- ann logs data-image src
  ctl logs data-image src >/dev/null
  sed -i '/^requireMasked/d' "$work/spawnd.yaml"
  reload 'was read again'
  ctl update data-image unmasked --team dbas -q
}

write_config
# Little, as the searches read all of it.
echo 'volumeSize: 1GiB' >>"$work/spawnd.yaml"
start_daemon
run_cases "$@"
