#!/usr/bin/env bash
# Files of clients: spawnctl opens them and passes them on, the daemon opens no path for anybody. Pipes, standard input,
# other mount namespaces, and what else can be passed that is no file; uploads for those who can pass nothing.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

spawn_gid=$(getent group spawn | cut -d: -f3)
ann() { setpriv --reuid 64101 --regid 64101 --groups "$spawn_gid" -- "$@"; }
# User 0 as in a job's container: none of root's capabilities, and none to be had.
bare_root() { setpriv --bounding-set -all --inh-caps -all --groups "$spawn_gid" -- "$@"; }

# What restored data says it is.
said_by() {
  make_container "$1" "of-$1" >/dev/null
  sql "of-$1" shop 'select t from said'
  ctl delete data-container -q "of-$1"
}
says() { echo "create table said (t text); insert into said values ('$1');"; }
# backup_yaml NAME BACKUP: describes an image of it, in database shop.
backup_yaml() { image_yaml "$1" 'sourceType: backup' 'initialDatabaseName: shop' "backup: $2"; }
# What the daemon left of what it received: nothing, as it has no name.
nothing_left() { folder_empty "$state/builds" && [[ -z $(find "/proc/$(daemon_pid)/fd" -lname "$state/builds/*" 2>/dev/null) ]]; }

# The same path means two files, depending on who looks.
case_another_mount_namespace() {
  mkdir -p /mnt && rm -rf "$work/files/host"; mkdir "$work/files/host"
  says host >"$work/files/host/x.sql"; says host >"$work/files/host/1.sql"
  cp "$work/spawnctl" "$work/files/"; export work socket
  local yaml; yaml=$(backup_yaml elsewhere "$work/files/host/x.sql")
  printf '%s\n' 'name: elsewhere-scripts' 'engine: postgresql' 'sourceType: scripts' 'initialDatabaseName: shop' \
    "scriptsFolders: [$work/files/host]" >"$work/files/elsewhere-scripts.yaml"
  unshare --mount bash -ec '
    mount -t tmpfs none "$work/files/host"
    echo "create table said (t text); insert into said values ('"'client'"');" | tee "$work/files/host/x.sql" >"$work/files/host/1.sql"
    "$work/spawnctl" create data-image -q -f "$1" >/dev/null
    rm "$work/files/host/x.sql"
    "$work/spawnctl" create data-image -q -f "$work/files/elsewhere-scripts.yaml" >/dev/null' bash "$yaml"
  assert_eq "$(said_by elsewhere)" client
  assert_eq "$(said_by elsewhere-scripts)" client
}

# What spawnctl may not open, the daemon does not open for it: not for user 0 without root's capabilities either.
case_nobody_gets_more_than_his_own_rights() {
  local yaml
  says secret >"$work/files/secret.sql"; chown 64102 "$work/files/secret.sql"; chmod 0600 "$work/files/secret.sql"
  yaml=$(backup_yaml secret ./secret.sql); chmod a+r "$yaml"
  assert_error 1 "secret.sql" "permission denied" -- ann "$work/spawnctl" create data-image -f "$yaml"
  assert_error 1 "secret.sql" "permission denied" -- bare_root "$work/spawnctl" create data-image -f "$yaml"
  # A folder that may be listed, with a file in it that may not be read.
  mkdir -p "$work/files/folder"; mv "$work/files/secret.sql" "$work/files/folder/1.sql"; chmod 0755 "$work/files/folder"
  yaml=$(image_yaml folder 'sourceType: scripts' 'initialDatabaseName: shop' 'scriptsFolders: [folder]'); chmod a+r "$yaml"
  assert_error 1 "folder/1.sql" "permission denied" -- ann "$work/spawnctl" create data-image -f "$yaml"
  assert_error 1 "folder/1.sql" "permission denied" -- bare_root "$work/spawnctl" create data-image -f "$yaml"
  # Root with its capabilities reads everybody's, as everywhere.
  ctl create data-image -q -f "$yaml" >/dev/null
  assert_eq "$(said_by folder)" secret
}

