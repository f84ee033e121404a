#!/usr/bin/env bash
# docs/ci.md, run: its files are written as it says, and the commands that its CI systems call are carried out.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

page=$repo/docs/ci.md

# block AFTER: the first fenced block behind the line that holds AFTER.
block() {
  awk -v after="$1" '!found && index($0, after) { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next } inside' "$page"
}
# The commands of all CI systems on the page, each once: what stands behind run:, script: or in a script list.
ci_commands() { grep -oE '(run: |script: \[?)ci/[^]]*' "$page" | sed -E 's/^(run|script): \[?//' | sort -u; }

write_project() {
  mkdir -p "$work/project/ci" "$work/project/migrations" "$work/backups"
  cd "$work/project"
  local file
  for file in shop.yaml nightly-image.sh with-database.sh test.sh; do
    block "\`ci/$file\`" >"ci/$file"
    [[ -s ci/$file ]] || fail "docs/ci.md has no ci/$file"
  done
  chmod +x ci/*.sh
  sed -i "s|/var/backups/shop|$work/backups|" ci/shop.yaml
  cat >"$work/backups/masked.dump" <<'END'
create table customer (id int primary key, email text);
insert into customer select i, 'someone' || i || '@example.com' from generate_series(1, 500) i;
END
  echo "alter table customer add column colour text not null default 'red';" >migrations/1-colour.sql
}
left() { ctl get data-containers -o json | jq length; }

case_the_nightly_image() {
  cd "$work/project"
  ci/nightly-image.sh
  assert_eq "$(image_field shop:nightly status)" Completed
  local first; first=$(image_field shop:nightly id)
  ci/nightly-image.sh
  (( $(image_field shop:nightly id) > first )) || fail "the tag did not move to the newer image"
  assert_eq "$(image_field "shop:$(date +%Y-%m-%d)" id)" "$(image_field shop:nightly id)"
}

case_every_command_of_every_ci_system() {
  cd "$work/project"
  local command commands=0
  while read -r command; do
    # shellcheck disable=SC2086  # as the agent's shell does
    bash -euo pipefail -c "$command" || fail "'$command' failed"
    commands=$((commands + 1))
    assert_eq "$(left)" 0 "containers left by '$command'"
  done < <(ci_commands)
  assert_eq "$commands" 2 "different commands on the page"
}

case_a_failing_test_deletes_its_container_too() {
  cd "$work/project"
  assert_exit 3 ci/with-database.sh bash -c 'psql -X "$DATABASE_URL" -c "drop table customer" && exit 3'
  assert_eq "$(left)" 0
  ci/with-database.sh ci/test.sh
}

case_the_short_form() {
  cd "$work/project"
  local command; command=$(grep -oE '`spawnctl run [^`]*`' "$page" | tr -d '`')
  bash -euo pipefail -c "$command"
  assert_eq "$(left)" 0
}

case_save_and_reset_between_tests() {
  export name=suite
  make_container shop:nightly suite >/dev/null
  local commands; commands=$(block '## Tests that change data')
  bash -euo pipefail -c "$(grep save <<<"$commands")"
  sql suite '' 'delete from customer'
  bash -euo pipefail -c "$(grep reset <<<"$commands")"
  assert_eq "$(sql suite '' 'select count(*) from customer')" 500
  assert_eq "$(sql suite '' "select count(*) from customer where email like '%@example.com'")" 0 "unmasked"
}

write_config
start_daemon
export PATH=$work:$PATH
(set -e; write_project) || { echo "FAIL $suite: cannot write the project of docs/ci.md"; exit 1; }
run_cases "$@"
