#!/usr/bin/env bash
# The disk fills up while an image is built: an error that says so, nothing left, and the daemon goes on.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

case_disk_full_during_build() {
  make_image before 'sourceType: empty' >/dev/null
  # 800 MB of table from three lines of dump; stored as it is, so that filling the disk costs little else.
  cat >"$work/files/big.sql" <<'END'
create table big (id int, noise text);
alter table big alter noise set storage external;
insert into big select i, repeat(md5(i::text), 250) from generate_series(1, 100000) i;
END
  local before
  before=$(free_kib)
  assert_error 5 "space" -- ctl create data-image -f "$(image_yaml big 'sourceType: backup' 'initialDatabaseName: shop' 'backup: {file: big.sql}')"
  wait_until 20 folder_empty "$state/builds"
  assert_eq "$(find "$state" -name '*.tmp')" "" "temporary files"
  assert_eq "$(keepers)" "" "keepers"
  given_back() { (( $(free_kib) > before - 8192 )); }
  wait_until 10 given_back
}

case_the_daemon_goes_on() {
  make_container before after-the-flood
  assert_eq "$(sql after-the-flood postgres 'select 1')" 1
}

write_config
small_disk 450M
start_daemon
run_cases "$@"