case_links_out_of_a_folder() {
  mkdir -p "$work/files/linked"; says here >"$work/files/linked/1.sql"
  ln -s 1.sql "$work/files/linked/2.txt"; ln -s ../items.sql "$work/files/linked/3.sql"
  says out >"$work/files/items.sql"
  local yaml; yaml=$(image_yaml linked 'sourceType: scripts' 'initialDatabaseName: shop' 'scriptsFolders: [./linked/]')
  assert_error 64 "linked/3.sql" "leads out of the folder" -- ctl create data-image -f "$yaml"
  rm "$work/files/linked/3.sql"
  ctl create data-image -q -f "$yaml" >/dev/null
  assert_eq "$(said_by linked)" here
}

case_standard_input_and_pipes() {
  local yaml; yaml=$(backup_yaml piped "{file: '-'}")
  says piped | "$work/spawnctl" create data-image -q -f "$yaml" >/dev/null
  assert_eq "$(said_by piped)" piped
  says redirected >"$work/files/r.sql"
  "$work/spawnctl" create data-image -q -f "$yaml" --name redirected <"$work/files/r.sql" >/dev/null
  assert_eq "$(said_by redirected)" redirected
  # bash's <(...), a FIFO with a writer that comes late, gzip in a pipe.
  says substituted | gzip -c >"$work/files/s.sql.gz"
  "$work/spawnctl" create data-image -q -f <(cat "$(backup_yaml substituted /dev/fd/9)") 9< <(cat "$work/files/s.sql.gz") >/dev/null
  assert_eq "$(said_by substituted)" substituted
  mkfifo "$work/files/fifo"
  (sleep 0.5; says fifo >"$work/files/fifo") &
  "$work/spawnctl" create data-image -q -f "$(backup_yaml fifo ./fifo)" >/dev/null
  assert_eq "$(said_by fifo)" fifo
  # The description itself from standard input, which then cannot be the backup, too.
  (cd "$work/files" && "$work/spawnctl" create data-image -q -f - --name described <piped.yaml) 2>"$work/err" && fail "taken twice"
  assert_contains "$(<"$work/err")" "standard input cannot be this file and what '-' in it means"
  assert_error 64 "device" -- ctl create data-image -f "$yaml"
  wait_until 10 nothing_left
}

case_a_backup_that_is_deleted_once_it_is_open() {
  says gone >"$work/files/gone.sql"; mkfifo "$work/files/gate"
  image_yaml gone 'sourceType: backup' 'initialDatabaseName: shop' 'backups: [gone.sql, gate]' >/dev/null
  "$work/spawnctl" create data-image -q -f "$work/files/gone.yaml" >/dev/null &
  local creating=$!
  exec 7>"$work/files/gate"
  rm "$work/files/gone.sql"
  echo 'select 1;' >&7; exec 7>&-
  wait "$creating"
  assert_eq "$(said_by gone)" gone
}

endless() { while echo 'select 1;'; do sleep 0.02; done; }
# A pipe that never ends: whoever gives up, or is killed, leaves nothing.
case_a_client_that_goes_while_it_sends() {
  local yaml creating; yaml=$(backup_yaml endless "{file: '-'}")
  receiving() { [[ -n $(find "/proc/$(daemon_pid)/fd" -lname "$state/builds/*" 2>/dev/null) ]]; }
  local signal
  for signal in KILL TERM; do  # INT is ignored by what a script puts into the background
    "$work/spawnctl" create data-image -q -f "$yaml" < <(endless 2>/dev/null) >/dev/null 2>"$work/err" &
    creating=$!
    wait_until 20 receiving
    kill "-$signal" "$creating"
    wait "$creating" && fail "it was made"
    wait_until 20 nothing_left
  done
  assert_error 2 endless -- ctl get data-image endless
}

# request METHOD TARGET BODY ANNOUNCED [KIND...]: the answer to a request that has descriptors of these kinds with it.
request() { python3 "$repo/tests/end_to_end/send_descriptors.py" "$socket" "$@"; }
image_of() { printf '{"name":"x","engine":"postgresql","sourceType":"backup","backups":[%s]}' "$1"; }

