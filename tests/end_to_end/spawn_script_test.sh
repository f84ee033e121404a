#!/usr/bin/env bash
# A script as people wrote them for Redgate's Spawn, run by a shell of its own without a terminal: strict mode, command
# substitution, grep -q, awk, jq, flags in odd places, doubled and empty ones. What it prints is docs/contract.md's, to the letter.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# script LINE...: runs the lines from standard input as such a script; its output is in $out and $err, its exit code in $code.
script() {
  code=0
  { printf 'set -euo pipefail\nexport PATH=%q:$PATH\ncd %q\n' "$work" "$work/files"; cat; } >"$work/script"
  setsid bash "$work/script" >"$work/out" 2>"$work/err" </dev/null || code=$?
  out=$(<"$work/out") err=$(<"$work/err")
  (( code == ${1:-0} )) || fail "the script ended with $code, expected ${1:-0}: $out $err"
}

case_one_that_does_everything() {
  script <<'END'
imageName=$(spawnctl create data-image -f ./Widget.yaml --lifetime=24h -n JobImage -q)
spawnctl get data-images | grep -q "$imageName"
containerName=$(spawnctl create data-container --image "$imageName:latest" --lifetime 1h -q)
json=$(spawnctl get data-container "$containerName" -o json)
export PGPASSWORD=$(echo "$json" | jq -r .password)
port=$(echo "$json" | jq .port) host=$(echo "$json" | jq -r .host) user=$(echo "$json" | jq -r '.user')
run() { psql -X -q -A -t -h "$host" -p "$port" -U "$user" -d WidgetStore -c "$1"; }
run 'insert into widget values (1001)'
rev=$(spawnctl save data-container "$containerName" -q)
run 'drop table widget'
spawnctl reset data-container "$containerName" -q
echo "$rev $(run 'select count(*) from widget')"
spawnctl load data-container "$containerName" --revision rev.0 -q
run 'select count(*) from widget'
graduated=$(spawnctl graduate data-container "$containerName" --revision "$rev" --name widget-next --tag latest -q)
echo "$graduated"
spawnctl delete data-container "$containerName" -q
spawnctl delete data-image "$graduated" -q
spawnctl delete data-image "$imageName" -q
END
  assert_eq "$out" $'rev.1 1001\n1000\nwidget-next'
  assert_eq "$err" ""
}

case_texts() {
  script <<<"spawnctl create data-image --file Widget.yaml --name TextImage"
  assert_matches "$out" "^Data image 'TextImage' \([0-9]{5}\) created!$"
  script <<<"spawnctl create data-container --image TextImage --name texts"
  assert_matches "$out" "^Data container 'texts' \([0-9]{5}\) created!
-> Host=127.0.0.1;Port=[0-9]+;Username=spawn_admin_[A-Za-z0-9]{4};Database=WidgetStore;Password=[A-Za-z0-9]{16}$"
  script <<<"spawnctl save data-container texts"
  assert_eq "$out" $'Successfully saved data container \'texts\'\nNew revision is \'rev.1\''
  script <<<"spawnctl graduate data-container texts --name graduated"
  assert_matches "$out" "^Successfully graduated data container 'texts' at revision 'rev.1' to a new data-image
New image 'graduated' \([0-9]{5}\) available!$"
  assert_eq "$err" ""
  script <<<"spawnctl graduate data-container texts -q"
  assert_eq "$out" texts-graduate-1
  script <<<"spawnctl create data-container -i TextImage -q"
  assert_matches "$out" '^TextImage-[a-z]{8}$'
  script <<<"spawnctl delete data-container texts $out -q; spawnctl delete data-image graduated texts-graduate-1 TextImage -q"
  assert_eq "$out" ""
}

case_flags_in_odd_places() {
  script <<'END'
spawnctl create data-container widget:latest -q --name=odd -q ""
spawnctl get -o json data-container odd | jq -r .name
spawnctl get dc odd --output=yaml | grep '^name: ' | awk '{print $2}'
spawnctl get data-containers -q | awk 'NR == 2 {print $2}'
spawnctl get di | awk 'NR > 1 {print $2}' | grep -x widget
spawnctl --quiet save "" data-container odd
spawnctl update data-container --name even odd -q ""
spawnctl delete -q data-container -q even
spawnctl get data-containers
spawnctl get data-containers -o json
END
  assert_eq "$out" $'odd\nodd\nodd\nodd\nwidget\nrev.1\nNo resources found.\n[]'
  assert_eq "$err" ""
}

