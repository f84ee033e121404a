#!/usr/bin/env bash
# Metrics: in both formats by the word of programs that no one here wrote, and the numbers by what has really happened.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

promtool=$repo/.deps/promtool/promtool
[[ -x $promtool ]] || { echo "FAIL metrics: $promtool is missing: ./dev setup"; exit 1; }
checker=$repo/tests/end_to_end/metrics_names.py

# promtool_agrees FILE: no error, and nothing that its linter would do better.
promtool_agrees() {
  assert_exit 0 "$promtool" check metrics <"$1"
  "$promtool" check metrics <"$1" >"$work/lint" 2>&1 || fail "promtool: $(<"$work/lint")"
  assert_eq "$(<"$work/lint")" "" "promtool's words"
}
scrape() { curl -sS --max-time 20 --unix-socket "$socket" "$@"; }
# value SERIES [FILE]: as it is written, labels in their order; 0 when it is not there.
value() {
  local file=${2:-}
  if [[ -z $file ]]; then file=$work/now.prom; ctl metrics >"$file"; fi
  awk -v series="$1" 'index($0, series " ") == 1 { found = substr($0, length(series) + 2) } END { print found == "" ? 0 : found }' "$file"
}
is_value() { [[ $(value "$1") == "$2" ]]; }

case_both_formats_are_right_and_say_what_they_are() {
  ctl create data-container -q -i shop -n formats >/dev/null
  ctl metrics --containers >"$work/text.prom"
  promtool_agrees "$work/text.prom"
  assert_eq "$(tail -n 1 "$work/text.prom")" "# EOF"
  assert_matches "$(scrape -D - -o /dev/null http://localhost/v1/metrics)" 'Content-Type: text/plain; version=0.0.4; charset=utf-8'
  ctl metrics --containers --openmetrics >"$work/open.txt"
  /usr/bin/python3 "$checker" openmetrics "$work/open.txt"
  assert_matches "$(scrape -D - -o /dev/null -H 'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5' \
    http://localhost/v1/metrics)" 'Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8'
  assert_error 64 'nothing that metrics understand' -- bad_query
  ctl delete data-container -q formats
}
bad_query() {
  local answer; answer=$(scrape 'http://localhost/v1/metrics?containers=perhaps')
  jq -r .error.message <<<"$answer" >&2
  [[ $(jq -r .error.code <<<"$answer") != invalid_argument ]] || return 64
}

case_the_page_and_the_dashboard_name_what_there_is() {
  ctl create data-container -q -i shop -n names >/dev/null
  ctl metrics --containers >"$work/all.prom"
  /usr/bin/python3 "$checker" page "$repo/docs/metrics.md" "$work/all.prom"
  /usr/bin/python3 "$checker" dashboard "$repo/packaging/grafana/spawnd.json" "$work/all.prom" >"$work/rules.yml"
  assert_exit 0 "$promtool" check rules "$work/rules.yml"
  ctl delete data-container -q names
}

case_what_happened_is_counted() {
  ctl metrics >"$work/before.prom"
  local create='verb="create",resource="data-container"' save='verb="save",resource="data-container"'
  ctl create data-container -q -i shop -n counted >/dev/null
  ctl save data-container -q counted
  ctl reset data-container -q counted
  assert_exit 2 ctl delete data-container no-such-container
  assert_exit 2 ctl create data-container -i no-such-image
  ctl metrics >"$work/after.prom"
  more() { assert_eq "$(($(value "$1" "$work/after.prom") - $(value "$1" "$work/before.prom")))" "$2" "$1"; }
  more "spawnd_changes_total{$create,outcome=\"done\"}" 1
  more "spawnd_changes_total{$create,outcome=\"not_found\"}" 1
  more "spawnd_changes_total{$save,outcome=\"done\"}" 1
  more 'spawnd_changes_total{verb="reset",resource="data-container",outcome="done"}' 1
  more 'spawnd_changes_total{verb="delete",resource="data-container",outcome="not_found"}' 1
  more 'spawnd_errors_total{code="not_found"}' 2
  more 'spawnd_container_create_duration_seconds_count{engine="postgresql"}' 1
  more 'spawnd_container_create_duration_seconds_bucket{engine="postgresql",le="+Inf"}' 1
  more "spawnd_change_duration_seconds_count{$save}" 1
  more 'spawnd_http_requests_total{method="DELETE",route="/v1/data-containers/{ref}",status="404"}' 1
  more 'spawnd_containers{engine="postgresql",state="running"}' 1
  more 'spawnd_connections_refused_total' 0
  # What the histogram has added up is what `get` says of that container, in seconds.
  local sum ready
  sum=$(awk -v a="$(value 'spawnd_container_create_duration_seconds_sum{engine="postgresql"}' "$work/before.prom")" \
    -v b="$(value 'spawnd_container_create_duration_seconds_sum{engine="postgresql"}' "$work/after.prom")" 'BEGIN { print b - a }')
  ready=$(field counted readyMilliseconds)
  awk -v s="$sum" -v r="$ready" 'BEGIN { exit !(s * 1000 > r - 20 && s * 1000 < r + 20) }' || fail "$sum s are not $ready ms"
  # A followed stream that fails is an error although its status is 200.
  printf 'insert into nowhere values (1);\n' >"$work/files/bad.sql"
  assert_exit 64 ctl create data-image -f "$(image_yaml bad 'sourceType: backup' 'backup: {file: bad.sql}')"
  is_value 'spawnd_changes_total{verb="create",resource="data-image",outcome="invalid_argument"}' 1
  is_value 'spawnd_image_build_failures_total{code="invalid_argument"}' 1
  ctl delete data-container -q counted
}

