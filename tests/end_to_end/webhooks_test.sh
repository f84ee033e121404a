#!/usr/bin/env bash
# Webhooks against a real HTTP server that fails, hangs and comes back: each event is taken once, in order, signed.
# shellcheck source=harness.sh
source "$(dirname "$0")/harness.sh"

port=$((first_port + 90))  # behind the containers' range below
secret="a secret with 'quotes'"

# receiver NAME PORT [CERTIFICATE KEY]: answers as $work/NAME/mode says.
receiver() {
  mkdir -p "$work/$1"; echo "${mode:-200}" >"$work/$1/mode"; touch "$work/$1/received"
  python3 "$repo/tests/end_to_end/webhook_receiver.py" "$work/$1" "${@:2}" >"$work/$1/log" 2>&1 &
  echo $! >"$work/$1/pid"
  disown
  wait_until 10 eval '(exec 3<>/dev/tcp/127.0.0.1/'"$2"') 2>/dev/null'
}
stop_receiver() { local pid; pid=$(<"$work/$1/pid"); kill -9 "$pid" 2>/dev/null || true; wait_until 10 process_gone "$pid"; }
mode() { echo "$2" >"$work/$1/mode"; }
# taken NAME: what it has taken, as `created started`; attempts NAME: what it was sent at all.
taken() { jq -r 'select(.answered == "200" or .answered == "201") | .body | fromjson | .event' "$work/$1/received" | xargs; }
attempts() { wc -l <"$work/$1/received"; }
has_taken() { [[ $(taken "$1") == "$2" ]]; }
forget() { : >"$work/$1/received"; }
newest() { ctl events -o json | tail -n 1 | jq .id; }

# webhooks LINE...: has the daemon read these.
webhooks() {
  write_config "$first_port-$((first_port + 80))"
  printf 'webhooks:\n' >>"$work/spawnd.yaml"
  printf '  - %s\n' "$@" >>"$work/spawnd.yaml"
}

