#!/usr/bin/env bash
# The YAML of a data image in every spelling of docs/contract.md, taken by spawnctl and a real daemon: what is spelt in different
# ways must come out as the same image, and what is no known spelling must say which one was meant.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# make NAME [FLAG...] <TEXT: an image of the YAML on standard input, which begins with the name. In $work/files.
make() {
  local name=$1; shift
  { echo "name: $name"; cat; } >"$work/files/$name.yaml"
  assert_exit 0 ctl create data-image -q -f "$work/files/$name.yaml" "$@"
  assert_eq "$out" "$name"
  assert_eq "$err" ""
}
# query NAME DATABASE SQL: the answer of a container of the image, which goes again.
query() {
  make_container "$1" "of-$1" >/dev/null
  sql "of-$1" "$2" "$3"
  ctl delete data-container -q "of-$1"
}
seconds_to_live() { image_field "$1" '| (.expiresAt | fromdate) - (.createdAt | fromdate)'; }
# When it was asked for and when it is ready are seconds apart.
assert_lives() {
  local lives; lives=$(seconds_to_live "$1")
  (( lives > $2 - 30 && lives < $2 + 30 )) || fail "'$1' lives $lives s, expected $2"
}

case_the_example_of_the_contract() {
  mkdir -p "$work/files/backups"
  cat >"$work/files/backups/production-masked-latest.bak" <<'END'
create table people (name text);
insert into people select 'before' where to_regclass('made_before') is not null;
END
  make WidgetStore <<'END'
sourceType: backup            # empty | backup | scripts, any case
engine: postgresql            # also postgres; mysql, mariadb, mssql, redis
version: 11.0                 # the literal text counts: 12.0 stays 12.0; optional
tags: [latest-production, 0.2]  # items may be YAML numbers, keep the text
teams: [myorg:developers, myorg:dbas]
lifetime: 48h
durability: everysec
initialDatabaseName: Customers
backups:                      # or  backup: {folder, file, format}
  - folder: ./backups/
    file: production-masked-latest.bak
preScript: |                  # SQL before and after the restore (masking)
  create table made_before (id int);
postScript: |
  update people set name = 'masked ' || name;
END
  assert_eq "$(image_field WidgetStore '| [.engine, .versionText, .status, .durability, .database, (.tags | join(",")), (.teams | join(","))] | join(" ")')" \
    "PostgreSQL 11.0 Completed everysec Customers 0.2,latest-production myorg:dbas,myorg:developers"
  assert_lives WidgetStore $((48 * 3600))
  assert_eq "$(query WidgetStore Customers 'select name from people')" "masked before"
  assert_eq "$(image_field WidgetStore:0.2 id)" "$(image_field WidgetStore id)"
}