case_tables() {
  make_container widget tables >/dev/null
  script <<<"spawnctl get data-images; spawnctl get data-containers"
  assert_eq "$(grep -c . <<<"$out")" 4
  assert_eq "$(sed -n 1p <<<"$out" | xargs)" "ID Name Tags Engine Status CreatedAt Teams ExpiresAt"
  assert_matches "$(sed -n 2p <<<"$out")" '^[0-9]{5} +widget +0.20, latest +PostgreSQL:15.0 +Completed +'
  assert_eq "$(sed -n 3p <<<"$out" | xargs)" "ID Name Revision Status Engine CreatedAt ExpiresAt"
  assert_matches "$(sed -n 4p <<<"$out")" '^[0-9]{5} +tables +rev.0 +Completed +PostgreSQL:15.0 +'
  assert_eq "$err" ""
  ctl delete data-container -q tables
}

case_closed_pipes() {
  local i
  for i in 1 2 3 4 5; do
    script <<<"spawnctl get data-images | true; spawnctl --help | head -n 1 >/dev/null; spawnctl get data-images -o json | grep -q widget"
    assert_eq "$err" ""
  done
}

# The yaml may come through a pipe, and any of the three descriptors may be closed: the connection must not take its place.
case_pipes_and_closed_descriptors() {
  script <<'END'
sed 's/^name: .*/name: piped/' Widget.yaml | spawnctl create data-image -f - -q | cat
spawnctl create data-container piped -n closed -q <&- 2>&-
spawnctl save data-container closed <&- 2>&- | tail -n 1
spawnctl get data-container closed -o json 2>&- | jq -r .revision
spawnctl get data-image nothing 2>&- || echo "exit code $?"
spawnctl get data-containers >&- || echo "exit code $?"
spawnctl create data-container piped -n closed-too -q >&- 2>&- <&- || echo "exit code $?"
spawnctl get data-container closed-too -o json | jq -r .name
spawnctl run piped -- cat <<<'from outside'
spawnctl delete data-container closed closed-too -q >&- 2>&- <&-
spawnctl delete data-image piped -q
END
  assert_eq "$out" $'piped\nclosed\nNew revision is \'rev.1\'\nrev.1\nexit code 2\nexit code 1\nexit code 1\nclosed-too\nfrom outside'
  assert_eq "$err" "error: cannot write to standard output: Bad file descriptor"
  assert_lacks "$(<"$work/daemon.log")" "is not HTTP"
}

# Variables that a script has not set are no flags, no arguments and no change.
case_empty_everywhere() {
  script <<'END'
none=
spawnctl create data-image -f Widget.yaml --name=empties --tag "$none" --tag= --team "$none" --lifetime "$none" -q "$none"
spawnctl create data-container "$none" --image empties --name "$none" -i "$none" --lifetime= --durability "$none" -q | sed 's/-[a-z]*$//'
name=$(spawnctl get data-containers -o json | jq -r '.[0].name')
spawnctl update data-container "$name" --name "$none" --lifetime "$none" -q
spawnctl update data-image empties --name "$none" --tag "$none" --team "$none" --lifetime "$none" -q
spawnctl get data-image empties -o "$none" "$none" | awk 'NR == 2 {print $3, $4, $(NF - 1)}'
spawnctl graduate data-container "$name" --revision "$none" --name "$none" --tag "$none" --team= -q | sed 's/-[a-z]*-graduate/-graduate/'
SPAWNCTL_ACCESS_TOKEN= spawnctl get data-container "$name" --accessToken "$none" -o json | jq -r '.expiresAt, .image'
spawnctl create access-token --purpose "$none" | awk '{print $1, $2, $3}'
spawnctl delete data-container "$name" -q
spawnctl get data-images -o json | jq -r '.[].name' | grep empties | xargs spawnctl delete data-image -q
spawnctl get access-tokens | awk 'NR > 1 {print $1}' | xargs spawnctl delete access-token -q
END
  assert_eq "$out" $'empties\nempties\n0.20, latest -\nempties-graduate-1\nnull\nempties\nAccess token generated:'
  assert_eq "$err" ""
}