case_each_event_is_sent_signed_and_in_order() {
  local id line body signature t
  make_container base hooked >/dev/null
  ctl save data-container -q hooked >/dev/null
  ctl delete data-container -q hooked
  wait_until 20 has_taken first "created started saved deleted"
  assert_eq "$(jq -r .path "$work/first/received" | sort -u)" "/in?key=not-for-logs"
  # As the manual says that one verifies it.
  while read -r line; do
    body=$(jq -r .body <<<"$line") signature=$(jq -r '.headers["X-Spawnd-Signature"]' <<<"$line")
    t=${signature#t=}; t=${t%%,*}
    right=$(printf '%s.%s' "$t" "$body" | openssl dgst -sha256 -hmac "$secret" -r | cut -d ' ' -f 1)
    [ "${signature##*v1=}" = "$right" ] || fail "the signature '$signature' of $body"
    (( t > $(date +%s) - 60 )) || fail "signed at $t"
    assert_eq "$(jq -r '.headers["X-Spawnd-Event-Id"]' <<<"$line")" "$(jq .id <<<"$body")"
    id=$(jq .id <<<"$body")
    assert_eq "$body" "$(ctl events --since $((id - 1)) --until "$id" -o json)"
  done <"$work/first/received"
  assert_lacks "$(<"$work/daemon.log")" "$secret"
  assert_lacks "$(<"$work/daemon.log")" not-for-logs
  # The process that sends is nobody.
  local pid; pid=$(pgrep -x spawnd-webhook --parent "$(daemon_pid)" | head -n 1)
  assert_eq "$(awk '/^Uid/ {print $2}' "/proc/$pid/status")" "$(id -u spawnd)"
  assert_eq "$(awk '/^Cap(Prm|Eff|Bnd)/ {print $2}' "/proc/$pid/status" | sort -u)" 0000000000000000
  assert_eq "$(awk '/^NoNewPrivs/ {print $2}' "/proc/$pid/status")" 1
}

case_what_fails_is_tried_again_and_harms_no_other() {
  forget first; forget second; forget third
  mode first 500; mode second hang
  local before; before=$(lines_of_log)
  make_container base failing >/dev/null
  wait_until 20 eval '(( $(attempts first) >= 2 && $(attempts second) >= 1 ))'
  assert_eq "$(jq -r '.headers["X-Spawnd-Event-Id"]' "$work/first/received" | sort -u | wc -l)" 1 "one after the other"
  # The daemon is none the slower, and neither is whoever takes what it is sent.
  wait_until 20 has_taken third "created started"
  said_since "$before" "is tried again: it answers 500" || fail "the log has no word of it"
  mode first 302
  wait_until 60 eval '[[ $(tail -n 1 "$work/first/received" | jq -r .answered) == 302 ]]'
  mode first 201  # two hundred kilobytes of answer
  wait_until 120 has_taken first "created started"
  assert_lacks "$(jq -r .path "$work/first/received")" elsewhere
  said_since "$before" "has taken event" || fail "the log does not say that it works again"
  mode second 200
  wait_until 120 has_taken second "created started"
}

case_a_receiver_that_is_away_while_the_daemon_is_restarted() {
  forget first
  stop_receiver first
  make_container base away >/dev/null
  kill_daemon
  start_daemon
  ctl delete data-container -q away
  stop_daemon
  start_daemon
  mode=200 receiver first "$port"
  wait_until 60 has_taken first "created started deleted"
  # And nothing again.
  # Of one that is killed the last may come twice: it was taken, and not yet noted.
  stop_daemon; start_daemon
  make_container base later >/dev/null
  wait_until 30 has_taken first "created started deleted created started"
}

case_what_is_refused_is_passed_over() {
  forget first
  mode first 404
  local before; before=$(lines_of_log)
  ctl delete data-container -q later
  wait_until 30 said_since "$before" "refuses event"
  mode first 200
  assert_eq "$(attempts first)" 3
  make_container base kept >/dev/null
  wait_until 20 has_taken first "created started"
}

case_filters_and_new_ones_by_reload() {
  local before; before=$(lines_of_log)
  webhooks "{name: first, url: 'http://127.0.0.1:$port/filtered', secretFile: $work/secret, filter: {event: [saved, deleted], type: container}}"
  printf 'of a file\n' >"$work/secret"
  reload "webhooks and limits of the disk are in force"
  forget first; forget third
  ctl save data-container -q kept >/dev/null
  ctl update data-container kept --lifetime 1h >/dev/null
  ctl delete data-container -q kept
  wait_until 20 has_taken first "saved deleted"
  local line signature
  line=$(tail -n 1 "$work/first/received") signature=$(jq -r '.headers["X-Spawnd-Signature"]' <<<"$line")
  t=${signature#t=}; t=${t%%,*}
  assert_eq "${signature##*v1=}" "$(printf '%s.%s' "$t" "$(jq -r .body <<<"$line")" | openssl dgst -sha256 -hmac 'of a file' -r | cut -d ' ' -f 1)"
  assert_eq "$(attempts third)" 0 "one that is not in the file any more"
  # A mistake changes nothing.
  webhooks "{url: 'gopher://127.0.0.1', secret: x}"
  reload "'url' must be one of http or https"
  make_container base again >/dev/null; ctl delete data-container -q again
  wait_until 20 has_taken first "saved deleted deleted"
}

case_https_is_verified() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
  chmod 0644 "$work/tls.crt"
  mode=200 receiver safe $((port + 3)) "$work/tls.crt" "$work/tls.key"
  local before; before=$(lines_of_log)
  webhooks "{name: trusts, url: 'https://127.0.0.1:$((port + 3))/trusts', secret: x, caFile: $work/tls.crt}" \
    "{name: doubts, url: 'https://127.0.0.1:$((port + 3))/doubts', secret: x}"
  reload "webhooks and limits of the disk are in force"
  make_container base tls >/dev/null
  wait_until 30 has_taken safe "created started"
  wait_until 20 said_since "$before" "webhook 'doubts': event"
  tail -n "+$before" "$work/daemon.log" | grep -q "doubts.*certificate" || fail "no word of the certificate"
  assert_eq "$(jq -r .path "$work/safe/received" | sort -u)" /trusts
  ctl delete data-container -q tls
}

# What went from the table before it was taken is said.
case_what_was_missed_is_said() {
  stop_receiver first
  webhooks "{name: first, url: 'http://127.0.0.1:$port/', secret: x}"
  reload "webhooks and limits of the disk are in force"
  make_container base missed >/dev/null
  stop_daemon
  python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("DELETE FROM events WHERE id < (SELECT max(id) FROM events)"); c.commit()' "$state/catalog.db"
  start_daemon
  mode=200 receiver first "$port"
  forget first
  wait_until 30 has_taken first "missed started"
  assert_eq "$(head -n 1 "$work/first/received" | jq -r '.body | fromjson | .to')" "$(($(newest) - 1))"
  ctl delete data-container -q missed
  wait_until 20 grep -q deleted "$work/first/received"
}

# The same of ids that are passed over, as after a catalog was lost (daemon/catalog/event_ids.h).
case_what_was_lost_is_said() {
  local last; last=$(newest)
  stop_daemon
  python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("INSERT INTO counters VALUES (?, ?)", ("events", int(sys.argv[2]))); c.commit()' \
    "$state/catalog.db" $((last + 1000))
  start_daemon
  forget first
  make_container base after >/dev/null
  wait_until 30 has_taken first "missed created started"
  assert_eq "$(head -n 1 "$work/first/received" | jq -r '.body | fromjson | .to')" $((last + 1000))
  assert_eq "$(sed -n 2p "$work/first/received" | jq -r '.headers["X-Spawnd-Event-Id"]')" $((last + 1001))
  ctl delete data-container -q after
}

extra_clean_up() { local name; for name in first second third safe; do kill -9 "$(cat "$work/$name/pid" 2>/dev/null)" 2>/dev/null || true; done; }
for number in 0 1 2; do
  names=(first second third)
  receiver "${names[number]}" $((port + number)) || exit 1
done
webhooks "{name: first, url: 'http://127.0.0.1:$port/in?key=not-for-logs', secret: \"$secret\", filter: {type: container}}" \
  "{name: second, url: 'http://127.0.0.1:$((port + 1))/', secret: x, filter: {type: container}}" \
  "{name: third, url: 'http://127.0.0.1:$((port + 2))/', secret: x, filter: {type: container}}"
start_daemon
make_items_image base
run_cases "$@"
