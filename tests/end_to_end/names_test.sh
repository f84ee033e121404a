#!/usr/bin/env bash
# Whose image, and whose container, a name means: two people who do not trust each other, a team, publishers.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# Three users of the machine with accounts, members of the group `spawn`; bob and carol are in a team.
spawn_gid=$(getent group spawn | cut -d: -f3)
team_gid=64123
as() { local id=$1 groups=$2; shift 2; setpriv --reuid "$id" --regid "$id" --groups "$groups" "$work/spawnctl" "$@"; }
ann() { as 64101 "$spawn_gid" "$@"; }
bob() { as 64102 "$spawn_gid,$team_gid" "$@"; }
carol() { as 64103 "$spawn_gid,$team_gid" "$@"; }
# image WHO NAME [FLAG...]: an empty image; prints its id.
image() {
  local who=$1 name=$2; shift 2
  "$who" create data-image -n "$name" -f "$(image_yaml any 'sourceType: empty' 'version: 15')" "$@" >/dev/null 2>"$work/said"
  newest "$who" "$name"
}
newest() { "$1" get data-images -o json | jq --arg name "$2" '[.[] | select(.name == $name) | .id] | max'; }
meant() { "$1" get data-image "$2" -o json | jq .id; }
# What it says, without the name that was asked for.
words_about() { local who=$1 verb=$2 name=$3; { "$who" $verb "$name" 2>&1 || true; } | sed "s#$name#X#g"; }

case_built_in_names_are_nobodys() {
  local name
  for name in postgres-empty postgres pg pgsql-empty mariadb-empty redis valkey-empty; do
    assert_error 64 "'$name' is the name of a built-in image" -- bob create data-image -f "$(image_yaml "$name" 'sourceType: empty')" --team public
    assert_error 64 "'$name' is the name of a built-in image" -- \
      bob create data-image -n "$name" -f "$(image_yaml other 'sourceType: empty' 'tags: ["15", mine]')"
  done
  image bob shop >/dev/null
  assert_error 64 "built-in image" -- bob update data-image shop --name postgres-empty
  bob create data-container -q -i shop -n bobs >/dev/null
  assert_error 64 "built-in image" -- bob graduate data-container bobs --name postgres-empty --team public
  assert_error 64 "built-in image" -- ctl graduate data-container bobs --name redis --tag latest
  bob delete data-container -q bobs
  bob delete data-image -q shop
}

# What Flyway's tutorials name can be made, and takes nothing of `postgres` away.
case_a_sample_of_spawn_may_have_its_name() {
  bob create data-image -q -n postgres -f "$(image_yaml x 'sourceType: empty' 'version: 15' 'tags: [flyway-getting-started]')" >/dev/null
  local id; id=$(newest bob postgres)
  assert_eq "$(meant bob postgres:flyway-getting-started)" "$id"
  assert_eq "$(bob get data-image postgres -o json | jq -r .name)" postgres-empty
  bob create data-container -q -i postgres:flyway-getting-started -n fly >/dev/null
  assert_eq "$(field fly imageId)" "$id"
  assert_error 64 "built-in image" -- bob update data-image "$id" --tag latest
  assert_error 64 "built-in image" -- bob update data-image "$id" --remove-tag flyway-getting-started
  bob delete data-container -q fly
  bob delete data-image -q "$id"
}

case_a_public_image_of_anybody_goes_before_nothing() {
  local bobs roots anns
  bobs=$(image bob shop --team public)
  assert_contains "$(<"$work/said")" "not among the daemon's publishers"
  # It is there, and is named in full.
  assert_contains "$(ann get data-images --public -o json | jq -r '.[].name' | xargs)" shop
  assert_error 2 "no data image 'shop'" "spawnd-bob/shop" -- ann get data-image shop
  assert_error 2 "no data image 'shop'" "spawnd-bob/shop" -- ann create data-container -i shop
  assert_error 2 "spawnd-bob/shop" -- ann run --image shop -- true
  assert_eq "$(meant ann spawnd-bob/shop)" "$bobs"
  assert_eq "$(meant ann "$bobs")" "$bobs"
  ann create data-container -q -i spawnd-bob/shop -n anns >/dev/null
  assert_eq "$(ann get data-container anns -o json | jq -r '.image, .imageId' | xargs)" "spawnd-bob/shop $bobs"
  ann delete data-container -q anns
  # Root publishes without being named.
  roots=$(image ctl shop --team public)
  image bob shop --team public >/dev/null
  assert_eq "$(meant ann shop)" "$roots"
  # One's own goes first, older or newer, and for whoever is root as well.
  anns=$(image ann shop)
  image ctl shop --team public >/dev/null
  assert_eq "$(meant ann shop)" "$anns"
  assert_eq "$(meant ctl shop)" "$(newest ctl shop)"
  ann delete data-image -q shop
  bob delete data-image -q shop shop
  ctl delete data-image -q shop shop
}

