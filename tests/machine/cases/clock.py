"""The clock jumps a month ahead, over a restart too, and back: nothing is deleted that has not asked for it."""


def run(bench):
    # Units of systemd that a month makes due start meanwhile; that is the machine's own affair.
    with bench.check("a month ahead and back: nothing is deleted"):
        bench.inside("""
          spawnctl create data-container postgres-empty --name long --lifetime 60d -q || fail 'create'
          all() { spawnctl get data-container -o json | jq -rc '[.[].name] | sort'; }
          before=$(all)
          images=$(spawnctl get data-image -o json)
          for jump in '+1 month' '-1 month'; do
            date -s "$jump" >/dev/null
            expect 'the daemon answers' spawnctl auth
            # The daemon looks at what is due once a minute, and at its start.
            systemctl restart spawnd || fail "$(journalctl -n 20 -u spawnd)"
            expect "all are there after $jump" equal "$(all)" "$before"
            expect "the images after $jump" equal "$(spawnctl get data-image -o json)" "$images"
            expect 'it answers' answers kept
            expect 'a certificate is good' equal "$(spawnctl connect kept -- -Atc 'select 2')" 2
          done
          spawnctl delete data-container long || fail 'delete'
        """)
