#!/usr/bin/env bash
# Who may do what: access tokens, teams, what one may not see, and public images.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# Two users of the machine that need no account: ids in the group `spawn`, and one of a team.
spawn_gid=$(getent group spawn | cut -d: -f3)
team_gid=64123
as() { local uid=$1 groups=$2; shift 2; setpriv --reuid "$uid" --regid "$uid" --groups "$groups" "$@"; }
ann() { as 64101 "$spawn_gid,$team_gid" "$work/spawnctl" "$@"; }
bob() { as 64102 "$spawn_gid" "$work/spawnctl" "$@"; }
stranger() { as 64103 64103 "$work/spawnctl" "$@"; }

case_tokens() {
  assert_exit 0 ctl get access-tokens
  assert_eq "$out$err" "No resources found."
  assert_eq "$(ctl get access-tokens -o json)" "[]"
  local said token id
  said=$(ctl create access-token --purpose "nightly images")
  assert_matches "$said" '^Access token generated: [A-Za-z0-9_]+$'
  token=${said##* }
  (( ${#token} >= 32 )) || fail "a token of ${#token} characters"
  id=$(ctl get at | awk '/nightly/ {print $1}')
  assert_eq "$(ctl get access-token "$id" -o json | jq -r '.purpose, .owner, .lastUsedAt, .token' | xargs)" "nightly images root null"
  # Only a hash is kept, and nothing of it is logged.
  ! grep -rqF "$token" "$state" "$work/daemon.log" || fail "the token is in a file"
  assert_eq "$(SPAWNCTL_ACCESS_TOKEN=$token ctl get access-token "$id" -o json | jq -r '.lastUsedAt != null')" true
  SPAWNCTL_ACCESS_TOKEN='' ctl get data-images >/dev/null
  assert_error 7 "not valid" -- ctl get data-images --accessToken "${token}x"
  assert_error 7 "not valid" -- ctl get data-images --accessToken nonsense
  stop_daemon; start_daemon
  ctl get data-images --accessToken "$token" >/dev/null
  ctl delete access-token "$id" -q
  assert_error 7 "has been deleted" -- ctl get data-images --accessToken "$token"
  assert_error 2 "$id" -- ctl delete access-token "$id"
}

case_a_token_carries_its_owners_rights() {
  local token id
  token=$(ann create access-token --purpose ann -q)
  id=$(ann get access-tokens | awk '/ann/ {print $1}')
  ann create data-image -q -f "$(image_yaml of-ann 'sourceType: empty' 'version: 15')" >/dev/null
  assert_error 2 of-ann -- bob get data-image of-ann
  assert_eq "$(bob get data-image of-ann --accessToken "$token" -o name)" of-ann
  bob create data-container -q -i of-ann -n by-bob --accessToken "$token" >/dev/null
  assert_eq "$(ann get data-container by-bob -o json | jq -r .owner)" 64101
  assert_error 2 by-bob -- bob get data-container by-bob
  # Somebody else's tokens are not found.
  assert_error 2 "$id" -- bob get access-token "$id"
  assert_error 2 "$id" -- bob delete access-token "$id"
  assert_lacks "$(bob get access-tokens)" "$id"
  assert_contains "$(ctl get access-tokens)" "$id"
  ann delete data-container -q by-bob
  ann delete data-image -q of-ann
  ann delete access-token -q "$id"
}

# With root's token one is root to the daemon, and still nobody else to the machine's files.
case_a_token_opens_no_files() {
  local token
  token=$(ctl create access-token -q)
  echo 'create table secret ();' >"$work/files/secret.sql"; chmod 0600 "$work/files/secret.sql"
  assert_error 1 secret.sql "permission denied" -- bob create data-image --accessToken "$token" \
    -f "$(image_yaml secret 'sourceType: backup' 'version: 15' 'backup: {file: secret.sql}')"
  ctl delete access-token -q "$(ctl get access-tokens -o json | jq '.[0].id')"
}

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