case_who_publishes_is_the_administrators_affair() {
  local bobs; bobs=$(image bob paper --team public)
  assert_error 2 "spawnd-bob/paper" -- ann get data-image paper
  write_people 'publishers: {users: [spawnd-bob]}'
  reload "read again"
  assert_eq "$(meant ann paper)" "$bobs"
  write_people 'publishers: {groups: [spawnd-test-press]}'
  reload "read again"
  assert_eq "$(meant ann paper)" "$bobs"
  write_people 'publishers: {teams: [shop:developers]}'
  reload "read again"
  assert_eq "$(meant ann paper)" "$bobs" "the team's users are publishers"
  write_people 'publishers: {teams: [shop:developer]}'
  reload "names team 'shop:developer'"
  write_people
  reload "read again"
  assert_error 2 "spawnd-bob/paper" -- ann get data-image paper
  bob delete data-image -q paper
}

case_a_teams_image_goes_before_a_public_one() {
  local carols; carols=$(image carol till --team shop:developers)
  image ctl till --team public >/dev/null
  assert_eq "$(meant bob till)" "$carols"
  assert_eq "$(meant ann till)" "$(meant ctl till)"
  assert_error 2 "no data image" -- ann get data-image spawnd-carol/till
  assert_eq "$(words_about ann "get data-image" spawnd-carol/till)" "$(words_about ann "get data-image" spawnd-carol/nothing)"
  carol delete data-image -q till
  ctl delete data-image -q till
}

case_only_a_member_shares_with_a_team() {
  assert_error 1 "not in team 'shop:developers'" -- ann create data-image -f "$(image_yaml mine 'sourceType: empty')" --team shop:developers
  image ann mine >/dev/null
  assert_error 1 "not in team 'shop:developers'" -- ann update data-image mine --team shop:developers
  ann create data-container -q -i mine -n anns >/dev/null
  assert_error 1 "not in team 'shop:developers'" -- ann graduate data-container anns --team shop:developers
  assert_error 64 "team name" -- ann update data-image mine --team 'shop$(id)'
  ann delete data-container -q anns
  ann delete data-image -q mine
}

# A team that is not there yet is no way into it once it is.
case_a_squatted_team_gives_nobody_anything() {
  local anns bobs; anns=$(image ann news --team later)
  assert_contains "$(<"$work/said")" "nobody is in team 'later'"
  assert_eq "$(ann get data-image news -o json | jq -c .teams)" '["later"]'
  write_people '  later: {users: [spawnd-bob]}'
  reload "read again"
  assert_error 2 "no data image 'news'" -- bob get data-image news
  assert_error 2 "no data image '$anns'" -- bob get data-image "$anns"
  assert_error 1 "not in team 'later'" -- ann update data-image news --team later
  bobs=$(image bob news --team later)
  assert_eq "$(meant bob news)" "$bobs"
  ctl update data-image "$anns" --team later -q
  assert_eq "$(meant bob "$anns")" "$anns" "root may"
  write_people
  reload "read again"
  ann delete data-image -q news
  bob delete data-image -q news
}

# Bob calls his own "spawnd-ann/…": who names ann's gets ann's, or none.
case_names_with_a_slash_take_nobodys_place() {
  local bobs anns
  bobs=$(image bob spawnd-ann/stock --team public --team shop:developers)
  assert_error 2 "no data image 'spawnd-ann/stock'" "spawnd-bob/spawnd-ann/stock" -- carol get data-image spawnd-ann/stock
  assert_eq "$(meant carol spawnd-bob/spawnd-ann/stock)" "$bobs"
  anns=$(image ann stock --team public)
  assert_eq "$(meant carol spawnd-ann/stock)" "$anns"
  assert_eq "$(meant bob spawnd-ann/stock)" "$bobs" "his own"
  ann delete data-image -q spawnd-ann/stock
  bob delete data-image -q spawnd-ann/stock
  # A folder that is nobody's account is a part of the name, for a team as before.
  bobs=$(image bob project/stock --team shop:developers)
  assert_eq "$(meant carol project/stock)" "$bobs"
  bob delete data-image -q project/stock
}

