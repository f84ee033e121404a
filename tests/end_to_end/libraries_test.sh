#!/usr/bin/env bash
# An image remembers which libraries of extensions and plugins it uses, and a create says when the installation has
# one of them no longer, as after an upgrade of the host's packages.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# A copy of an installation, so that something can be taken away from it.
original=$(find "$repo/.deps/postgresql" -maxdepth 4 -path '*/bin/postgres' 2>/dev/null | sort | tail -n 1)
original=${original%/bin/postgres}
place=$work/servers/pg

case_an_image_remembers_what_it_uses() {
  cat >"$work/files/trgm.sql" <<'END'
create extension pg_trgm;
create extension citext;
create table word (w text);
insert into word values ('library'), ('librarian');
create index on word using gin (w gin_trgm_ops);
create function own(text) returns text language c as '$libdir/hstore', 'hstore_in';
END
  make_image t 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: trgm.sql}' >/dev/null
  out=$(ctl get data-image t -o json | jq -c '.libraries | map(.name + " " + .version + " " + .file)')
  assert_matches "$out" '"pg_trgm 1\.[0-9] \$libdir/pg_trgm"'
  assert_matches "$out" '"citext 1\.[0-9] \$libdir/citext"'
  assert_matches "$out" '"hstore  \$libdir/hstore"'
  make_image plain 'sourceType: empty' >/dev/null
  assert_eq "$(ctl get data-image plain -o json | jq -c .libraries)" '[]'
  assert_exit 0 ctl create data-container -i t -n whole
  assert_eq "$err" "" "all of it is there"
  assert_eq "$(field whole missing)" '[]'
}

case_what_is_gone_is_said_at_create() {
  mv "$place/lib/postgresql/pg_trgm.so" "$work/pg_trgm.so"
  local version; version=$(ctl get data-image t -o json | jq -r '.libraries[] | select(.name == "pg_trgm").version')
  assert_exit 0 ctl create data-container -i t -n half
  assert_contains "$err" "warning: data image 't' uses pg_trgm $version, which this installation (PostgreSQL"
  assert_contains "$err" "in '$place') no longer has"
  assert_lacks "$err" citext
  # What does not need it works, and what does says which file it wants.
  assert_eq "$(sql half '' 'select 1')" 1
  assert_contains "$(sql half '' "select similarity('a', 'b')" 2>&1)" pg_trgm
  # Whoever looks hears it, of those that run, too; and so does who brings one back.
  assert_contains "$(field whole 'missing[0]')" "uses pg_trgm"
  local verb
  for verb in reset restart; do
    assert_exit 0 ctl "$verb" data-container half
    assert_contains "$err" "uses pg_trgm" "$verb"
    assert_eq "$(sql half '' 'select 1')" 1
  done
  # Nor does it forget on its way to another machine.
  ctl export data-image t | ctl import data-image - --name travelled -q >/dev/null
  assert_exit 0 ctl create data-container -i travelled -n far
  assert_contains "$err" "uses pg_trgm"
  # Images that do not use it have nothing to hear.
  assert_exit 0 ctl create data-container -i plain -n plain
  assert_eq "$err" ""
}

case_what_is_back_is_not_said_any_more() {
  mv "$work/pg_trgm.so" "$place/lib/postgresql/pg_trgm.so"
  assert_exit 0 ctl create data-container -i t -n again
  assert_eq "$err" ""
  assert_eq "$(sql again '' "select count(*) from word where w % 'librarie'")" 2
}

case_a_graduated_image_remembers_too() {
  sql again '' 'drop extension citext; create extension unaccent'
  ctl save data-container -q again >/dev/null
  ctl graduate data-container -q again --name next >/dev/null
  assert_eq "$(ctl get data-image next -o json | jq -c '.libraries | map(.name) | sort')" '["hstore","pg_trgm","unaccent"]'
}

case_the_server_is_replaced_under_containers() {
  cp "$place/bin/postgres" "$place/bin/new"; mv "$place/bin/new" "$place/bin/postgres"
  outdated() { [[ -n $(field again outdated) ]]; }
  wait_until 20 outdated
  assert_eq "$(sql again '' 'select 1')" 1
  ctl reset data-container -q again
  assert_eq "$(sql again '' "select count(*) from word where w % 'librarie'")" 2
  assert_eq "$(field again outdated)" ""
}

if [[ -z $original ]]; then echo "SKIP libraries: no installation of PostgreSQL to copy"; exit 77; fi
mkdir -p "$work/servers"; cp -a "$original" "$place"; chown -R 0:0 "$place"; chmod -R go-w,a+rX "$work/servers"
write_config
sed -i "s|^engineSearchPaths:.*|engineSearchPaths: [$work/servers]|" "$work/spawnd.yaml"
start_daemon
run_cases "$@"
