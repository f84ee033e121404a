#!/usr/bin/env bash
# What goes by itself and what stays: lifetimes, update, tags that move, and built-in images.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

gone() { ! ctl get "$1" "$2" >/dev/null 2>&1; }
empty_image() { local name=$1; shift; ctl create data-image -q -f "$(image_yaml "$name" 'sourceType: empty' 'version: 15' "$@")"; }

case_a_container_expires() {
  ctl create data-container -q -i base -n short --lifetime 2s >/dev/null
  ctl create data-container -q -i base -n long -t 1h >/dev/null
  ctl create data-container -q -i base -n forever --lifetime 0 >/dev/null
  assert_matches "$(ctl get data-containers | awk '$2 == "long"')" '(59|60) minutes from now|1 hour from now|an hour from now'
  assert_matches "$(ctl get data-containers | awk '$2 == "forever"')" 'never'
  local said; said=$(ctl create data-container -i base -n said --lifetime 1h -o json | jq -r .expiresAt)
  assert_eq "$(field said expiresAt)" "$said" "when it expires, as the create said"
  wait_until 10 gone data-container short
  ctl create data-container -q -i base -n short >/dev/null  # the name is free
  assert_eq "$(field long state)$(field forever state)" runningrunning
  ctl delete data-container -q short long forever said
}

case_an_image_waits_for_its_last_container() {
  empty_image passing 'lifetime: 2s' >/dev/null
  make_container passing holder >/dev/null
  sleep 3  # the one thing here that no event tells: that nothing happens
  assert_eq "$(image_field passing status)" Completed
  answers holder || fail "the container of an expired image does not answer"
  assert_error 2 expired -- ctl create data-container -i passing
  ctl delete data-container -q holder
  wait_until 10 gone data-image passing
}

# The launcher holds still, so that the create has to wait.
case_a_lifetime_given_while_it_is_created() {
  local launcher create
  launcher=$(pgrep -P "$(daemon_pid)" -f keeper-launcher)
  kill -STOP "$launcher"
  ctl create data-container -i base -n early --lifetime 1h -o json >"$work/early.json" & create=$!
  wait_until 10 is_there early
  ctl update data-container early --lifetime 48h >/dev/null
  kill -CONT "$launcher"
  wait "$create"
  assert_eq "$(jq -r .expiresAt "$work/early.json")" "$(field early expiresAt)" "when it expires, as the create said"
  ctl delete data-container -q early
}
is_there() { ctl get data-container "$1" >/dev/null 2>&1; }

# A restore that takes longer than the image is to live.
case_a_lifetime_begins_at_completion() {
  ctl create data-image -q -f "$(image_yaml slow 'sourceType: empty' 'version: 15' 'lifetime: 2s' 'preScript: select pg_sleep(4)')" \
    >"$work/slow.out" 2>&1 &
  local build=$!
  wait_until 10 is_pending slow
  assert_eq "$(image_field slow expiresAt)" null
  assert_eq "$(ctl get data-images | awk '$2 == "slow" {print $NF}')" - "nobody knows when it will expire"
  ctl update data-image slow --lifetime 3s -q
  wait "$build" || fail "$(<"$work/slow.out")"
  assert_lacks "$(image_field slow expiresAt)" null
  make_container slow quick >/dev/null  # it is there, and usable
  ctl delete data-container -q quick
  wait_until 10 gone data-image slow
}
is_pending() { [[ $(image_field "$1" status 2>/dev/null) == Pending ]]; }

case_expiry_survives_a_restart() {
  ctl create data-container -q -i base -n brief --lifetime 2s >/dev/null
  kill_daemon
  sleep 2
  start_daemon
  wait_until 10 gone data-container brief
}

# Creates, expiries and removals under way whenever the daemon is killed.
case_nothing_is_left_of_many_whatever_is_killed() {
  local i
  for i in {1..16}; do
    ctl create data-container -q -i base -n "many-$i" --lifetime "$((i % 4 + 1))s" >/dev/null 2>&1 &
    ctl create data-image -q -f "$(image_yaml "many-$i" 'sourceType: empty' 'version: 15' "lifetime: $((i % 3 + 1))s")" >/dev/null 2>&1 &
    (( i % 4 )) || { sleep 0.$((RANDOM % 9)); kill_daemon; start_daemon; }
  done
  wait
  wait_until 40 none_listed
  wait_until 40 no_containers_left
  wait_until 10 folder_empty "$state/builds"
  # What is left is `base` and what it stands on.
  two_indexes() { [[ $(find "$state/store/images" -name '*.index' | wc -l) == 2 ]]; }
  wait_until 10 two_indexes
  wait_until 10 files_in "$state/store/layers" 1
}
none_listed() { [[ $(ctl get data-containers -o json) == '[]' && $(ctl get data-images -o name) == base ]]; }
files_in() { [[ $(find "$1" -type f | wc -l) == "$2" ]]; }