case_repeated_flags() {
  script <<'END'
spawnctl create data-image -q -f nothing.yaml --file=Widget.yaml -n first -n repeated --tag x --tag=y --tag x --lifetime 1h --lifetime=0 -q
spawnctl get data-image repeated:x -o yaml -o json | jq -c '[.name, .tags, .expiresAt]'
spawnctl create dc repeated -i repeated --image repeated -n one --name two -t 1h --lifetime 2d -q --quiet
spawnctl get dc two | awk 'NR == 2 {print $NF, $(NF - 1), $(NF - 2)}'
spawnctl load dc two -r rev.7 --revision=rev.0 -q -q
spawnctl delete -q dc -q two -q
spawnctl delete di repeated -q
END
  assert_eq "$out" $'repeated\n["repeated",["0.20","latest","x","y"],null]\ntwo\nnow from days'
  assert_eq "$err" ""
}

case_help_is_where_one_looks_for_it() {
  local words
  for words in "help" "--help" "-h" ""; do
    # shellcheck disable=SC2086
    assert_contains "$(ctl $words)" "create data-image"
  done
  assert_eq "$(ctl help save dc)" "$(ctl save data-container --help)"
  assert_eq "$(ctl help get)" "$(ctl get -h)"
}

case_exit_codes_stop_the_script() {
  script 2 <<<"spawnctl get data-container nobody; echo not reached"
  assert_eq "$out" ""
  assert_eq "$(wc -l <"$work/err" | xargs)" 2 "an error is one line and a hint"
  script 2 <<<"spawnctl create data-container --image nothing -q; echo not reached"
  script 64 <<<"spawnctl create data-image -f missing.yaml -q; echo not reached"
  script 64 <<<"spawnctl creat data-image; echo not reached"
  assert_contains "$err" create
  script 64 <<<"spawnctl get data-images -o xml"
  script 69 <<<"SPAWNCTL_API_ENDPOINT=unix:///nonexistent/spawnd.sock spawnctl get data-images"
  script 7 <<<"SPAWNCTL_ACCESS_TOKEN=wrong spawnctl get data-images"
}

# A client library appends -q to all that it runs.
case_quiet_everywhere() {
  script <<'END'
spawnctl create data-container -i widget -n quiet -q -q
spawnctl get data-containers -q -q | awk 'NR == 2 {print $2}'
spawnctl get data-container quiet -o json -q | jq -r .name
spawnctl -q get data-images -o json -q | jq -r '.[0].name'
spawnctl get engines -q -o json | jq -r type
spawnctl version -q | grep -c '^Client: '
spawnctl version --client -q
spawnctl auth -q -q | grep -c answers
spawnctl onboard -q | grep -c answers
spawnctl completion bash -q | grep -c '^complete '
spawnctl connect quiet -q -- -X -A -t -c 'select 2'
spawnctl run widget -q -q -- echo ran
spawnctl logs data-container quiet -q --tail 1 -q | wc -l
spawnctl logs data-image widget --tail 0 -q
spawnctl update data-container quiet --lifetime 1h -q -q
spawnctl update data-image widget --lifetime 0 -q -q
spawnctl save data-container quiet -q -q
spawnctl reset data-container quiet -q -q
spawnctl get access-tokens -q
spawnctl delete data-container quiet -q -q
END
  assert_eq "$out" "quiet
quiet
quiet
widget
array
1
$(ctl version --client)
1
1
1
2
ran
1
rev.1
No resources found."
  assert_eq "$err" ""
  make_container widget proxied >/dev/null
  local code=0
  timeout --preserve-status 2 "$work/spawnctl" proxy data-container proxied --port 0 -q -q >"$work/out" 2>"$work/err" || code=$?
  assert_eq "$code" 0 "$(<"$work/err")"
  ctl delete data-container -q proxied
}

# PowerShell's ConvertFrom-Json -InputObject takes one string; a person at a terminal wants lines.
case_json_on_one_line() {
  make_container widget lines >/dev/null
  ctl create access-token >/dev/null
  local words
  for words in "data-images" "data-image widget" "data-containers" "data-container lines" "engines" "access-tokens"; do
    # shellcheck disable=SC2086
    assert_eq "$(ctl get $words -o json | wc -l)" 1 "get $words -o json"
  done
  assert_eq "$(ctl create dc -i widget -n lines-too -o json | wc -l)" 1
  # The script of another name has this function.
  command script -qec "'$work/spawnctl' get data-container lines -o json" "$work/typescript" >/dev/null </dev/null
  grep -qE '^  "name": "lines",' "$work/typescript" || fail "on a terminal: $(<"$work/typescript")"
  ctl delete data-container -q lines lines-too
  ctl delete access-token -q "$(ctl get access-tokens -o json | jq '.[0].id')"
}

