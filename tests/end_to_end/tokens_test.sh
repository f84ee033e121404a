#!/usr/bin/env bash
# Access tokens: made, used, revoked; whose rights they carry, and when they stop.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# Two users of the machine with accounts, members of the group `spawn`; $1 of as: id and group.
spawn_gid=$(getent group spawn | cut -d: -f3)
as() { local id=$1; shift; setpriv --reuid "$id" --regid "$id" --groups "$spawn_gid" "$work/spawnctl" "$@"; }
ann() { as 64101 "$@"; }
bob() { as 64102 "$@"; }
token_id() { "$1" get access-tokens -o json | jq -r --arg purpose "$2" '.[] | select(.purpose == $purpose) | .id'; }
purposes() { "$1" get access-tokens -o json | jq -r '[.[].purpose] | sort | join(" ")'; }

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
  assert_eq "$(ctl get access-token "$id" -o json | jq -r '.purpose, .owner, .lastUsedAt, has("token")' | xargs)" "nightly images root null false"
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
  assert_eq "$(ann get data-container by-bob -o json | jq -r .owner)" spawnd-ann
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

case_a_token_makes_tokens_that_are_its_owners() {
  local first second
  first=$(ann create access-token --purpose first -q)
  second=$(bob create access-token --purpose second --accessToken "$first" -q)
  assert_eq "$(purposes ann)" "first second"
  assert_eq "$(purposes bob)" ""
  assert_eq "$(ann get access-token "$(token_id ann second)" -o json | jq -r .owner)" spawnd-ann
  # It stays when the one that it was made with goes, and its owner has it in his list, to revoke it too.
  ann delete access-token -q "$(token_id ann first)"
  assert_error 7 "has been deleted" -- bob get data-images --accessToken "$first"
  assert_contains "$(bob auth --accessToken "$second")" spawnd-ann
  ann delete access-token -q "$(token_id ann second)"
  assert_error 7 "has been deleted" -- bob auth --accessToken "$second"
  assert_eq "$(purposes ann)" ""
}

# The daemon reads accounts and groups at each use; nobody has to restart it.
case_a_token_stops_while_its_owner_may_not_connect() {
  local token
  token=$(ann create access-token --purpose stops -q)
  bob get data-images --accessToken "$token" >/dev/null
  accounts "spawnd-bob"
  assert_error 7 "spawnd-ann" "may not use spawnd any more" "group" -- bob get data-images --accessToken "$token"
  assert_error 7 "may not use spawnd any more" -- ctl get data-images --accessToken "$token"
  assert_error 7 "may not use spawnd any more" -- bob create access-token --accessToken "$token"
  accounts "spawnd-bob,spawnd-ann"
  bob get data-images --accessToken "$token" >/dev/null
  sed -i.bak '/^spawnd-ann:/d' "$work/passwd.new" && cat "$work/passwd.new" >"$work/passwd"
  assert_error 7 "user 64101" "no account" -- bob get data-images --accessToken "$token"
  cat "$work/passwd.new.bak" >"$work/passwd"
  bob get data-images --accessToken "$token" >/dev/null
  # Root is in no such group, and needs none.
  assert_contains "$(bob auth --accessToken "$(ctl create access-token --purpose roots -q)")" root
  ctl delete access-token -q "$(token_id ctl roots)" "$(token_id ctl stops)"
}