case_update_gives_another_lifetime_and_name() {
  ctl create data-container -q -i base -n first --lifetime 3s >/dev/null
  ctl create data-container -q -i base -n other >/dev/null
  ctl update data-container first --lifetime 0 -q
  assert_eq "$(field first expiresAt)" null
  ctl update data-container first --name second -q
  assert_error 2 first -- ctl get data-container first
  assert_error 1 already -- ctl update data-container second --name other
  assert_error 64 name -- ctl update data-container second --name 'no blanks'
  answers second || fail "a renamed container does not answer"
  kill_daemon; start_daemon
  wait_until 10 answers second
  ctl update data-container second --lifetime 1s -q
  wait_until 10 gone data-container second
  ctl delete data-container -q other
  empty_image renamed >/dev/null
  assert_matches "$(ctl update data-image renamed --name renamed-too --lifetime 1h)" "^Data image 'renamed-too' \([0-9]+\) updated!$"
  assert_error 2 renamed -- ctl get data-image renamed:latest
  ctl delete data-image -q renamed-too
}

case_tags_move() {
  local one two three
  empty_image tagged 'tags: [latest, 0.10]' >/dev/null; one=$(image_field tagged id)
  empty_image tagged 'tags: [latest]' >/dev/null; two=$(image_field tagged id)
  assert_eq "$(image_field tagged:latest id)" "$two" "a tag moves to the newest that carries it"
  assert_eq "$(image_field tagged:0.10 id)" "$one" "a tag keeps its text"
  empty_image tagged >/dev/null; three=$(image_field tagged id)
  (( three > two )) || fail "a bare name is the newest, tagged or not"
  ctl update data-image "$one" --tag latest --tag old -q
  assert_eq "$(image_field tagged:latest id)" "$one"
  assert_eq "$(ctl get data-image "$two" -o json | jq -c .tags)" "[]"
  # Another name's tags are its own; with a new name, a tag takes its place there.
  empty_image elsewhere 'tags: [latest]' >/dev/null
  assert_eq "$(image_field tagged:latest id)" "$one"
  ctl update data-image "$one" --name elsewhere -q
  assert_eq "$(image_field elsewhere:latest id)" "$one"
  ctl create data-image -q -f "$(image_yaml added 'sourceType: empty' 'version: 15' 'tags: [a]')" --tag b --tag c >/dev/null
  assert_eq "$(ctl get data-image added -o json | jq -c .tags)" '["a","b","c"]' "--tag adds"
  ctl delete data-image -q "$one" "$two" "$three" elsewhere added
}

case_built_in_images() {
  assert_lacks "$(ctl get data-images)" empty "built-in images are in no list but --public"
  local public; public=$(ctl get data-images --public)
  assert_matches "$public" 'postgres-empty +[0-9,]*15[0-9,]* '
  assert_contains "$public" redis-empty
  assert_eq "$(ctl get data-image postgres-empty:15 -o name)" postgres-empty
  assert_matches "$(ctl create data-container -i postgres-empty:11 -q)" '^postgres-empty-[a-z]{8}$'
  ctl create data-container -i postgres-empty:11 -n eleven --progress -q >/dev/null 2>&1
  assert_eq "$(sql eleven '' 'show server_version_num' | cut -c1-2)" 11
  assert_eq "$(field eleven image)" postgres-empty:11
  ctl create data-container -i postgres-empty -n newest -q >/dev/null
  assert_matches "$(sql newest postgres 'show server_version')" '^18'
  ctl create data-container -i postgres-empty -n newest --if-not-exists -q >/dev/null
  assert_error 1 newest -- ctl delete data-image postgres-empty
  assert_error 1 "built in" -- ctl update data-image postgres-empty --tag x
  assert_error 64 9.1 15 -- ctl create data-container -i postgres-empty:9.1
  assert_error 64 "'postgres-empty' is the name of a built-in image" -- ctl create data-image -f "$(image_yaml postgres-empty 'sourceType: empty')"
  clean_slate
}

