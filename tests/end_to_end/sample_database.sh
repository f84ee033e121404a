# Sourced by tests that restore backups: a PostgreSQL of the test's own (nothing of spawnd in it), a sample database
# with what dumps really have in them (roles, functions, views, triggers, sequences, large text), and dumps of it.
# shellcheck shell=bash disable=SC2154  # harness.sh sets these

own=$work/own
as_engine_user() { runuser -u spawnd -- "$@"; }

own_postgres_start() {
  mkdir "$own"; chown spawnd: "$own"
  as_engine_user initdb -D "$own/data" -A trust -U postgres --no-sync --locale=C.UTF-8 -E UTF8 >"$work/own.log" 2>&1 ||
    { cat "$work/own.log" >&2; fail "initdb"; }
  as_engine_user pg_ctl -D "$own/data" -w -l "$own/log" -o "-c listen_addresses='' -k $own -F" start >>"$work/own.log" 2>&1 ||
    { cat "$own/log" >&2; fail "pg_ctl"; }
}
own_postgres_stop() {
  [[ -f $own/data/postmaster.pid ]] || return 0
  as_engine_user pg_ctl -D "$own/data" -w -m immediate stop >/dev/null 2>&1
}
own_psql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$own" -U postgres "$@" </dev/null; }

# The sample: what its numbers are is asserted after each restore.
sample_customers=2000
sample_orders=6000
make_sample_database() {
  own_psql -d postgres -c 'create role shop_owner login' -c 'create database shop owner shop_owner template template0'
  own_psql -d shop \
    -c 'create schema sales authorization shop_owner' \
    -c 'set role shop_owner' \
    -c "create type sales.state as enum ('open', 'paid', 'sent')" \
    -c 'create table sales.customer (id serial primary key, name text not null, note text, made timestamptz default now())' \
    -c 'create table sales.orders (id bigserial primary key, customer_id int not null references sales.customer, amount numeric(10,2) not null, state sales.state not null)' \
    -c "insert into sales.customer (name, note) select 'customer ' || i, repeat(md5(i::text), 8) from generate_series(1, $sample_customers) i" \
    -c "insert into sales.orders (customer_id, amount, state) select 1 + i % $sample_customers, i % 977, (array['open','paid','sent'])[1 + i % 3]::sales.state from generate_series(1, $sample_orders) i" \
    -c 'create index on sales.orders (customer_id)' \
    -c 'create view sales.totals as select customer_id, sum(amount) as total from sales.orders group by 1' \
    -c 'create function sales.total_of(int) returns numeric language sql stable as $$ select total from sales.totals where customer_id = $1 $$' \
    -c 'create function sales.touch() returns trigger language plpgsql as $$ begin new.made := now(); return new; end $$' \
    -c 'create trigger touch before update on sales.customer for each row execute function sales.touch()' \
    -c "comment on table sales.customer is 'it''s a \"quoted\" comment; with a semicolon'" \
    -c 'analyze sales.customer, sales.orders'
}

# Dumps: plain.sql create.sql custom.dump dump.tar directory.d and gzip of the first three.
make_dumps() {
  local to=$work/files
  pg_dump -h "$own" -U postgres shop >"$to/plain.sql"
  pg_dump -h "$own" -U postgres --create shop >"$to/create.sql"
  pg_dump -h "$own" -U postgres -Fc shop >"$to/custom.dump"
  pg_dump -h "$own" -U postgres -Ft shop >"$to/dump.tar"
  pg_dump -h "$own" -U postgres -Fd -f "$to/directory.d" shop
  gzip -k "$to/plain.sql" "$to/create.sql" "$to/custom.dump"
  # The same from a machine with a locale that this one does not have.
  sed -E "s/(LOCALE|LC_COLLATE|LC_CTYPE) = '[^']*'/\1 = 'xx_YY.UTF-8'/g" "$to/create.sql" >"$to/locale.sql"
  grep -q "xx_YY" "$to/locale.sql" || fail "the dump names no locale"
  chmod -R a+rX "$to"
}

prepare_dumps() { own_postgres_start && make_sample_database && make_dumps && own_postgres_stop; }

# The restored sample is whole, in DATABASE of container $1.
assert_sample() {
  assert_eq "$(sql "$1" "$2" 'select count(*), sum(length(note)) from sales.customer')" "$sample_customers|$((sample_customers * 256))" "customers"
  assert_eq "$(sql "$1" "$2" 'select count(*) from sales.orders')" "$sample_orders" "orders"
  assert_eq "$(sql "$1" "$2" 'select sales.total_of(8) = (select sum(amount) from sales.orders where customer_id = 8)')" t "function and view"
  assert_eq "$(sql "$1" "$2" "select nextval('sales.customer_id_seq')")" "$((sample_customers + 1))" "sequence"
  assert_eq "$(sql "$1" "$2" "update sales.customer set made = 'epoch' where id = 1 returning made > 'epoch'")" t "trigger"
  assert_eq "$(sql "$1" "$2" "select obj_description('sales.customer'::regclass)")" "it's a \"quoted\" comment; with a semicolon" "comment"
}
