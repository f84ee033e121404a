#!/usr/bin/env bash
# Boots a machine with systemd and cgroup v2 and runs limits.sh in it. What it prints is the machine's console.
#
#   tests/machine/boot.sh BUILD [FOLDER]
#
# BUILD is a build of this tree; FOLDER (/var/tmp/machine) keeps the root of the machine, which takes minutes to make.
# As root. Needs mmdebstrap, qemu-system-x86 and e2fsprogs; KVM is not used.
set -euo pipefail

build=$(realpath "$1")
folder=${2:-/var/tmp/machine}
here=$(cd "$(dirname "$0")" && pwd)
packages=systemd-sysv,udev,dbus,iproute2,kmod,procps,jq,util-linux,e2fsprogs,linux-image-cloud-amd64
packages+=,libmariadb3,postgresql-client-15,mariadb-client-core,mariadb-server-core,redis-tools,libpq5

mkdir -p "$folder"
cd "$folder"
if [[ ! -e root/etc/debian_version ]]; then
  mmdebstrap --variant=minbase --aptopt='APT::Install-Recommends "false"' --include="$packages" bookworm root
  # Debian makes and starts a cluster of its own otherwise.
  install -D /dev/stdin root/etc/postgresql-common/createcluster.d/spawnd.conf <<<'create_main_cluster = false'
  chroot root sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql-15'
fi

# The server by another name.
cp root/usr/bin/redis-check-rdb root/usr/bin/redis-server

# The programs, with the libraries that they find here.
install "$build/daemon/spawnd" "$build/client/spawnctl" root/usr/bin/
for library in $(ldd root/usr/bin/spawnd root/usr/bin/spawnctl | awk '/=> \//{print $3}' | sort -u); do
  [[ -e root/$library ]] || install -D "$library" "root/usr/lib/x86_64-linux-gnu/$(basename "$library")"
done
sed 's|@bindir@|/usr/bin|' "$here/../../systemd/spawnd.service.in" >root/etc/systemd/system/spawnd.service
install -m 644 "$here/../../systemd/spawnd.socket" root/etc/systemd/system/
install -D -m 644 "$here/../../systemd/spawnd.sysusers.conf" root/usr/lib/sysusers.d/spawnd.conf
install -D -m 644 "$here/../../systemd/spawnd.tmpfiles.conf" root/usr/lib/tmpfiles.d/spawnd.conf
install -m 755 "$here/limits.sh" root/usr/local/bin/limits.sh
cat >root/etc/systemd/system/try.service <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /usr/local/bin/limits.sh
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
[Install]
WantedBy=multi-user.target
UNIT
chroot root systemctl --quiet enable spawnd.socket spawnd.service try.service
# It would hang up on what is printed there.
chroot root systemctl --quiet mask serial-getty@ttyS0.service

rm -f disk.img
truncate -s 6G disk.img
mke2fs -q -t ext4 -d root disk.img
kernel=$(ls root/boot/vmlinuz-* | tail -n 1)
exec timeout 1500 qemu-system-x86_64 -accel tcg -m 2G -smp 2 -nographic -no-reboot -kernel "$kernel" \
  -initrd "${kernel/vmlinuz/initrd.img}" -append 'root=/dev/vda rw console=ttyS0 quiet no_timer_check panic=-1' \
  -drive file=disk.img,if=virtio,format=raw,snapshot=on