# Editors compare it with exactly these words.
case_engine_is_the_bare_name() {
  make_container widget bare >/dev/null
  assert_eq "$(ctl get data-container bare -o json | jq -r .engine)" PostgreSQL
  assert_eq "$(ctl get data-image widget -o json | jq -r .engine)" PostgreSQL
  assert_eq "$(ctl get data-container bare -o yaml | grep '^engine: ')" "engine: PostgreSQL"
  assert_matches "$(ctl get data-container bare -o yaml | grep '^version: ')" '^version: "15\.[0-9]+"$'
  assert_contains "$(ctl get data-containers)" "PostgreSQL:15.0"
  ctl delete data-container -q bare
}

# An unset variable must not list everything.
case_get_of_nothing_is_no_list() {
  local kind
  for kind in data-image data-images data-container data-containers access-token di dc at; do
    assert_error 64 "empty" "unset" -- ctl get $kind ""
    assert_error 64 "empty" -- ctl get $kind "" -o json -q
  done
  assert_contains "$(ctl get engines "")" postgresql "what takes no reference has none that could be empty"
  assert_error 64 "needs" -- ctl delete data-container "" -q
}

# The number says little to whoever reads the log of a job.
case_delete_says_the_name() {
  make_container widget numbered >/dev/null
  assert_eq "$(ctl delete data-container "$(field numbered id)")" "Data container 'numbered' deleted!"
  make_image gone-soon 'sourceType: empty' 'tags: [a, b]' >/dev/null
  assert_eq "$(ctl delete data-image gone-soon:b)" "Data image 'gone-soon' deleted!"
  make_image gone-soon 'sourceType: empty' >/dev/null
  assert_eq "$(ctl delete di "$(image_field gone-soon id)")" "Data image 'gone-soon' deleted!"
}

case_lists_have_no_tokens() {
  ctl create access-token --purpose shown-once >/dev/null
  assert_eq "$(ctl get access-tokens -o json | jq -c '.[0] | has("token")')" false
  assert_lacks "$(ctl get access-tokens -o yaml)" "token:"
  ctl delete access-token -q "$(ctl get access-tokens -o json | jq '.[0].id')"
}

case_with_an_access_token() {
  script <<'END'
token=$(spawnctl create access-token --purpose "ci" | sed 's/^Access token generated: //')
export SPAWNCTL_ACCESS_TOKEN=$token
spawnctl auth >/dev/null
spawnctl onboard >/dev/null
name=$(spawnctl create data-container --image widget -q)
spawnctl get data-container "$name" -o json --accessToken "$token" | jq -r .image
spawnctl delete data-container "$name" -q
id=$(spawnctl get access-tokens | grep ci | awk '{print $1}')
unset SPAWNCTL_ACCESS_TOKEN
spawnctl delete access-token "$id" -q
if spawnctl get data-images --accessToken "$token" 2>/dev/null; then echo "a revoked token works"; fi
END
  assert_eq "$out" widget
}

# Scripts keep ids, also that of an image which nobody has used yet.
case_built_in_images_have_ids() {
  local before id
  before=$(ctl get data-images --public -o json | jq -c '[.[] | [.id, .name, .tags[0]]]')
  assert_eq "$(jq 'map(.[0]) | (length > 2) and (unique | length) == length and all(. > 0 and . < 10001)' <<<"$before")" true "$before"
  id=$(image_field postgres-empty:11 id)
  assert_eq "$(image_field "$id" '| [.name, .tags[0]] | join(":")')" postgres-empty:11
  assert_eq "$(ctl logs data-image "$id")" "" "nothing was restored into it"
  assert_matches "$(ctl create data-container -i "$id" -n eleven -q 2>/dev/null)" '^eleven$'
  assert_matches "$(sql eleven postgres 'show server_version')" '^11'
  assert_eq "$(field eleven imageId) $(field eleven image)" "$id postgres-empty:11"
  ctl create data-container -i postgres-empty:11 -n eleven --if-not-exists -q >/dev/null
  assert_eq "$(ctl get data-images --public -o json | jq -c '[.[] | [.id, .name, .tags[0]]]')" "$before" "after its first use"
  kill_daemon; start_daemon
  assert_eq "$(ctl get data-images --public -o json | jq -c '[.[] | [.id, .name, .tags[0]]]')" "$before" "after a restart"
  assert_error 1 "built in" -- ctl update data-image "$id" --tag x
  assert_error 1 eleven -- ctl delete data-image "$id"
  ctl delete data-container -q eleven
  assert_error 2 "no data image '9999'" -- ctl get data-image 9999
}

