#!/usr/bin/env bash
# Clients verify servers: with what -o env prints, each server has a key of its own, and an image may ask for TLS alone.
source "$(dirname "$0")/harness.sh"

# The environment of a container, for the rest of the case.
use() { eval "$(ctl get data-container "$1" -o env | sed 's/^/export /')"; }
field() { ctl get data-container "$1" --format "{{.$2}}"; }

case_start() {
  # Every address of 127.0.0.0/8 is this machine's, and none but the first is in a certificate by itself.
  write_config; echo 'host: 127.0.0.5' >>"$work/spawnd.yaml"
  start_daemon
  # What a client would trust that has another daemon's authority.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=spawnd on elsewhere' -days 2 \
    -keyout "$work/other.key" -out "$work/other.crt" 2>/dev/null
}

case_get_ca_prints_what_everybody_may_read() {
  assert_exit 0 ctl get ca
  assert_contains "$out" "BEGIN CERTIFICATE"
  assert_lacks "$out" "PRIVATE"
  local ca=$out
  assert_eq "$(setpriv --reuid=65534 --regid=65534 --clear-groups cat "$state/tls/ca.crt")" "$ca"
  assert_eq "$(ctl get ca --format '{{.path}}')" "$state/tls/ca.crt"
  setpriv --reuid=65534 --regid=65534 --clear-groups cat "$state/tls/ca.key" 2>/dev/null && fail "the key of the authority can be read"
  assert_matches "$(openssl x509 -noout -subject <<<"$ca")" 'spawnd on '
}

case_verify_full_works_with_what_env_prints() {
  ctl create data-container --image postgres-empty:15 --name a >/dev/null
  use a
  assert_eq "$PGSSLROOTCERT" "$(field a caCertificate)"
  assert_eq "$(psql -XAt "$DATABASE_URL?sslmode=verify-full" -c 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" t
  # Variables alone, and without being asked for.
  assert_eq "$(PGSSLMODE=verify-full psql -XAtc 'select 1')" 1
  assert_eq "$(psql -XAtc 'select 1')" 1
  assert_exit 2 psql -X "$DATABASE_URL?sslmode=verify-full&sslrootcert=$work/other.crt" -c 'select 1'
  assert_contains "$err" "certificate verify failed"
}

case_connect_verifies() {
  assert_eq "$(ctl connect a -- -XAtc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" t
  cp "$state/tls/ca.crt" "$work/kept.crt"
  cp "$work/other.crt" "$state/tls/ca.crt"
  local code=0; ctl connect a -- -XAtc 'select 1' >/dev/null 2>&1 || code=$?
  cp "$work/kept.crt" "$state/tls/ca.crt"
  assert_eq "$code" 2 "exit code with another authority"
  ctl connect a -- -XAtc 'select 1' >/dev/null
}

# As in a job's container that has the daemon's socket and nothing else of it.
case_connect_verifies_where_the_file_is_not() {
  local elsewhere="mount -t tmpfs none $state/tls && exec \"\$0\" \"\$@\""
  assert_eq "$(unshare --mount --propagation private sh -c "$elsewhere" "$work/spawnctl" connect a -- -XAtc \
    'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" t
}

case_the_certificate_names_the_address() {
  local names
  names=$(openssl s_client -connect "127.0.0.5:$(field a port)" -starttls postgres </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName)
  for name in 'IP Address:127.0.0.5' 'IP Address:127.0.0.1' DNS:localhost "DNS:$(uname -n)"; do assert_contains "$names" "$name"; done
}

case_each_server_has_a_key_of_its_own() {
  ctl create data-container --image postgres-empty:15 --name b >/dev/null
  local key_a key_b
  key_a=$(ctl connect a -- -XAtc "select pg_read_file('/run/spawnd/tls/server.key')")
  key_b=$(ctl connect b -- -XAtc "select pg_read_file('/run/spawnd/tls/server.key')")
  assert_contains "$key_a" "PRIVATE KEY"
  [[ $key_a != "$key_b" ]] || fail "two containers have one key"
  [[ $key_a != $(<"$state/tls/ca.key") ]] || fail "a container has the authority's key"
  ctl delete data-container b >/dev/null
}