case_a_path_that_is_not_there_makes_no_series_of_its_own() {
  for path in /x /v1/y /v1/data-containers/a/b/c; do scrape -X PUT "http://localhost$path" >/dev/null; done
  scrape -X BREW http://localhost/v1/version >/dev/null || true
  ctl metrics >"$work/paths.prom"
  assert_lacks "$(<"$work/paths.prom")" '/v1/y'
  (( $(value 'spawnd_http_requests_total{method="other",route="other",status="404"}' "$work/paths.prom") >= 3 )) || fail "not counted"
}

case_a_server_that_dies_is_counted_and_so_is_its_return() {
  ctl create data-container -q -i shop -n mortal >/dev/null
  local id exits restarts; id=$(field mortal id)
  exits=$(value 'spawnd_engine_exits_total{engine="postgresql"}')
  restarts=$(value 'spawnd_engine_restarts_total{engine="postgresql"}')
  kill -9 "$(keeper_pid "$id")"
  wait_until 20 is_value 'spawnd_engine_restarts_total{engine="postgresql"}' $((restarts + 1))
  wait_until 20 answers mortal
  assert_eq "$(value 'spawnd_engine_exits_total{engine="postgresql"}')" $((exits + 1))
  ctl delete data-container -q mortal
}

case_bytes_are_those_of_du() {
  ctl create data-container -q -i shop -n bytes >/dev/null
  sql bytes shop 'create table filler as select repeat(md5(i::text), 30) from generate_series(1, 20000) i; checkpoint' >/dev/null
  same_as_du() {
    ctl metrics >"$work/bytes.prom"
    local deltas layers
    deltas=$(find "$state/containers" -type f -printf '%b\n' | awk '{ sum += $1 * 512 } END { print sum + 0 }')
    layers=$(find "$state/store/layers" -type f -printf '%b\n' | awk '{ sum += $1 * 512 } END { print sum + 0 }')
    (( $(value 'spawnd_store_bytes{kind="deltas"}' "$work/bytes.prom") == deltas && deltas > 20000000 )) || return 1
    (( $(value 'spawnd_store_bytes{kind="layers_shared"}' "$work/bytes.prom") +
       $(value 'spawnd_store_bytes{kind="layers_unique"}' "$work/bytes.prom") == layers ))
  }
  wait_until 20 same_as_du  # the engine may write in between
  ctl delete data-container -q bytes
}