case_the_names_of_empty_images() {
  local name
  for name in postgres postgres:15 postgres-empty postgres:empty postgres-empty:latest mariadb redis; do
    assert_eq "$(image_field "$name" '| has("id")')" true "$name"
  done
  assert_eq "$(image_field postgres:15 name)" postgres-empty
  assert_matches "$(ctl create data-container -i postgres:15 -q)" '^postgres-empty-[a-z]{8}$'
  assert_error 64 "not installed" -- ctl create data-container -i mssql
  clean_slate
}

# What tutorials name, and nobody has here.
case_public_samples_of_spawn() {
  assert_error 2 "no data image 'postgres-pagila:v11.0'" "Spawn" "github.com/devrimgunduz/pagila" -- ctl create data-container -i postgres-pagila:v11.0
  assert_error 2 "Spawn" foobardb "sourceType: empty" -- ctl create data-container --image postgres:flyway-getting-started --name flyway-container
  assert_error 2 "Spawn" foobardb "sourceType: scripts" -- ctl create data-container --image postgres:flyway-getting-started-complete
  assert_error 2 "Spawn" "sql-server-samples" -- ctl get data-image mssql-wideworldimporters
  make_image postgres-pagila 'sourceType: empty' 'version: 15' >/dev/null
  ctl create data-container -i postgres-pagila -n own-sample -q >/dev/null
  clean_slate
}

case_first_use_is_said_once() {
  ctl delete data-image -q postgres-empty:17 || true  # when an earlier case has used it
  assert_exit 0 ctl get data-image postgres-empty:17
  assert_eq "$err" ""
  assert_exit 0 ctl create data-container -i postgres-empty:17 -n seventeen
  assert_matches "$err" '^note: [^
]*PostgreSQL 17[^
]*$' "one line"
  assert_exit 0 ctl create data-container -i postgres-empty:17
  assert_eq "$err" ""
  assert_exit 0 ctl create data-container -i redis-empty -q
  assert_eq "$err" "" "not with -q"
  assert_exit 0 ctl create data-image -f "$(image_yaml first 'sourceType: empty' 'version: 17')"
  assert_eq "$err" ""
  clean_slate
}

case_labels_can_be_taken_away() {
  make_image labelled 'sourceType: empty' 'version: 15' 'tags: [a, b, c]' 'teams: ["myorg:dbas", public]' 2>/dev/null
  assert_exit 0 ctl update data-image labelled --remove-tag a --remove-tag=c --tag d --remove-team public
  assert_eq "$(image_field labelled '| [(.tags | sort | join(" ")), (.teams | join(" "))] | join(",")')" "b d,myorg:dbas"
  assert_error 2 "labelled:a" -- ctl get data-image labelled:a
  assert_exit 0 ctl update data-image labelled --remove-tag nosuch --remove-team nobody
  assert_eq "$(grep -c "^warning: .*'labelled' has no t[ae].* 'no" <<<"$err")" 2 "$err"
  assert_eq "$(image_field labelled 'tags | sort | join(" ")')" "b d"
}

# It may be configured later. But most often it is mistyped.
case_a_team_that_nobody_knows() {
  assert_exit 0 ctl update data-image widget --team nosuch:team
  assert_matches "$err" "^warning: [^
]*'nosuch:team'[^
]*$"
  assert_exit 0 ctl update data-image widget --team public
  assert_eq "$err" ""
  assert_exit 0 ctl update data-image widget --team nosuch:team -q
  assert_eq "$err$out" ""
  assert_exit 0 ctl create data-image -f "$(image_yaml teamed 'sourceType: empty' 'version: 15')" --team mistyped
  assert_contains "$err" "'mistyped'"
  make_container widget teams >/dev/null
  assert_exit 0 ctl graduate data-container teams --team mistyped
  assert_contains "$err" "'mistyped'"
  ctl update data-image widget --remove-team nosuch:team --remove-team public -q
  clean_slate
}

write_config
start_daemon
echo 'create table widget (id int primary key); insert into widget select generate_series(1, 1000);' >"$work/files/widget.sql"
cat >"$work/files/Widget.yaml" <<'END'
name: widget
sourceType: Backup   
engine: postgres
version: 15.0
tags: [latest, 0.20]
initialDatabaseName: WidgetStore
backups:
  - folder: ./
    file: widget.sql
END
ctl create data-image -q -f "$work/files/Widget.yaml" >/dev/null
run_cases "$@"
