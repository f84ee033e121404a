"""The service: restart, reload, stop and start, each with a client connected all along."""


def run(bench):
    with bench.check("systemctl restart: the client's session and the keepers stay"):
        bench.inside("""
          client_connects kept
          keeper=$(keeper_of kept) before=$(daemon)
          systemctl restart spawnd || fail "$(journalctl -n 20 -u spawnd)"
          [[ $(daemon) != "$before" ]] || fail 'it is the same daemon'
          expect 'the session' client_goes_on kept
          expect 'the keeper' equal "$(keeper_of kept)" "$keeper"
          expect 'the daemon knows it' equal "$(field kept .state)" running
        """)
    with bench.check("systemctl reload: the same daemon, with what spawnd.yaml now says"):
        bench.inside("""
          before=$(daemon)
          mkdir -p /etc/spawnd
          [[ ! -e /etc/spawnd/spawnd.yaml ]] || mv /etc/spawnd/spawnd.yaml /root/
          echo 'diskWarnPercent: 1' >/etc/spawnd/spawnd.yaml
          systemctl reload spawnd || fail "$(journalctl -n 20 -u spawnd)"
          warns() { spawnctl create data-container postgres-empty --name warned 2>&1 | grep -qi warning; }
          expect 'a warning of the disk' warns
          expect 'the same daemon' equal "$(daemon)" "$before"
          spawnctl delete data-container warned
          rm /etc/spawnd/spawnd.yaml
          [[ ! -e /root/spawnd.yaml ]] || mv /root/spawnd.yaml /etc/spawnd/
          systemctl reload spawnd
          expect 'the session' client_goes_on kept
        """)
    with bench.check("killed, the daemon comes back by itself"):
        bench.inside("""
          before=$(daemon)
          systemctl kill -s KILL --kill-whom=main spawnd
          another() { [[ $(daemon) != 0 && $(daemon) != "$before" ]] && spawnctl auth; }
          expect 'another daemon' wait_for 30 another
          expect 'the session' client_goes_on kept
        """)
    with bench.check("systemctl stop: the container goes on without a daemon, start finds it"):
        bench.inside("""
          keeper=$(keeper_of kept)
          systemctl stop spawnd.socket spawnd.service || fail 'stop'
          expect 'no daemon' equal "$(daemon)" 0
          expect 'the session' client_goes_on kept
          systemctl start spawnd.socket spawnd.service || fail "$(journalctl -n 20 -u spawnd)"
          expect 'the session' client_goes_on kept
          expect 'the keeper' equal "$(keeper_of kept)" "$keeper"
          expect 'the daemon knows it' equal "$(field kept .state)" running
          systemctl stop client-kept
        """)
    with bench.check("the socket alone starts it"):
        bench.inside("""
          systemctl stop spawnd.service
          expect 'an answer' spawnctl auth
          expect 'it runs' systemctl --quiet is-active spawnd.service
        """)