# As a member of the socket's group, who has no account; his rights are those of any.
member() { setpriv --reuid 64191 --regid 64191 --groups "$spawn_gid" "$work/spawnctl" "$@"; }
case_everybody_reads_and_nobody_reads_of_others() {
  ctl create data-container -q -i shop -n of-root >/dev/null
  member create data-container -q -i postgres-empty -n of-member >/dev/null
  member metrics >"$work/member.prom"
  assert_eq "$(value 'spawnd_containers{engine="postgresql",state="running"}' "$work/member.prom")" 2
  assert_lacks "$(<"$work/member.prom")" of-
  member metrics --containers >"$work/member.prom"
  assert_contains "$(<"$work/member.prom")" 'name="of-member"'
  assert_lacks "$(<"$work/member.prom")" of-root
  ctl metrics --containers >"$work/root.prom"
  assert_contains "$(<"$work/root.prom")" 'name="of-member"'
  assert_contains "$(<"$work/root.prom")" 'name="of-root"'
  local narrow looking
  narrow=$(ctl create access-token --image shop | awk '{ print $NF }')
  looking=$(ctl create access-token --read-only | awk '{ print $NF }')
  assert_error 1 'some images' -- ctl metrics --accessToken "$narrow"
  ctl metrics --accessToken "$looking" | grep -qF spawnd_build_info
  ctl delete data-container -q of-root
  member delete data-container -q of-member
}
case_prometheus_can_scrape_spawnctl() {
  "$work/spawnctl" metrics --listen 127.0.0.1:0 >"$work/listen.out" 2>"$work/listen.err" &
  local pid=$! url
  echo "$pid" >"$work/listen.pid"
  announced() { grep -q http "$work/listen.out"; }
  wait_until 10 announced
  url=$(grep -oE 'http://127.0.0.1:[0-9]+/metrics' "$work/listen.out")
  curl -sS --max-time 20 "$url" >"$work/scraped.prom"
  promtool_agrees "$work/scraped.prom"
  curl -sS --max-time 20 -H 'Accept: application/openmetrics-text; version=1.0.0' "$url" >"$work/scraped.txt"
  /usr/bin/python3 "$checker" openmetrics "$work/scraped.txt"
  assert_matches "$(curl -sS -I --max-time 20 "$url")" '200 OK.*text/plain; version=0.0.4'
  assert_eq "$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 "${url%metrics}")" 404
  assert_eq "$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 -X POST "$url")" 405
  # Who says nothing keeps nobody waiting for long.
  local port=${url#*:*:}; port=${port%%/*}
  exec 9<>"/dev/tcp/127.0.0.1/$port"
  assert_eq "$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 "$url")" 200
  exec 9>&-
  stop_daemon
  assert_eq "$(curl -s -o "$work/gone" -w '%{http_code}' --max-time 20 "$url")" 503
  assert_contains "$(<"$work/gone")" 'cannot reach spawnd'
  start_daemon
  assert_eq "$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 "$url")" 200
  kill -TERM "$pid"
  wait "$pid" || fail "exit code $? after SIGTERM: $(<"$work/listen.err")"
  assert_error 64 'no address with a port' -- ctl metrics --listen 9180
}

case_the_units_do_what_they_say() {
  local unit=$repo/packaging/prometheus/spawnd-metrics.service script
  mkdir "$work/collector"
  # The command of the unit, with this test's folder and spawnctl.
  script=$(sed -n "/^ExecStart=/,/fi'\$/p" "$unit" | sed -e "1s/^ExecStart=.bin.sh -c '//" -e "\$s/'\$//" -e 's/\\$//')
  script=${script//\/var\/lib\/prometheus\/node-exporter/$work\/collector}
  PATH=$work:$PATH sh -c "$script"
  promtool_agrees "$work/collector/spawnd.prom"
  assert_eq "$(stat -c %a "$work/collector/spawnd.prom")" 644
  SPAWNCTL_API_ENDPOINT=unix:///nowhere PATH=$work:$PATH sh -c "$script" 2>/dev/null
  assert_eq "$(ls -A "$work/collector")" "" "after the daemon has gone"
  command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
  mkdir "$work/units"
  for file in "$repo"/packaging/prometheus/*; do sed "s#/usr/bin/spawnctl#$work/spawnctl#" "$file" >"$work/units/${file##*/}"; done
  assert_exit 0 systemd-analyze verify --man=no "$work/units/spawnd-metrics.service" "$work/units/spawnd-metrics.timer" "$work/units/spawnd-metrics-listen.service"
}

case_a_quota_that_refuses_is_counted() {
  write_config; echo 'quotas: {containers: 1}' >>"$work/spawnd.yaml"
  reload 'was read again'
  member create data-container -q -i postgres-empty -n first >/dev/null
  assert_exit 75 member create data-container -q -i postgres-empty -n second
  is_value 'spawnd_quota_refusals_total{quota="containers"}' 1
  member delete data-container -q first
}

extra_clean_up() { if [[ -f $work/listen.pid ]]; then kill -9 "$(<"$work/listen.pid")" 2>/dev/null || true; fi; }
spawn_gid=$(getent group spawn | cut -d: -f3)
write_config
start_daemon
make_items_image shop
run_cases "$@"
