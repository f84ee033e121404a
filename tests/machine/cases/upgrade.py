"""The package is upgraded: same tree, higher version, a client connected all along."""


def run(bench):
    with bench.check("dpkg upgrades it: new daemon, the client's session and the keeper stay"):
        bench.inside("""
          client_connects kept
          keeper=$(keeper_of kept) before=$(daemon) old=$(dpkg-query -Wf '${Version}' spawnd)
          DEBIAN_FRONTEND=noninteractive dpkg -i /media/newer/*.deb || fail 'dpkg'
          dpkg --compare-versions "$(dpkg-query -Wf '${Version}' spawnd)" gt "$old" || fail 'no higher version'
          another() { [[ $(daemon) != 0 && $(daemon) != "$before" ]] && spawnctl auth; }
          expect 'another daemon' wait_for 30 another
          expect 'the session' client_goes_on kept
          expect 'the keeper' equal "$(keeper_of kept)" "$keeper"
          expect 'the daemon knows it' equal "$(field kept .state)" running
          expect 'no unit failed' equal "$(systemctl --failed --plain --no-legend)" ''
        """)
    with bench.check("an upgraded daemon creates, and deletes what an older one has made"):
        bench.inside("""
          systemctl stop client-kept
          spawnctl create data-container postgres-empty --name new -q || fail 'create'
          expect 'it answers' answers new
          spawnctl delete data-container new || fail 'delete'
          expect 'the rows are there' equal "$(sql kept 'select count(*) from t')" 1000
        """)