case_what_is_no_file() {
  local one kind; one=$(image_of '{"name":"x.sql","descriptor":0}')
  for kind in socket tcp device opath write; do
    assert_matches "$(request POST /v1/data-images "$one" 1 "$kind")" 'is not open for reading|is no file, folder or pipe'
  done
  for kind in proc sysfs procfolder; do
    assert_contains "$(request POST /v1/data-images "$one" 1 "$kind")" "one of the kernel's own files"
  done
  assert_contains "$(request POST /v1/data-images "$one" 1)" "announces 1, and 0 came"
  assert_contains "$(request POST /v1/data-images "$one" 2 file)" "announces 2, and 1 came"
  assert_contains "$(request POST /v1/data-images "$(image_of '{"name":"x.sql","descriptor":1}')" 1 file)" "there is no descriptor 1"
  assert_contains "$(request POST /v1/data-images "$(image_of '{"name":"a","descriptor":0},{"name":"b","descriptor":0}')" 1 file)" \
    "there is no descriptor 0 for backup 'b'"
  assert_contains "$(request POST /v1/data-images "$(image_of '{"name":"a","descriptor":0,"upload":"x"}')" 1 file)" "either a descriptor or an upload"
  assert_contains "$(request POST /v1/data-images "$(image_of '{"path":"/etc/shadow"}')" 0)" "names a path, and the daemon opens no files"
  assert_contains "$(request POST /v1/data-images "$(image_of '"/etc/shadow"')" 0)" "docs/openapi.yaml"
  # A thousand of them, and a hundred that nobody announced: the daemon is well and keeps none.
  request POST /v1/data-images "$one" 64 $(printf 'file %.0s' {1..1000}) >/dev/null
  assert_contains "$(request GET /v1/version '' '' $(printf 'file %.0s' {1..60}))" apiVersion
  files_kept() { [[ -z $(find "/proc/$(daemon_pid)/fd" -lname /etc/hostname 2>/dev/null) ]]; }
  wait_until 10 files_kept
}

case_uploads() {
  local id body answer url=http://localhost/v1/uploads
  says uploaded >"$work/files/u.sql"
  upload() { curl -s --unix-socket "$socket" "$@"; }
  id=$(upload -T "$work/files/u.sql" -X POST "$url?name=u.sql" | jq -r .id)
  answer=$(upload -H 'Transfer-Encoding: chunked' -T - -X POST "$url" < <(says chunked))
  assert_eq "$(jq -r .sizeBytes <<<"$answer")" "$(says chunked | wc -c)"
  body=$(printf '{"name":"uploaded","engine":"postgresql","sourceType":"backup","initialDatabaseName":"shop","backups":[{"name":"u.sql","upload":"%s"}]}' "$id")
  # Somebody else cannot use it, and is not told that it is there; nobody can a second time.
  assert_contains "$(ann curl -s --unix-socket "$socket" -d "$body" http://localhost/v1/data-images)" "there is no upload '$id'"
  assert_contains "$(upload -d "$body" http://localhost/v1/data-images)" '"result"'
  assert_eq "$(said_by uploaded)" uploaded
  assert_contains "$(upload -d "${body/uploaded/again}" http://localhost/v1/data-images)" "there is no upload '$id'"
  # Much more than fits into a request, or into memory that this may take.
  local before after
  before=$(awk '/VmHWM/ {print $2}' "/proc/$(daemon_pid)/status")
  answer=$(head -c 300M /dev/zero | upload -T - -X POST "$url")
  assert_eq "$(jq -r .sizeBytes <<<"$answer")" $((300 * 1024 * 1024))
  after=$(awk '/VmHWM/ {print $2}' "/proc/$(daemon_pid)/status")
  (( after - before < 60000 )) || fail "the daemon grew from $before to $after KiB"
  # A body that breaks off is none.
  curl -s --unix-socket "$socket" -T - -X POST "$url" < <(endless 2>/dev/null) >/dev/null &
  sleep 0.5; kill -9 $!; wait $! || true
  assert_contains "$(upload -T "$work/files/u.sql" -X POST "$url?nme=x")" "unknown query parameter 'nme'"
  assert_contains "$(upload -d '' -H 'Authorization: Bearer no' -X POST "$url")" unauthenticated
  # They are in no folder, and gone with the daemon.
  folder_empty "$state/builds" || fail "something has a name there"
  id=$(jq -r .id <<<"$answer")
  stop_daemon; start_daemon
  assert_contains "$(upload -d "$(image_of "{\"upload\":\"$id\"}")" http://localhost/v1/data-images)" "there is no upload"
}

write_config
start_daemon
run_cases "$@"