# What it is for stands in the list, and in JSON.
case_what_a_token_is_for_is_shown() {
  local words
  ann create data-image -q -f "$(image_yaml shop 'sourceType: empty' 'version: 15')" --tag latest >/dev/null
  ann create access-token --purpose every -q >/dev/null
  ann create access-token --purpose some --expires 30d --read-only --image shop:latest --image postgres-empty:15 --image postgres -q >/dev/null
  words=$(ann get access-tokens)
  assert_matches "$(head -n 1 <<<"$words")" '^ID +Purpose +Owner +CreatedAt +LastUsedAt +Expires +Scope$'
  assert_matches "$(grep every <<<"$words")" ' never +never +everything$'
  assert_matches "$(grep some <<<"$words")" ' (1 month|29 days|30 days) from now +read-only, spawnd-ann/shop:latest, postgres-empty:15, postgres-empty$'
  assert_eq "$(ann get access-token "$(token_id ann some)" -o json | jq -c '[.readOnly, .images]')" \
    '[true,["spawnd-ann/shop:latest","postgres-empty:15","postgres-empty"]]'
  assert_matches "$(ann get access-token "$(token_id ann some)" -o json | jq -r .expiresAt)" '^20[0-9-]+T[0-9:]+Z$'
  assert_eq "$(ann get access-token "$(token_id ann every)" -o json | jq -c '[.expiresAt, .readOnly, .images]')" '[null,false,[]]'
  assert_error 64 "lifetime" -- ann create access-token --expires soon
  assert_error 2 "no data image 'nothing'" -- ann create access-token --image nothing
  assert_error 2 "no data image 'shop'" -- bob create access-token --image shop
  ann delete access-token -q "$(token_id ann every)" "$(token_id ann some)"
  ann delete data-image -q shop
}

case_a_token_expires() {
  local token id
  token=$(ann create access-token --purpose short --expires 2s -q)
  id=$(token_id ann short)
  assert_contains "$(bob auth --accessToken "$token")" spawnd-ann
  wait_until 10 expired_is_said "$token"
  assert_error 7 "has expired, at 20" -- ann get data-images --accessToken "$token"
  # It makes none that is there longer than itself; that it would have ended, too.
  token=$(ann create access-token --purpose maker --expires 1h -q)
  assert_error 1 "longer than the one that makes it" -- bob create access-token --expires 2h --accessToken "$token"
  bob create access-token --purpose child --accessToken "$token" -q >/dev/null
  assert_eq "$(ann get access-token "$(token_id ann child)" -o json | jq .expiresAt)" "$(ann get access-token "$(token_id ann maker)" -o json | jq .expiresAt)"
  bob create access-token --purpose shorter --expires 10m --accessToken "$token" -q >/dev/null
  ann delete access-token -q "$id" "$(token_id ann maker)" "$(token_id ann child)" "$(token_id ann shorter)"
}
expired_is_said() { [[ $(bob auth --accessToken "$1" 2>&1) == *"has expired"* ]]; }

case_a_token_for_reading() {
  local token verb
  ann create data-image -q -f "$(image_yaml shop 'sourceType: empty' 'version: 15')" >/dev/null
  ann create data-container -q -i shop -n anns >/dev/null
  token=$(ann create access-token --purpose reading --read-only -q)
  reader() { bob "$@" --accessToken "$token"; }
  assert_eq "$(reader get data-images -o json | jq -r '.[].name')" shop
  assert_eq "$(reader get data-container anns -o json | jq -r '[.name, .state, .user != ""] | map(tostring) | join(" ")')" "anns running true"
  reader logs data-container anns --tail 1 >/dev/null
  reader get access-tokens >/dev/null
  # Who has the password can write.
  local password; password=$(ann get data-container anns -o json | jq -r .password)
  assert_lacks "$(reader get data-container anns -o json; reader get data-containers -o json; reader get dc anns -o yaml)" "$password"
  assert_error 1 "for reading only" "anns" -- reader connect anns
  for verb in "create data-container -i shop" "delete data-container anns" "save data-container anns" "reset data-container anns" \
    "load data-container anns -r rev.0" "graduate data-container anns" "update data-container anns --lifetime 1h" "delete data-image shop" \
    "update data-image shop --tag x" "create access-token" "create access-token --read-only" "delete access-token $(token_id ann reading)" \
    "create data-image -f $work/files/shop.yaml"; do
    # shellcheck disable=SC2086
    assert_error 1 "for reading only" -- reader $verb
  done
  assert_error 1 "for reading only" -- bob run --image shop --accessToken "$token" -- true
  assert_eq "$(ann get data-container anns -o json | jq -r .revision)" rev.0
  ann delete access-token -q "$(token_id ann reading)"
  ann delete data-container -q anns
  ann delete data-image -q shop
}

