#!/usr/bin/env bash
# What every engine has to hold, with its real server, seen from outside as a user sees it.
#
#   conformance_test.sh ENGINE [VERSION] [CASE...]      VERSION '' or missing: the newest that is installed
#
# What differs from engine to engine is in conformance/ENGINE.sh; engines/README.md says what such a file has. An
# engine that is not installed is a skip with the reason. One daemon for the file; cases use each other's images.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

engine=${1:?which engine} version=${2:-}
shift $(( $# < 2 ? $# : 2 ))
usual_places=true  # a MySQL or a Valkey that somebody installed is to pass as well
suite=conformance_$engine${version:+_$version}
items=1000  # in the sample

# --- what the adapter gives; these are for engines that do not have it -------------------------------------------

recovery_words=         # what the server's log says when the last stop was not clean; empty: it does not say
image_lines=()          # lines of every image's YAML
config_lines=()         # lines of the daemon's configuration
script_suffix=sql
script() { return 1; }  # script FILE: writes a script of sourceType scripts that makes the sample
# shellcheck source=conformance/postgresql.sh
source "$(dirname "$0")/conformance/$engine.sh"

# --- on top of it ------------------------------------------------------------------------------------------------

yaml() {  # yaml NAME LINE...: the path of an image's file
  local file=$work/files/$1.yaml
  { printf 'name: %s\nengine: %s\n' "$1" "$engine"; [[ -z $version ]] || printf 'version: %s\n' "$version"; } >"$file"; shift
  printf '%s\n' "$@" "${image_lines[@]}" >>"$file"
  echo "$file"
}
image() { ctl create data-image -q -f "$(yaml "$@")" >/dev/null; }
# container IMAGE NAME: creates it and keeps how it is reached, for `login`.
container() {
  ctl create data-container -i "$1" -n "$2" -o json >"$work/made-$2.json"
}
# login CONTAINER: sets host, port, user, password, database for the adapter's functions.
login() {
  local all
  mapfile -t all < <(jq -r '.host, .port, .user, .password, .database' "$work/made-$1.json")
  host=${all[0]} port=${all[1]} user=${all[2]} password=${all[3]} database=${all[4]}
}
alive() { [[ $(get "$1" "$2" 2>/dev/null) == "$3" ]]; }
sample_is_in() {
  assert_eq "$(count "$1")" "$items" "items of '$1'"
  assert_eq "$(get "$1" key7)" "value 7" "an item of '$1'"
}
# The same address, user and password as when it was created, whatever happened since.
same_credentials() {
  local filter='[.host, .port, .user, .password, .database]'
  assert_eq "$(ctl get data-container "$1" -o json | jq -c "$filter")" "$(jq -c "$filter" "$work/made-$1.json")" \
    "how '$1' is reached"
}
# A client that writes one item after the other and notes those that were acknowledged. Each write logs in anew, so that
# it goes on after every loss.
start_writer() {
  : >"$work/acknowledged-$1"
  (
    set +e
    trap 'exit 0' TERM
    for ((n = 1; ; ++n)); do
      if put "$1" "load$n" "value $n" >/dev/null 2>&1; then echo "load$n" >>"$work/acknowledged-$1"; else sleep 0.05; fi
    done
  ) &
  echo $! >"$work/writer"
}
stop_writer() { kill "$(<"$work/writer")"; wait "$(<"$work/writer")" 2>/dev/null || true; }
acknowledged() { wc -l <"$work/acknowledged-$1"; }
more_than() { (( $(acknowledged "$1") > $2 )); }
# assert_there CONTAINER FILE: every key of the file is in the container.
assert_there() {
  local lost
  keys "$1" | sort >"$work/there"
  lost=$(sort "$2" | comm -23 - "$work/there" | wc -l)
  assert_eq "$lost" 0 "acknowledged items of '$1' that are lost, of $(wc -l <"$2")"
}
engine_log() { cat "$state/containers/$(field "$1" id)/engine.log"; }
# The engine's own processes below a container's keeper.
server_processes() {
  local pid
  for pid in $(descendants "$(keeper_pid "$(field "$1" id)")"); do
    [[ $(ps -o comm= -p "$pid") =~ $server_process ]] && echo "$pid"
  done
  return 0
}

# --- cases -------------------------------------------------------------------------------------------------------

case_empty() {
  image empty 'sourceType: empty'
  container empty first
  # The first query succeeds when create returns: no second try.
  begin first
  put first key1 'value 1'
  assert_eq "$(get first key1)" 'value 1'
  assert_matches "$(field first versionText)" "^[0-9]"
  login first
  assert_contains "$(field first connectionString)" "$port"
  assert_contains "$(field first connectionString)" "$password"
  assert_matches "$password" '^[A-Za-z0-9]{16}$' 'the password'
  [[ -z $version ]] || assert_matches "$(field first version)" "^${version//./\\.}\\b" 'the version'
}

case_wrong_password() {
  login first
  jq '.password = "wrong0123456789a"' "$work/made-first.json" >"$work/made-stranger.json"
  if get stranger key1 >"$work/out" 2>&1 && [[ $(<"$work/out") == 'value 1' ]]; then fail "a wrong password gets in"; fi
}

case_backup() {
  fill first
  dump first "$work/files/sample.backup"
  chmod 0644 "$work/files/sample.backup"
  image sample 'sourceType: backup' 'backup: {file: sample.backup}'
  container sample restored
  sample_is_in restored
  assert_eq "$(field restored revision)" rev.0
}

case_clean_stop() {
  [[ -n $recovery_words ]] || { note "the log of this engine has no word for it"; return 0; }
  assert_lacks "$(engine_log restored)" "$recovery_words" "the log of a container of an image"
}

case_scripts() {
  mkdir -p "$work/files/scripts"
  if ! script "$work/files/scripts/V1__sample.$script_suffix"; then note "this engine has no scripts"; return 0; fi
  image scripted 'sourceType: scripts' 'scriptsFolders: [scripts]'
  container scripted of-scripts
  sample_is_in of-scripts
  ctl delete data-container -q of-scripts
}

case_two_containers_apart() {
  container sample left; container sample right
  put left only-left 1
  assert_eq "$(get right only-left)" ''
  assert_eq "$(count left)" $((items + 1))
  assert_eq "$(count right)" "$items"
  ctl delete data-container -q left right
}

case_revisions() {
  container sample kept
  put kept a 1
  assert_eq "$(ctl save data-container -q kept)" rev.1
  put kept b 1
  ctl reset data-container -q kept
  assert_eq "$(get kept a)/$(get kept b)" 1/ 'after reset'
  same_credentials kept
  ctl load data-container -q kept --revision rev.0
  assert_eq "$(get kept a)" '' 'in the image'
  sample_is_in kept
  ctl load data-container -q kept --revision rev.1
  assert_eq "$(get kept a)" 1 'in rev.1'
  same_credentials kept
  put kept c 1
  assert_eq "$(ctl save data-container -q kept)" rev.2
  ctl reset data-container -q kept
  assert_eq "$(get kept a)/$(get kept c)" 1/1 'in rev.2'
}

case_graduate() {
  ctl graduate data-container -q kept --revision rev.1 --name next >"$work/out"
  assert_eq "$(<"$work/out")" next
  container next successor
  assert_eq "$(get successor a)/$(get successor c)" 1/ 'in the graduated image'
  assert_eq "$(count successor)" $((items + 1))
  login kept; local old=$password
  login successor
  [[ $old != "$password" ]] || fail "two containers share a password"
  # An image knows no credentials: the predecessor's get nobody in.
  jq --arg p "$old" '.password = $p' "$work/made-successor.json" >"$work/made-predecessor.json"
  if get predecessor a >"$work/out" 2>&1 && [[ $(<"$work/out") == 1 ]]; then fail "the old password gets in"; fi
  ctl delete data-container -q successor kept
}

# no_way_out CONTAINER: he has what is in it and may make more, and reaches nothing of the server.
no_way_out() {
  local statement
  assert_eq "$(field "$1" superuser)" false "superuser of '$1'"
  for statement in "${escapes[@]}"; do
    if say "$1" "$statement" >"$work/out" 2>&1; then fail "'$1' is let: $statement ($(<"$work/out"))"; fi
  done
}
case_without_superuser() {
  image owned 'superuser: false' 'sourceType: backup' 'backup: {file: sample.backup}'
  assert_eq "$(ctl get data-image owned -o json | jq .superuser)" false
  assert_error 1 "data image 'owned' gives no superuser" -- ctl create data-container -i owned --superuser
  container owned owner
  sample_is_in owner
  put owner mine 1
  more owner
  no_way_out owner
  ctl save data-container -q owner
  ctl reset data-container -q owner
  no_way_out owner
  assert_eq "$(get owner mine)/$(count owner)" "1/$((items + 1))" 'after reset'
  local pids; pids=$(server_processes owner)
  # shellcheck disable=SC2086  # several
  kill -9 $pids
  wait_until 40 alive owner mine 1
  no_way_out owner
  same_credentials owner
  ctl graduate data-container -q owner --name owned-too
  container owned-too heir
  no_way_out heir
  assert_eq "$(get heir mine)" 1 'in the graduated image'
  # Of an ordinary image, too.
  ctl create data-container -i sample -n guest --no-superuser -o json >"$work/made-guest.json"
  sample_is_in guest
  more guest
  no_way_out guest
  ctl save data-container -q guest
  ctl load data-container -q guest --revision rev.0
  no_way_out guest
  ctl delete data-container -q owner heir guest
  ctl delete data-image -q owned owned-too
}

case_save_under_load() {
  container sample busy
  start_writer busy
  wait_until 20 more_than busy 10
  cp "$work/acknowledged-busy" "$work/before"
  assert_eq "$(ctl save data-container -q busy)" rev.1
  local saved; saved=$(acknowledged busy)
  wait_until 20 more_than busy $((saved + 5))
  stop_writer
  ctl reset data-container -q busy
  assert_there busy "$work/before"
  put busy after 1
  ctl delete data-container -q busy
}

case_killed_under_load() {
  container sample hit
  start_writer hit
  wait_until 20 more_than hit 10
  local pids seen
  pids=$(server_processes hit)
  [[ -n $pids ]] || fail "no process '$server_process' below the keeper"
  # shellcheck disable=SC2086  # several
  kill -9 $pids
  wait_until 20 all_gone $pids
  seen=$(acknowledged hit)
  wait_until 40 more_than hit $((seen + 5))
  stop_writer
  assert_there hit "$work/acknowledged-hit"
  same_credentials hit
  assert_eq "$(get hit key7)" 'value 7'
  ctl delete data-container -q hit
}

case_wrong_version() {
  printf 'name: x\nengine: %s\nsourceType: empty\nversion: 0.1\n' "$engine" >"$work/files/wrong.yaml"
  local have; have=$(field first version)
  assert_error 64 'is not installed' "$have" -- ctl create data-image -f "$work/files/wrong.yaml"
}

case_broken_backup() {
  broken "$work/files/sample.backup" "$work/files/broken.backup"
  chmod 0644 "$work/files/broken.backup"
  assert_error 64 broken.backup -- ctl create data-image -f "$(yaml broken 'sourceType: backup' 'backup: {file: broken.backup}')"
  assert_eq "$(ctl get data-images -o json | jq '[.[] | select(.name == "broken")] | length')" 0 'images of it'
  wait_until 5 folder_empty "$state/builds"
  # Something else entirely.
  head -c 100000 /dev/urandom >"$work/files/noise.backup"; chmod 0644 "$work/files/noise.backup"
  assert_error 64 noise.backup -- ctl create data-image -f "$(yaml noise 'sourceType: backup' 'backup: {file: noise.backup}')"
}

case_nothing_left() {
  local keepers_before; keepers_before=$(keepers)
  ctl delete data-container -q first restored
  wait_until 20 no_containers_left
  # shellcheck disable=SC2086
  wait_until 20 all_gone $keepers_before
  ctl delete data-image -q next sample empty
  assert_eq "$(ctl get data-images -o json | jq -c '[.[].name | select(. != "scripted")]')" '[]' 'images'
}

write_config
printf '%s\n' ${config_lines[@]+"${config_lines[@]}"} >>"$work/spawnd.yaml"
start_daemon
usable=$(ctl get engines -o json | jq -r --arg e "$engine" '[.[] | select(.engine == $e and .usable)] | length')
if (( usable == 0 )); then
  problem=$(ctl get engines -o json | jq -r --arg e "$engine" '[.[] | select(.engine == $e and .path != "" and .problem != "") | .problem] | first // ""')
  echo "SKIP $suite: $engine is ${problem:+installed here and cannot be used: }${problem:-not installed here}"
  exit 77
fi
run_cases "$@"