case_mariadb_verifies_with_what_env_prints() {
  ctl create data-container --image mariadb-empty --name m >/dev/null
  use m
  # As a client of 11.4 or later does by itself.
  local ask=(mariadb --protocol=tcp -h "$MYSQL_HOST" -u "$MYSQL_USER" --ssl-verify-server-cert -N -e "show status like 'Ssl_cipher'")
  assert_matches "$("${ask[@]}")" 'Ssl_cipher.*[A-Z]'
  assert_matches "$(env -u MYSQL_HOME mariadb --ssl-ca="$MYSQL_SSL_CA" "${ask[@]:1}")" 'Ssl_cipher.*[A-Z]'
  assert_exit 1 env -u MYSQL_HOME "${ask[@]}"
  assert_exit 1 env -u MYSQL_HOME mariadb --ssl-ca="$work/other.crt" "${ask[@]:1}"
  assert_matches "$(ctl connect m -- -N -e "show status like 'Ssl_cipher'")" 'Ssl_cipher.*[A-Z]'
}

# tls_image NAME ENGINE: an empty one that takes nothing else, and a container of it.
tls_container() {
  printf 'name: tls-%s\nengine: %s\nsourceType: empty\ntls: true\n' "$1" "$2" >"$work/tls.yaml"
  ctl create data-image -f "$work/tls.yaml" >/dev/null
  ctl create data-container --image "tls-$1" --name "$1" >/dev/null
}

case_a_redis_that_takes_tls_only() {
  tls_container r redis
  use r
  assert_matches "$REDIS_URL" '^rediss://'
  local ask=(redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT")
  assert_eq "$("${ask[@]}" --tls --cacert "$REDIS_CACERT" ping)" PONG
  assert_exit 1 "${ask[@]}" --tls --cacert "$work/other.crt" ping
  assert_contains "$err" "certificate verify failed"
  assert_lacks "$("${ask[@]}" ping 2>&1)" PONG
  assert_eq "$(ctl connect r -- ping)" PONG
  # A save, a reset and an image of it keep it so.
  "${ask[@]}" --tls --cacert "$REDIS_CACERT" set k v >/dev/null
  ctl save data-container r >/dev/null
  ctl reset data-container r >/dev/null
  assert_eq "$(ctl connect r -- ping)" PONG
  ctl graduate data-container r --name tls-r2 >/dev/null
  assert_eq "$(ctl get data-image tls-r2 --format '{{.tls}}')" true
  assert_lacks "$(redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" ping 2>&1)" PONG
}

case_others_that_take_tls_only() {
  tls_container p postgresql
  use p
  assert_eq "$(psql -XAt "$DATABASE_URL?sslmode=verify-full" -c 'select 1')" 1
  assert_exit 2 psql -X "$DATABASE_URL?sslmode=disable" -c 'select 1'
  assert_contains "$err" "no encryption"
  tls_container m2 mariadb
  use m2
  assert_matches "$(mariadb --protocol=tcp -h "$MYSQL_HOST" -u "$MYSQL_USER" -N -e "show status like 'Ssl_cipher'")" 'Ssl_cipher.*[A-Z]'
  assert_exit 1 env -u MYSQL_HOME mariadb --skip-ssl --protocol=tcp -h "$MYSQL_HOST" -u "$MYSQL_USER" -e 'select 1'
  # The other one, which offers TLS, takes such a client.
  use m
  assert_eq "$(env -u MYSQL_HOME mariadb --skip-ssl --protocol=tcp -h "$MYSQL_HOST" -u "$MYSQL_USER" -N -e 'select 1')" 1
}

case_the_authority_outlives_the_daemon() {
  local before; before=$(ctl get ca)
  stop_daemon
  start_daemon
  assert_eq "$(ctl get ca)" "$before"
  use a
  assert_eq "$(psql -XAt "$DATABASE_URL?sslmode=verify-full" -c 'select 1')" 1
}

case_end() {
  local name
  for name in a m r p m2; do ctl delete data-container "$name" >/dev/null; done
}

run_cases "$@"