case_a_token_for_some_images() {
  local token verb
  for verb in shop till; do ann create data-image -q -f "$(image_yaml $verb 'sourceType: empty' 'version: 15')" --tag latest >/dev/null; done
  ann create data-container -q -i shop:latest -n of-shop >/dev/null
  ann create data-container -q -i till -n of-till >/dev/null
  token=$(ann create access-token --purpose tests --image shop:latest --image redis-empty -q)
  tester() { bob "$@" --accessToken "$token"; }
  assert_eq "$(tester get data-images -o json | jq -r '.[].name')" shop
  assert_eq "$(tester get data-images --public -o json | jq -r '.[].name')" redis-empty
  assert_eq "$(tester get data-containers -o json | jq -r '.[].name')" of-shop
  # It does what a test does with a container.
  tester create data-container -q -i shop:latest -n job >/dev/null
  tester save data-container job -q >/dev/null
  tester reset data-container job -q
  tester update data-container job --lifetime 1h -q
  assert_eq "$(ann get data-container job -o json | jq -r .owner)" spawnd-ann
  bob run --image redis-empty --accessToken "$token" -q -- true
  # The image of tomorrow is its too, and what it has made stays its own.
  ann create data-image -q -f "$(image_yaml shop 'sourceType: empty' 'version: 15')" --tag latest >/dev/null
  assert_eq "$(tester get data-images -o json | jq 'length')" 1
  tester create data-container -q -i shop:latest -n job-too >/dev/null
  tester delete data-container -q job job-too
  # What else there is, is not found.
  for verb in "get data-image till" "create data-container -i till" "get data-container of-till" "delete data-container of-till" \
    "logs data-container of-till" "logs data-image till" "create data-container -i postgres-empty:15" "get data-image postgres" \
    "get data-container $(ann get dc of-till -o json | jq .id)" "get data-image $(ann get di till -o json | jq .id)"; do
    # shellcheck disable=SC2086
    assert_error 2 "no data" -- tester $verb
  done
  for verb in "delete data-image shop" "update data-image shop --team public" "graduate data-container of-shop" "create access-token" \
    "create access-token --image shop" "get access-tokens" "delete access-token $(token_id ann tests)" "create data-image -f $work/files/shop.yaml"; do
    # shellcheck disable=SC2086
    assert_error 1 "of some images, and nothing else" -- tester $verb
  done
  ann delete access-token -q "$(token_id ann tests)"
  ann delete data-container -q of-shop of-till
  ann delete data-image -q shop shop till
}

case_what_is_no_token() {
  assert_error 64 "characters that no token has" -- ctl get data-images --accessToken "two words"
  assert_error 7 "more than 128 characters" -- ctl get data-images --accessToken "$(printf 'x%.0s' {1..200})"
}

# The accounts exist for this test's processes only. accounts MEMBERS: who is in the group `spawn`.
accounts() { sed -E "s/^(spawn:.*:).*/\1$1/" "$work/group.new" >"$work/group"; }
cp /etc/group "$work/group.new"
cp /etc/passwd "$work/passwd.new"
printf 'spawnd-ann:x:64101:64101::/:/bin/sh\nspawnd-bob:x:64102:64102::/:/bin/sh\n' >>"$work/passwd.new"
cp "$work/passwd.new" "$work/passwd"
accounts "spawnd-ann,spawnd-bob"
mount --bind "$work/group" /etc/group
mount --bind "$work/passwd" /etc/passwd
extra_clean_up() { umount /etc/group /etc/passwd; }
write_config
start_daemon
run_cases "$@"