# Each of these is the one file shop/dumps/items.sql.
backup_spellings() {
  cat <<END
backup: {folder: ./shop/dumps, file: items.sql, format: plain}
backup: {folder: shop/dumps/, file: items.sql}
backup: {path: shop/dumps/items.sql}
backup: {file: shop/dumps/items.sql}
backup: shop/dumps/items.sql
backups: [{path: shop/dumps/items.sql}]
backups: [{folder: ./shop/dumps/, file: "items.sql"}]
backups: [shop/dumps/items.sql]
backups:|  - folder: ./shop/dumps/   |    file: 'items.sql'   |    format: PLAIN
backups:|- path: "./shop/dumps/items.sql  "
backup:|  folder: $work/files/shop/dumps|  file: items.sql
backupFolder: ./shop/dumps/|backupFile: items.sql
backupFile: items.sql|backupFolder: $work/files/shop/dumps
backupFile: shop/../shop/dumps/./items.sql
backupFile: $work/files/shop/dumps/items.sql
END
}
case_every_spelling_of_a_backup() {
  local spelling n=0
  while IFS= read -r spelling; do
    n=$((n + 1)); note "$spelling"
    make "spelt$n" <<<"engine: postgres
sourceType: Backup
initialDatabaseName: shop
${spelling//|/$'\n'}"
    assert_eq "$(query "spelt$n" shop 'select count(*), sum(id) from item')" "1000|500500" "$spelling"
    ctl delete data-image -q "spelt$n"
  done < <(backup_spellings)
  assert_eq "$n" 15
}

# A folder is a backup too (pg_dump's directory format), and more than one backup is several databases.
case_a_folder_and_several_backups() {
  own_dump() { printf 'create database %s;\n\\connect %s\ncreate table t (id int);\n' "$1" "$1" >"$work/files/$1.sql"; }
  own_dump one; own_dump two
  make several <<<$'engine: postgresql\nsourceType: backup\nbackups:\n  - one.sql\n  - {path: two.sql}'
  assert_eq "$(query several postgres "select string_agg(datname, ' ' order by datname) from pg_database where datname in ('one', 'two')")" "one two"
}

case_words_in_any_case() {
  local n=0 words
  for words in "empty postgresql" "EMPTY Postgres" "Empty PostgreSQL" "eMpTy POSTGRES"; do
    n=$((n + 1))
    make "word$n" <<<$'version: 15\ndurability: ALWAYS\nsourceType: '"${words% *}"$'\nengine: '"${words#* }"
    assert_eq "$(image_field "word$n" '| [.engine, .versionText, .durability] | join(" ")')" "PostgreSQL 15 always" "$words"
  done
  make word-scripts <<<$'sourceType: SCRIPTS\nengine: postgres\nscriptsFolders: [shop/dumps]\ninitialDatabaseName: shop'
  make word-backup <<<$'sourceType: BACKUP\nengine: postgres\nbackup: shop/dumps/items.sql\ninitialDatabaseName: shop'
  assert_eq "$(query word-scripts shop 'select count(*) from item')" "$(query word-backup shop 'select count(*) from item')"
}

# What YAML would take for a number, a truth value or a date is the text that stands there.
case_literal_text() {
  local version
  for version in 15.0 15 "'15.0'" '"15"' 15.00 15.10; do
    make version <<<$'sourceType: empty\nengine: postgresql\nversion: '"$version"
    assert_eq "$(image_field version versionText)" "$(tr -d "\"'" <<<"$version")" "version: $version"
  done
  make literal <<'END'
engine: postgresql
sourceType: empty
initialDatabaseName: 2024
tags: [0.20, 1.10, 007, true, no, 2024-01-31, 1e3, 0x1F, "quoted", 'single', .5]
teams:
- 42
- 3.0
- Yes
END
  assert_eq "$(image_field literal '| .tags | sort | join(" ")')" "$(printf '%s\n' 0.20 1.10 007 true no 2024-01-31 1e3 0x1F quoted single .5 | sort | xargs)"
  assert_eq "$(image_field literal '| .teams | sort | join(" ")')" "3.0 42 Yes"
  assert_eq "$(image_field literal:1.10 name)" literal
  assert_error 2 literal:1.1 -- ctl get data-image literal:1.1
  assert_eq "$(image_field literal database)" 2024
  assert_eq "$(query literal 2024 'select current_database()')" 2024
}

case_lifetimes() {
  local lifetime
  for lifetime in 10m=600 3h10m=11400 48h=172800 7d=604800 1d12h=129600 90s=90 "'2h'=7200" "2h   =7200"; do
    make lives <<<$'engine: postgresql\nsourceType: empty\nlifetime: '"${lifetime%=*}"
    assert_lives lives "${lifetime#*=}"
  done
  for lifetime in 0 "" "~"; do
    make lives <<<$'engine: postgresql\nsourceType: empty\nlifetime: '"$lifetime"
    assert_eq "$(image_field lives expiresAt)" null "lifetime: $lifetime"
  done
}

# Against the YAML's folder, else the current directory, whatever way the YAML itself is named.
case_relative_paths_both_ways() {
  local both=$work/files/both text
  mkdir -p "$both/yaml/dumps" "$both/here/dumps" "$both/here/only"
  echo "create table place (name text); insert into place values ('yaml');" >"$both/yaml/dumps/x.sql"
  echo "create table place (name text); insert into place values ('here');" >"$both/here/dumps/x.sql"
  cp "$both/here/dumps/x.sql" "$both/here/only/y.sql"
  text=$'engine: postgresql\nsourceType: backup\ninitialDatabaseName: shop\n'
  echo "${text}backup: dumps/x.sql" >"$both/yaml/x.yaml"
  echo "${text}backup: only/y.sql" >"$both/yaml/y.yaml"
  ln -s yaml/x.yaml "$both/link.yaml"
  from_here() { (cd "$both/here" && ctl create data-image -q -n "$@" >/dev/null) && query "$1" shop 'select name from place'; }
  assert_eq "$(from_here near -f ../yaml/x.yaml)" yaml
  assert_eq "$(from_here near2 -f "$both/yaml/x.yaml")" yaml
  assert_eq "$(from_here far -f ../yaml/y.yaml)" here
  assert_eq "$(from_here stdin -f - <"$both/yaml/x.yaml")" here
  # scripts folders in the same two ways, in the order listed
  mkdir -p "$both/sql" "$both/here/more"
  echo 'create table place (name text);' >"$both/sql/a.sql"
  echo "insert into place values ('more');" >"$both/here/more/b.sql"
  echo $'engine: postgresql\nsourceType: scripts\ninitialDatabaseName: shop\nscriptsFolders: [../sql, more]' >"$both/yaml/s.yaml"
  assert_eq "$(from_here scripted -f ../yaml/s.yaml)" more
  assert_error 2 "only/y.sql" "line 4" "no such file" "$both/yaml" -- ctl create data-image -n none -f "$both/yaml/y.yaml"
}

