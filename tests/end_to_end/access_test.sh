#!/usr/bin/env bash
# Who may do what: teams, what one may not see, and public images.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# Two users of the machine that need no account: ids in the group `spawn`, and one of a team.
spawn_gid=$(getent group spawn | cut -d: -f3)
team_gid=64123
as() { local uid=$1 groups=$2; shift 2; setpriv --reuid "$uid" --regid "$uid" --groups "$groups" "$@"; }
ann() { as 64101 "$spawn_gid,$team_gid" "$work/spawnctl" "$@"; }
bob() { as 64102 "$spawn_gid" "$work/spawnctl" "$@"; }
stranger() { as 64103 64103 "$work/spawnctl" "$@"; }

case_teams_and_what_is_hidden() {
  ctl create data-image -q -f "$(image_yaml shared 'sourceType: empty' 'version: 15')" --team shop:developers >/dev/null
  ctl create data-image -q -f "$(image_yaml private 'sourceType: empty' 'version: 15')" >/dev/null
  assert_eq "$(ann get data-images -o json | jq -r '.[].name')" shared
  assert_eq "$(bob get data-images)" "No resources found."
  local verb
  for verb in "get data-image private" "delete data-image private" "update data-image private --tag x" \
    "create data-container -i private" "create data-container -i private:x"; do
    # shellcheck disable=SC2086
    assert_error 2 private -- ann $verb
  done
  assert_error 1 "somebody else" -- ann delete data-image shared
  assert_error 1 "somebody else" -- ann update data-image shared --tag mine
  ann create data-container -q -i shared -n anns >/dev/null
  for verb in "get data-container anns" "delete data-container anns" "update data-container anns --lifetime 1h" \
    "save data-container anns" "reset data-container anns" "load data-container anns -r rev.0" "graduate data-container anns"; do
    # shellcheck disable=SC2086
    assert_error 2 anns -- bob $verb
  done
  # What bob is told of a name that ann has is what he is told of one that nobody has.
  assert_eq "$(bob get data-container anns 2>&1 | sed s/anns/X/)" "$(bob get data-container nobodys 2>&1 | sed s/nobodys/X/)"
  assert_eq "$(ctl get data-container anns -o name)" anns
  ctl update data-image private --team shop:developers -q
  assert_eq "$(ann get data-image private -o name)" private
  ann delete data-container -q anns
  ctl delete data-image -q shared private
}

case_root_gives_a_container_to_somebody() {
  ctl create data-image -q -f "$(image_yaml handed 'sourceType: empty' 'version: 15' 'teams: [public]')" >/dev/null
  ctl create data-container -q -i handed -n found >/dev/null
  ann create data-container -q -i handed -n anns >/dev/null
  assert_error 2 found -- ann get data-container found
  assert_error 1 "only root" -- ann update data-container anns --owner nobody
  assert_error 64 "no user 'nobody-at-all'" -- ctl update data-container found --owner nobody-at-all
  local uid=64101
  ctl update data-container found --owner "$uid" -q
  assert_eq "$(ann get data-container found -o json | jq -r .owner)" "$uid"
  assert_error 2 found -- bob get data-container found
  # A name is one living container's of its owner.
  ctl create data-container -q -i handed -n anns >/dev/null
  assert_error 1 already -- ctl update data-container root/anns --owner "$uid"
  ctl update data-container root/anns --owner "$uid" --name anns-too -q
  ann delete data-container -q found anns anns-too
  ctl delete data-image -q handed
}

# Two people may use one name. Neither takes the other's tags, whether by a create, an update or a new name.
case_nobody_takes_somebody_elses_tags() {
  local id tags='.[0].tags | sort | join(" ")'
  ann create data-image -q -f "$(image_yaml till 'sourceType: empty' 'version: 15')" --tag latest --tag v1 --tag v2 >/dev/null
  id=$(ann get data-image till -o json | jq .id)
  bob create data-image -q -f "$(image_yaml till 'sourceType: empty' 'version: 15')" --tag latest >/dev/null
  bob update data-image till --tag v1 -q
  bob create data-image -q -f "$(image_yaml cash 'sourceType: empty' 'version: 15')" --tag v2 >/dev/null
  bob update data-image cash --name till -q
  assert_eq "$(ann get data-images -o json | jq -r "$tags")" "latest v1 v2"
  assert_eq "$(ann get data-image till:latest -o json | jq .id)" "$id"
  ann create data-container -q -i till:v2 -n anns >/dev/null
  ann delete data-container -q anns
  ann delete data-image -q till
  bob delete data-image -q till:v1 till:v2
}

case_public_images() {
  ctl create data-image -q -f "$(image_yaml open 'sourceType: empty' 'version: 15' 'teams: [public]')" >/dev/null
  assert_contains "$(bob get data-images --public -o json | jq -r '.[].name' | xargs)" "open"
  assert_eq "$(bob get data-image open -o name)" open
  bob create data-container -q -i open -n bobs >/dev/null
  bob delete data-container -q bobs
  ctl delete data-image -q open
}

case_built_in_images_are_everybodys() {
  ann create data-container -q -i postgres-empty:15 -n anns >/dev/null
  local id; id=$(bob get data-image postgres-empty:15 -o json | jq .id)
  bob create data-container -q -i "$id" -n bobs >/dev/null
  local reference
  for reference in postgres-empty:15 "$id"; do
    assert_error 1 "built in" root -- bob delete data-image "$reference"
    assert_error 1 "built in" -- bob update data-image "$reference" --team shop:developers
  done
  ann delete data-container -q anns
  bob delete data-container -q bobs
}

case_the_socket_is_for_the_group() { assert_error 69 denied -- stranger get data-images; }

write_config
cat >>"$work/spawnd.yaml" <<END
teams:
  shop:developers: {groups: [spawnd-test-team]}
END
# The team's group exists for this test's processes only.
cp /etc/group "$work/group"
echo "spawnd-test-team:x:$team_gid:" >>"$work/group"
mount --bind "$work/group" /etc/group
extra_clean_up() { umount /etc/group; }
start_daemon
run_cases "$@"
