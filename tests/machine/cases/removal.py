"""The packages are removed, which keeps data, and purged, which leaves nothing."""

# What spawnd has running, mounted or attached.
LEFT = """
  left() {
    pgrep -af 'spawnd|postgres|redis-server' | grep -v journal
    grep -E 'spawnd|fuse\\.' /proc/self/mounts | grep -v ' /var/lib/spawnd '
    losetup -nO NAME,BACK-FILE
    ls -d /sys/fs/cgroup/system.slice/spawnd* 2>/dev/null
    find /run/spawnd -mindepth 1 2>/dev/null
  }
  nothing_left() { [[ -z $(left) ]]; }
"""


def run(bench):
    with bench.check("apt remove: nothing runs, is mounted or attached any more; data and settings are kept"):
        bench.inside(LEFT + """
          DEBIAN_FRONTEND=noninteractive apt-get remove -qqy spawnd || fail 'apt-get'
          wait_for 30 nothing_left >/dev/null || fail "left: $(left)"
          expect 'the catalog is there' test -e /var/lib/spawnd/catalog.db
          expect 'the container is there' test -n "$(ls /var/lib/spawnd/containers)"
          expect 'no unit' equal "$(systemctl list-units --state=active --plain --no-legend 'spawnd*')" ''
        """)
    with bench.check("installed again, it has what was kept"):
        bench.inside("""
          DEBIAN_FRONTEND=noninteractive apt-get install -qqy /media/newer/*.deb || fail 'apt-get'
          expect 'the container comes back' wait_for 60 answers kept
          expect 'with its rows' equal "$(sql kept 'select count(*) from t')" 1000
        """)
    with bench.check("apt purge: nothing is left, data included"):
        bench.inside(LEFT + """
          DEBIAN_FRONTEND=noninteractive apt-get purge -qqy spawnd spawnctl || fail 'apt-get'
          wait_for 30 nothing_left >/dev/null || fail "left: $(left)"
          # The folder itself is a mount here, and its file system's own folder stays.
          data=$(ls -A /var/lib/spawnd 2>/dev/null | grep -vx lost+found)
          expect 'no data' equal "$data" ''
          expect 'no settings' test ! -e /etc/spawnd
          expect 'no folder of sockets' test ! -e /run/spawnd
          files=$(find / -xdev '(' -name '*spawnd*' -o -name '*spawnctl*' ')' -not -path '/proc/*' -not -path '/media/*' -not -path '/var/lib/spawnd' \
            -not -path '/var/log/*' -not -path '/sys/*' 2>/dev/null)
          expect 'no files' equal "$files" ''
          expect 'no unit failed' equal "$(systemctl --failed --plain --no-legend | grep spawn)" ''
        """)
