"""The file system of /var/lib/spawnd is full: it is said, nothing is lost, and room makes everything go on."""


def run(bench):
    with bench.check("a full disk: the daemon answers, and errors say what it is"):
        bench.inside("""
          client_connects kept
          room=$(($(stat -f -c %a /var/lib/spawnd) * $(stat -f -c %S /var/lib/spawnd)))
          fallocate -l $((room - 2097152)) /var/lib/spawnd/filler && cat /dev/zero >>/var/lib/spawnd/filler 2>/dev/null
          expect 'the daemon lists' spawnctl get data-container
          message=$(spawnctl create data-container postgres-empty --name refused 2>&1)
          expect 'exit code of a create' equal $? 5
          grep -qiE 'disk|space|full' <<<"$message" || fail "a create said: $message"
          # More than what the volume has of room in it: the server's file system gets an error, and so does its client.
          client_asks kept "create table big as select g, repeat(md5(g::text), 20) x from generate_series(1, 60000) g; checkpoint" >/dev/null
          grep -qE 'ERROR|FATAL|PANIC|lost' /run/client.kept/out || fail "the server said: $(tail -n 5 /run/client.kept/out)"
          expect 'the daemon answers' spawnctl get data-container kept
          expect 'the service runs' systemctl --quiet is-active spawnd.service
        """)
    with bench.check("with room again everything goes on, and nothing is lost"):
        bench.inside("""
          rm /var/lib/spawnd/filler
          expect 'it answers' wait_for 90 answers kept
          expect 'the rows' equal "$(sql kept 'select count(*) from t')" 1000
          sql kept 'drop table if exists big; create table big as select generate_series(1, 100000)' || fail 'no room yet'
          sql kept 'drop table big'
          spawnctl create data-container postgres-empty --name after -q || fail 'create'
          expect 'it answers' answers after
          spawnctl delete data-container after
          systemctl stop client-kept; true
        """)
