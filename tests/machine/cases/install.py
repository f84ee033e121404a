"""The installation: from `apt install` to the first row. Leaves the container `kept`, which all other parts find."""


def run(bench):
    with bench.check("apt installs it without a network"):
        bench.inside("""
          [[ $(ls /sys/class/net) == lo ]] || fail "there is a network: $(ls /sys/class/net)"
          cd /media/now
          DEBIAN_FRONTEND=noninteractive apt-get install -qqy ./spawnd_*.deb ./spawnctl_*.deb || fail 'apt-get'
        """)
    with bench.check("the first row comes within 60 s of that") as notes:
        output = bench.inside("""
          begin=$(date +%s%N)
          [[ $(spawnctl run --image postgres-empty -- psql -Atc 'select 1') == 1 ]] || fail 'no row'
          echo $((($(date +%s%N) - begin) / 1000000))
        """)
        notes.append(f"{int(output.splitlines()[-1]) / 1000:.1f} s inside")
        bench.expect(int(output.splitlines()[-1]) < 60000, output)
    with bench.check("service and socket are enabled and run, and the group is there"):
        bench.inside("""
          for unit in spawnd.socket spawnd.service; do
            expect "$unit runs" systemctl --quiet is-active $unit
            expect "$unit is enabled" systemctl --quiet is-enabled $unit
          done
          expect 'the group spawn' getent group spawn
          expect 'the socket is for that group' equal "$(stat -c %G:%a /run/spawnd/spawnd.sock)" spawn:660
          expect 'no unit failed' equal "$(systemctl --failed --plain --no-legend)" ''
        """)
    with bench.check("started ahead is nothing from here on: what follows counts servers, and an emulated processor is slow"):
        bench.inside("""
          nothing_ahead() { [[ $(spawnctl get pool -o json) == '[]' ]]; }
          mkdir -p /etc/spawnd && echo 'defaultWarm: 0' >/etc/spawnd/spawnd.yaml
          systemctl restart spawnd || fail "$(journalctl -n 20 -u spawnd)"
          expect 'what was started ahead goes' wait_for 60 nothing_ahead
        """)
    with bench.check("a container that stays"):
        bench.inside("""
          spawnctl create data-container postgres-empty --name kept -q || fail 'create'
          sql kept 'create table t(n int); insert into t select generate_series(1, 1000)' || fail 'rows'
        """)
