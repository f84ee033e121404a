#!/usr/bin/env bash
# sourceType scripts: which files run, in which order, as whom, and what a failing one leaves.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# script FOLDER/NAME: a script that writes its name down.
script() {
  mkdir -p "$(dirname "$work/files/$1")"
  echo "insert into ran (name) values ('$1');" >"$work/files/$1"
}
ran() { sql "$1" "$2" "select string_agg(name, ' ' order by id) from ran"; }

case_order() {
  local name
  mkdir -p "$work/files/a"
  echo "create table ran (id serial primary key, name text);" >"$work/files/a/V0__start.sql"
  for name in a/V10__ten a/V1.2__b a/V1__a a/V2_1__c a/sub/V1.10__deep a/V3 a/zz-last a/Values a/R__two a/R__one a/more/aa b/V1__of_b b/R__of_b b/plain; do
    script "$name.sql"
  done
  script a/V4__case.SQL
  for name in a/U1__undo.sql a/B5__base.sql a/README.md a/V9__not.txt a/.hidden.sql a/.git/V7__no.sql; do
    mkdir -p "$(dirname "$work/files/$name")"; echo 'this is no SQL;' >"$work/files/$name"
  done
  make_image ordered 'sourceType: scripts' 'initialDatabaseName: Shop' 'scriptsFolders: [./a/, b]' >/dev/null
  make_container ordered of-ordered >/dev/null
  assert_eq "$(ran of-ordered Shop)" "a/V1__a.sql a/V1.2__b.sql a/sub/V1.10__deep.sql a/V2_1__c.sql a/V3.sql a/V4__case.SQL a/V10__ten.sql \
a/Values.sql a/more/aa.sql a/zz-last.sql a/R__one.sql a/R__two.sql b/V1__of_b.sql b/plain.sql b/R__of_b.sql"
}

case_pre_and_post_script() {
  script c/V1__first.sql
  make_image around 'sourceType: Scripts' 'scriptsFolders: [c]' 'preScript: create table ran (id serial, name text)' \
    "postScript: insert into ran (name) values ('post')" >/dev/null
  make_container around of-around >/dev/null
  assert_eq "$(ran of-around postgres)" "c/V1__first.sql post" "without initialDatabaseName"
}

case_an_empty_script_and_a_role() {
  mkdir -p "$work/files/roles"
  : >"$work/files/roles/V1__nothing.sql"
  printf '\n-- only a comment' >"$work/files/roles/V2__comment.sql"
  echo 'create role teller; create table t (); alter table t owner to teller' >"$work/files/roles/V3__role.sql"
  make_image roles 'sourceType: scripts' 'scriptsFolders: [roles]' >/dev/null
}

# fails_with FOLDER EXIT-CODE WORDS...: no image, no row, no file is left.
fails_with() {
  local folder=$1 code=$2 layers; shift 2
  layers=$(ls "$state/store/layers" 2>/dev/null | wc -l)
  assert_error "$code" "$@" -- ctl create data-image -f "$(image_yaml "bad-$folder" 'sourceType: scripts' "scriptsFolders: [$folder]")"
  assert_error 2 "bad-$folder" -- ctl get data-image "bad-$folder"
  assert_eq "$(ls "$state/store/layers" 2>/dev/null | wc -l)" "$layers" "layers"
  assert_eq "$(find "$state/builds" "$state/logs" -type f -newer "$work/files/bad-$folder.yaml" 2>/dev/null)" "" "left behind"
}

case_a_failing_script() {
  make_image warm 'sourceType: empty' >/dev/null
  mkdir -p "$work/files/fails"
  echo 'create table t (id int);' >"$work/files/fails/V1__t.sql"
  printf 'insert into t values (1);\n\ninsert into t\n  values (oops);\ninsert into t values (2);\n' >"$work/files/fails/V2__oops.sql"
  fails_with fails 64 "line 4 of 'fails/V2__oops.sql'" 'column "oops" does not exist'
}

# What a dump is forgiven, a script is not.
case_a_missing_role_fails() {
  mkdir -p "$work/files/missing-role"
  echo 'create table t (id int); alter table t owner to nobody_here;' >"$work/files/missing-role/V1__t.sql"
  fails_with missing-role 64 "line 1 of 'missing-role/V1__t.sql'" 'role "nobody_here" does not exist'
}

case_one_version_twice() {
  script twice/V1.0__a.sql; script twice/deeper/V1__b.sql
  fails_with twice 64 V1.0__a.sql deeper/V1__b.sql "same version"
}

case_a_folder_without_scripts() {
  mkdir -p "$work/files/bare"; echo hello >"$work/files/bare/README"
  fails_with bare 64 "has no script"
  assert_error 64 "is a file" -- ctl create data-image -f "$(image_yaml a-file 'sourceType: scripts' 'scriptsFolders: [bare/README]')"
}

case_programs_are_not_run() {
  mkdir -p "$work/files/programs"
  printf 'select 1;\n\\! touch %s/pwned\n' "$work" >"$work/files/programs/V1__p.sql"
  fails_with programs 64 "line 2 of 'programs/V1__p.sql'" 'not allowed'
  [[ ! -e $work/pwned ]] || fail "a script ran a program"
}

case_a_loop_of_links() {
  script loop/V1__a.sql; ln -s . "$work/files/loop/again"
  fails_with loop 64 "folders deep"
}

# Root would read it; the caller may not.
case_with_the_callers_rights() {
  script secret/V1__a.sql; chmod 0600 "$work/files/secret/V1__a.sql"
  chmod a+rx "$work/files/secret"
  image_yaml secret 'sourceType: scripts' 'scriptsFolders: [secret]' >/dev/null; chmod a+r "$work/files/secret.yaml"
  assert_error 1 "as user 'nobody'" "permission denied" -- setpriv --reuid nobody --regid nogroup --groups spawn -- \
    "$work/spawnctl" create data-image -f "$work/files/secret.yaml"
}

write_config
start_daemon
run_cases "$@"
