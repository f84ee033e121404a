#!/usr/bin/env bash
source "$(dirname "$0")/harness.sh"
case_latency() {
  make_image e 'sourceType: empty' 'version: 15' >/dev/null
  for i in $(seq 1 "${COUNT:-40}"); do
    ctl create data-container -i e -n "c$i" -o json | jq -c '[.readyMilliseconds, .timings.catalog, .timings.commit]' >>"$work/t"
    ctl delete data-container -q "c$i"
  done
  jq -s 'def med: sort | .[length/2|floor]; {ready: (map(.[0])|med), catalog: (map(.[1])|med), commit: (map(.[2])|med), readyMin: (map(.[0])|min), catalogMin: (map(.[1])|min), commitMin: (map(.[2])|min)}' "$work/t" -c >>/tmp/events_latency
}
write_config; start_daemon; run_cases "$@"
