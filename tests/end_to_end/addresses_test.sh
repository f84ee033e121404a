#!/usr/bin/env bash
# Where containers listen, and what their clients are told: an address of all, a name of the administrator's, an address
# that the machine does not have, or not yet; and ports, when there are few.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

# A network device of our own would need modules; the loopback one has any address that it is given.
far=198.18.$((RANDOM % 250)).$((RANDOM % 250 + 2))
give_address() { ip address add "$far/32" dev lo; }
take_address() { ip address del "$far/32" dev lo 2>/dev/null || true; }
extra_clean_up() { take_address; }

# serve_on LINE...: the daemon again, with these lines in its configuration.
serve_on() {
  stop_daemon
  write_config "${ports:-}"
  printf '%s\n' "$@" >>"$work/spawnd.yaml"
  start_daemon
}

case_all_addresses_are_reached_by_one() {
  make_image bare 'sourceType: empty' >/dev/null
  serve_on 'host: 0.0.0.0'
  make_container bare everywhere >/dev/null
  assert_contains "$(ctl get data-container everywhere -o url)" "@127.0.0.1:"
  assert_eq "$(field everywhere host)" 127.0.0.1
  answers everywhere || fail "that is not where it is"
  give_address
  assert_eq "$(PGPASSWORD=$(field everywhere password) psql -XAtq -h "$far" -p "$(field everywhere port)" -U "$(field everywhere user)" -d postgres -c 'select 1')" 1
  take_address
  ctl delete data-container -q everywhere
}

case_a_name_of_the_administrators() {
  serve_on 'host: 0.0.0.0' 'advertiseHost: localhost'
  make_container bare named >/dev/null
  assert_contains "$(ctl get data-container named -o url)" "@localhost:"
  assert_contains "$(ctl get data-container named -o env)" "PGHOST=localhost"
  answers named || fail "that is not where it is"
  ctl delete data-container -q named
  # What clients are told is what they verify.
  serve_on 'host: 0.0.0.0' 'advertiseHost: db.example.org'
  make_container bare certified >/dev/null
  assert_eq "$(field certified host)" db.example.org
  local names
  names=$(openssl s_client -starttls postgres -connect "127.0.0.1:$(field certified port)" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName)
  assert_contains "$names" "DNS:db.example.org"
  assert_contains "$names" "IP Address:127.0.0.1"
  ctl delete data-container -q certified
}

case_no_name_at_all() {
  local name
  for name in 'a b' 'http://x' '-x' ':::' ''; do
    write_config; echo "advertiseHost: '$name'" >>"$work/spawnd.yaml"
    assert_exit 64 "$spawnd" serve --state-dir "$work/none" --socket "$work/none.sock" --config "$work/spawnd.yaml"
    assert_contains "$err" "advertiseHost"
  done
}

case_an_address_that_is_not_this_machines() {
  serve_on "host: $far"
  assert_error 75 "$far is no address of this machine" "spawnd.yaml" -- ctl create data-container -i bare -n nowhere
  assert_lacks "$err" "no free port"
  assert_contains "$("$spawnd" doctor --state-dir "$state" --config "$work/spawnd.yaml" 2>&1 || true)" "$far is no address of this machine"
  # Images are made on the loopback address all the same.
  assert_exit 0 make_image other 'sourceType: empty' 'initialDatabaseName: shop'
}

# Its door is bound all the same, and so is the server: once the address is there, it works.
case_an_address_that_comes_late() {
  local kind
  for kind in mariadb redis; do
    sed -i "s/^engine: .*/engine: $kind/" "$(image_yaml "late-$kind" 'sourceType: empty')"
    assert_exit 0 ctl create data-image -q -f "$work/files/late-$kind.yaml"
  done
  give_address
  make_container bare late >/dev/null
  for kind in mariadb redis; do make_container "late-$kind" "of-$kind" >/dev/null; done
  stop_daemon
  local pid; for pid in $(keepers); do kill -9 "$pid" 2>/dev/null || true; done
  take_address
  start_daemon
  all_run() { [[ $(field late state)$(field of-mariadb state)$(field of-redis state) == runningrunningrunning ]]; }
  wait_until 60 all_run
  ! answers late || fail "there is no such address"
  give_address
  wait_until 10 answers late
  local address
  for kind in mariadb redis; do
    address=$far/$(field "of-$kind" port)
    timeout 5 bash -c "exec 3<>/dev/tcp/$address" || fail "$kind is not reached"
  done
  clean_slate
  take_address
}

case_a_port_right_after_a_delete() {
  ports=$first_port-$((first_port + 2)) serve_on
  local n
  for n in 1 2 3; do make_container bare "of-three-$n" >/dev/null; done
  assert_error 5 "no free port" -- ctl create data-container -i bare -n of-three-4
  for n in 1 2 3; do
    ctl delete data-container -q "of-three-$n"
    assert_exit 0 ctl create data-container -q -i bare -n "again-$n"
  done
  # A build needs one as well.
  ctl delete data-container -q again-1
  echo 'create table t ();' >"$work/files/t.sql"
  assert_exit 0 make_image with-port 'sourceType: backup' 'backup: {file: t.sql}'
}

write_config
start_daemon
run_cases "$@"