case_blanks_line_ends_and_layout() {
  printf '\xef\xbb\xbf---\r\n# made on another system\r\nname:   windows  \r\nengine: postgresql \t\r\nsourceType: "empty  "\r\nversion: 15.0   \r\ntags:\r\n  - a  \r\n  - "b "\r\n' \
    >"$work/files/windows.yaml"
  assert_eq "$(ctl create data-image -q -f "$work/files/windows.yaml")" windows
  assert_eq "$(image_field windows '| [.engine, .versionText, (.tags | sort | join(","))] | join(" ")')" "PostgreSQL 15.0 a,b"
  # JSON is YAML, quoted keys are keys, an alias is what it stands for, and nothing is nothing.
  make layout <<'END'
"engine": &what postgresql
'sourceType': empty
version:
tags: &same [x, y, x]
teams: *same
backups: ~
initialDatabaseName: *what
END
  assert_eq "$(image_field layout '| [.database, (.tags | sort | join(",")), (.teams | sort | join(","))] | join(" ")')" "postgresql x,y x,y"
  printf '{"name": "json", "engine": "postgresql", "sourceType": "empty", "tags": ["1.0", 2.0]}' >"$work/files/json.yaml"
  assert_eq "$(ctl create data-image -q -f "$work/files/json.yaml")" json
  assert_eq "$(image_field json '| .tags | sort | join(",")')" 1.0,2.0
}

case_scripts_as_yaml_writes_them() {
  make scripted-inline <<'END'
engine: postgresql
sourceType: backup
initialDatabaseName: shop
backup: shop/dumps/items.sql
preScript: create table said (n int, what text)
postScript: >
  insert into said values (1, 'folded
  line');

  insert into said
  values (2, E'it''s \\ "quoted"  # no comment');
END
  assert_eq "$(query scripted-inline shop "select string_agg(what, '; ' order by n) from said")" 'folded line; it'\''s \ "quoted"  # no comment'
}

case_the_command_line_adds_and_replaces() {
  local file
  file=$(image_yaml adds 'sourceType: empty' 'tags: [a, b]' 'teams: [o:x]' 'lifetime: 0')
  assert_eq "$(ctl create data-image -q -f "$file" --tag c --tag=a --team o:z --lifetime 1h --name added)" added
  assert_eq "$(image_field added '| [(.tags | sort | join(",")), (.teams | sort | join(","))] | join(" ")')" "a,b,c o:x,o:z"
  assert_lives added 3600
}

# misspelt KEY AS: an image whose YAML says AS in line 4 is refused, and KEY is what was meant.
misspelt() {
  printf 'name: misspelt\nengine: postgresql\nsourceType: empty\n%s: 1\n' "$2" >"$work/files/misspelt.yaml"
  assert_error 64 "misspelt.yaml, line 4" "unknown key '$2'" "did you mean '$1'?" -- ctl create data-image -f "$work/files/misspelt.yaml"
  assert_contains "$err" "did you mean '$1'?" "the nearest key, in its own case"
}
case_unknown_keys_say_which_was_meant() {
  local key snake
  for key in name sourceType engine version tags teams lifetime durability superuser initialDatabaseName backups backup backupFolder \
    backupFile scriptsFolders preScript postScript; do
    misspelt "$key" "${key^}"
    misspelt "$key" "${key:0:2}x${key:2}"
    snake=$(sed -E 's/([A-Z])/_\L\1/g' <<<"$key")
    if [[ $snake != "$key" ]]; then misspelt "$key" "$snake"; misspelt "$key" "${snake//_/-}"; fi
  done
  for key in folder file path format; do
    printf 'name: misspelt\nengine: postgresql\nsourceType: backup\nbackup:\n  x%s: 1\n' "$key" >"$work/files/misspelt.yaml"
    assert_error 64 "misspelt.yaml, line 5" "unknown key 'x$key'" "did you mean '$key'?" -- ctl create data-image -f "$work/files/misspelt.yaml"
  done
  assert_error 2 misspelt -- ctl get data-image misspelt
}

write_config
start_daemon
mkdir -p "$work/files/shop/dumps"
echo 'create table item (id int primary key); insert into item select generate_series(1, 1000);' >"$work/files/shop/dumps/items.sql"
run_cases "$@"