case_built_in_images_by_id() {
  local id made
  ctl create data-container -i postgres-empty:15 -n by-name -q >/dev/null
  id=$(image_field postgres-empty:15 id)
  made=$(ctl get data-images --public | awk -v id="$id" '$1 == id')
  assert_matches "$made" "^$id +postgres-empty +15 +PostgreSQL:15 +Completed "
  assert_eq "$(ctl get data-image "$id" -o json | jq -c '[.name, .tags, .teams, .expiresAt]')" '["postgres-empty",["15"],["public"],null]'
  assert_matches "$(ctl create data-container -i "$id" -q)" '^postgres-empty-[a-z]{8}$'
  ctl create data-container -i "$id" -n by-id -q >/dev/null
  assert_eq "$(field by-id image) $(field by-id imageId)" "postgres-empty:15 $id"
  answers by-id || fail "it does not answer"
  ctl create data-container -i postgres-empty:15 -n by-id --if-not-exists -q >/dev/null
  ctl create data-container -i "$id" -n by-name --if-not-exists -q >/dev/null
  assert_error 1 "built in" -- ctl update data-image "$id" --tag x
  assert_error 1 by-name by-id -- ctl delete data-image "$id"
  clean_slate
}

case_what_was_made_of_a_built_in_image_can_go() {
  local id
  ctl create data-container -i postgres-empty:15 -n first -q >/dev/null
  id=$(image_field postgres-empty:15 id)
  ctl delete data-container -q first
  ctl create data-image -q -f "$(image_yaml slow 'sourceType: empty' 'version: 15' 'preScript: select pg_sleep(3)')" >/dev/null &
  wait_until 10 is_pending slow
  assert_error 1 "being made" -- ctl delete data-image postgres-empty:15
  wait $!
  ctl delete data-image -q postgres-empty:15
  assert_error 2 "nothing is made" -- ctl delete data-image postgres-empty:15
  assert_error 2 "nothing is made" -- ctl delete data-image "$id"
  assert_eq "$(image_field postgres-empty:15 '| [.id, .diskBytes, .uniqueBytes] | join(" ")')" "$id 0 0"
  # What was made from it has all it needs, over a restart too, when everything is swept that nobody refers to.
  kill_daemon; start_daemon
  make_container base kept >/dev/null
  make_container slow kept-too >/dev/null
  ctl create data-container -i postgres-empty:15 -n second -q >/dev/null
  (( $(image_field "$id" diskBytes) > 0 )) || fail "it was not made again"
  answers kept && answers kept-too && answers second || fail "not all answer"
  clean_slate
  ctl delete data-image -q slow "$id"
}

# As after an upgrade of the server: what no name leads to any more does not stay for ever.
case_what_is_superseded_goes() {
  superseded() { grep -c "'postgresql-15.*is superseded$" "$work/daemon.log" || true; }
  local before
  before=$(superseded)
  ctl create data-container -i postgres-empty:15 -n old -q >/dev/null
  stop_daemon; echo 'volumeSize: 32GiB' >>"$work/spawnd.yaml"; start_daemon
  assert_eq "$(superseded)" "$before" "in use"
  assert_eq "$(image_field postgres-empty:15 diskBytes)" 0 "what there is now is not made"
  wait_until 10 answers old
  ctl reset data-container -q old
  answers old || fail "what it goes back to is gone"
  ctl delete data-container -q old
  kill_daemon; start_daemon
  assert_eq "$(superseded)" $((before + 1))
  make_container base kept >/dev/null  # made from it
  answers kept || fail "an image lost what it stands on"
  stop_daemon; write_config; start_daemon
  ctl delete data-container -q kept
}

# Nobody gets an empty database in place of the image of their own that they named.
case_an_image_that_is_of_no_use_says_so() {
  ctl create data-image -q -f "$(image_yaml halfway 'sourceType: empty' 'version: 15' 'preScript: select pg_sleep(2)')" >/dev/null &
  wait_until 10 is_pending halfway
  assert_error 75 "still being made" -- ctl create data-container -i halfway --no-wait
  wait $!
  make_container halfway holder >/dev/null
  ctl update data-image halfway --lifetime 1s -q
  sleep 2  # nothing happens but that time goes by
  assert_error 2 expired -- ctl create data-container -i halfway
  ctl delete data-container -q holder
}

case_delete_returns_at_once() {
  make_container base going >/dev/null
  local start=$EPOCHREALTIME
  ctl delete data-container -q going
  make_container base going >/dev/null
  (( ${EPOCHREALTIME/./} - ${start/./} < 5000000 )) || fail "deleting waits for the server's end"
  ctl delete data-container -q going
}

write_config
start_daemon
make_image base 'sourceType: empty' 'version: 15' >/dev/null
run_cases "$@"