case_container_names_are_ones_own() {
  image ctl base --team public >/dev/null
  ann create data-container -q -i base -n payroll-q3-layoffs >/dev/null
  # Neither a clash nor another word says that there is one.
  assert_eq "$(bob create data-container -q -i base -n payroll-q3-layoffs)" payroll-q3-layoffs
  assert_eq "$(bob get data-containers -o json | jq 'length')" 1
  assert_error 1 "already" -- bob create data-container -i base -n payroll-q3-layoffs
  bob update data-container payroll-q3-layoffs --name bobs -q
  carol create data-container -q -i base -n carols >/dev/null
  carol update data-container carols --name bobs -q
  local verb
  for verb in "get data-container" "delete data-container" "save data-container" "reset data-container" "graduate data-container" \
    "logs data-container" "connect" "proxy data-container" "load data-container -r rev.0" "graduate data-container --revision rev.7" \
    "update data-container --lifetime 1h"; do
    assert_eq "$(words_about bob "$verb" payroll-q3-layoffs)" "$(words_about bob "$verb" nobodys)" "$verb"
    assert_eq "$(words_about bob "$verb" spawnd-ann/payroll-q3-layoffs)" "$(words_about bob "$verb" spawnd-ann/nobodys)" "$verb"
    assert_eq "$(words_about bob "$verb" "$(ann get dc payroll-q3-layoffs -o json | jq .id)")" "$(words_about bob "$verb" 99999)" "$verb"
  done
  # Root: the only one of a name, or whose.
  assert_eq "$(field payroll-q3-layoffs owner)" spawnd-ann
  assert_error 64 "2 data containers" "spawnd-bob/bobs" "spawnd-carol/bobs" -- ctl get data-container bobs
  assert_eq "$(field spawnd-carol/bobs owner)" spawnd-carol
  ctl create data-container -q -i base -n bobs >/dev/null
  assert_eq "$(field bobs owner)" root
  assert_eq "$(bob get data-container spawnd-bob/bobs -o name)" bobs
  ctl delete data-container -q bobs spawnd-bob/bobs spawnd-carol/bobs
  ann delete data-container -q payroll-q3-layoffs
  ctl delete data-image -q base
}

case_messages_name_what_is_ones_own() {
  local bobs; bobs=$(image bob base --team public)
  ann create data-container -q -i spawnd-bob/base -n layoffs >/dev/null
  carol create data-container -q -i spawnd-bob/base -n layoffs-too >/dev/null
  assert_error 1 "in use by 2 data containers of others" -- bob delete data-image base
  assert_lacks "$err" layoffs
  bob create data-container -q -i base -n bobs >/dev/null
  assert_error 1 "'bobs' and 2 of others" -- bob delete data-image base
  assert_lacks "$err" layoffs
  assert_error 1 layoffs bobs -- ctl delete data-image "$bobs"
  # What a graduation would be called says nothing of what others have graduated.
  ann create data-container -q -i spawnd-bob/base -n same >/dev/null
  bob create data-container -q -i base -n same >/dev/null
  assert_eq "$(ann graduate data-container same -q)" same-graduate-1
  assert_eq "$(bob graduate data-container same -q)" same-graduate-1
  assert_eq "$(ann graduate data-container same -q)" same-graduate-2
  # Nor does what a shell completes.
  assert_contains "$(bob completion words -- delete data-container '')" same
  assert_lacks "$(bob completion words -- delete data-container '')" layoffs
  assert_lacks "$(bob completion words -- delete data-image '')" same-graduate-2
  ann delete data-container -q same layoffs
  carol delete data-container -q layoffs-too
  bob delete data-container -q same bobs
  ann delete data-image -q same-graduate-1 same-graduate-2
  bob delete data-image -q same-graduate-1 base
}

# The hint at a full disk names what one may delete, and is what works.
case_what_would_free_most_is_ones_own() {
  image ctl base --team public >/dev/null
  ann create data-container -q -i base -n layoffs >/dev/null
  bob create data-container -q -i base -n bobs >/dev/null
  disk_limits=$'diskWarnPercent: 1\ndiskRefusePercent: 1' write_people
  reload "read again"
  assert_error 5 "no space for anything new" -- bob create data-container -i base
  assert_lacks "$err" layoffs
  write_people
  reload "read again"
  ann delete data-container -q layoffs
  bob delete data-container -q bobs
  ctl delete data-image -q base
}

# write_people [LINE...]: the configuration, with further keys or teams behind.
write_people() {
  write_config
  printf '%s\n' 'teams:' '  shop:developers: {users: [spawnd-bob, spawnd-carol]}' "$@" >>"$work/spawnd.yaml"
}
# The accounts and the group exist for this test's processes only.
cp /etc/passwd "$work/passwd"
cp /etc/group "$work/group"
printf 'spawnd-%s:x:%s::/:/bin/sh\n' ann 64101:64101 bob 64102:64102 carol 64103:64103 >>"$work/passwd"
echo "spawnd-test-press:x:64124:spawnd-bob" >>"$work/group"
mount --bind "$work/passwd" /etc/passwd
mount --bind "$work/group" /etc/group
extra_clean_up() { umount /etc/passwd /etc/group; }
write_people
start_daemon
run_cases "$@"
