#!/bin/bash
# SQL Server without SQL Server, which cannot be had here: what the daemon does up to the first line of sqlservr. A script
# in its place says how it was started. The rest is conformance_test.sh's, wherever there is a real one.
source "$(dirname "$0")/harness.sh"

mkdir -p "$work/stand-in/bin"
cat >"$work/stand-in/bin/sqlservr" <<'END'
#!/bin/sh
if [ "$1" = -v ]; then echo 'Microsoft (R) SQL Server (R) version 16.0.4135.4'; exit 0; fi
touch /var/opt/mssql/written || exit 1
echo "started as $(id -un) in $(pwd) with $* | eula $ACCEPT_EULA | port $MSSQL_TCP_PORT | password ${#MSSQL_SA_PASSWORD} |" \
  "data of $(stat -c %U /var/opt/mssql) | program $0"
exit 1
END
chmod 0755 "$work/stand-in" "$work/stand-in/bin" "$work/stand-in/bin/sqlservr"
write_config
sed -i "s#^engineSearchPaths: \[#&$work/stand-in, #" "$work/spawnd.yaml"
start_daemon
printf 'name: shop\nengine: sqlserver\nversion: 2022\nsourceType: empty\n' >"$work/files/shop.yaml"
engine_row() { ctl get engines -o json | jq -c '.[] | select(.engine == "mssql") | [.version, .usable]'; }

case_nothing_starts_before_the_licence_is_accepted() {
  assert_eq "$(engine_row)" '["16.0.4135.4",false]'
  assert_error 64 'licence is not accepted' 'acceptMssqlEula: true' -- ctl create data-image -f "$work/files/shop.yaml"
}

case_accepted_it_runs_in_its_own_places_as_the_engine_user() {
  stop_daemon
  echo 'acceptMssqlEula: true' >>"$work/spawnd.yaml"
  start_daemon
  assert_eq "$(engine_row)" '["16.0.4135.4",true]'
  local there=0; [[ ! -e /var/opt/mssql ]] || there=1
  assert_error 69 'started as spawnd in /var/opt/mssql with --accept-eula --setup --reset-sa-password' 'eula y' \
    'password 16' 'data of spawnd' 'program /opt/mssql/bin/sqlservr' -- ctl create data-image -f "$work/files/shop.yaml"
  [[ $err =~ port\ ([0-9]+) ]] && (( BASH_REMATCH[1] >= first_port && BASH_REMATCH[1] < first_port + 100 )) ||
    fail "no port of this daemon's: $err"
  (( there )) || [[ ! -e /var/opt/mssql ]] || fail "/var/opt/mssql was made on the host"
  [[ ! -e /var/opt/mssql/written ]] || fail "it wrote on the host"
  assert_eq "$(ctl get data-images -o json)" '[]'
}

case_another_year_is_not_this_one() {
  sed -i 's/2022/2019/' "$work/files/shop.yaml"
  assert_error 64 'mssql 2019 is not installed (installed: 16.0.4135.4)' -- ctl create data-image -f "$work/files/shop.yaml"
}

run_cases "$@"
