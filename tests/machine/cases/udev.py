"""udev and udisks: a clone is no disk of the user's. Volumes are loop devices over files with the same file system in them."""

# What udisks knows of loop devices that it does not ignore, and links that lead to one.
LOOK = """
  look() {
    local link device
    udevadm settle
    for device in $(losetup -nO NAME); do
      for link in /dev/disk/by-*/*; do
        [[ $(readlink -f "$link") != "$device" ]] || echo "$link leads to $device"
      done
      udevadm info -q property -n "$device" | grep -E '^ID_FS_|^ID_PART_' | sed "s|^|udev of $device: |"
    done
    lsblk -nro NAME,FSTYPE,UUID,LABEL | grep '^loop[0-9]* .*[^ ]'
    # Of the devices that are free it has objects, too.
    for device in $(losetup -nO NAME); do
      udisksctl info -b "$device" | grep -qE 'HintIgnore: *true' || echo "udisks shows $device"
      udisksctl info -b "$device" | grep -E 'IdUUID: *[^ ]' | sed "s|^|udisks read $device: |"
    done
  }
"""


def run(bench):
    with bench.check("no clone is a disk of the user's: /dev/disk, udev, lsblk, udisks"):
        bench.inside(LOOK + """
          systemctl start udisks2
          # Each device has one by-diskseq that was ever used, also now that it is free.
          links() { find /dev/disk -type l -not -path '*/by-diskseq/*' | sort; }
          before=$(links)
          for name in one two; do spawnctl create data-container postgres-empty --name $name -q || fail 'create'; done
          (( $(losetup -nO NAME | wc -l) >= 3 )) || fail "there are not three loop devices: $(losetup)"
          expect 'nothing seen' equal "$(look)" ''
          expect 'the same links as before' equal "$(links)" "$before"
        """)
    with bench.check("a loop device of the administrator's is seen as ever"):
        bench.inside("""
          truncate -s 16M /root/own.img && mkfs.ext4 -q -U 11111111-2222-3333-4444-555555555555 /root/own.img
          device=$(losetup -f --show /root/own.img)
          udevadm settle
          seen=$(readlink -f /dev/disk/by-uuid/11111111-2222-3333-4444-555555555555)
          losetup -d "$device"; rm /root/own.img
          expect 'its link' equal "$seen" "$device"
        """)
    with bench.check("what is deleted leaves no loop device, also while udev looks"):
        bench.inside("""
          before=$(losetup -nO NAME | wc -l)
          spawnctl delete data-container one two || fail 'delete'
          fewer() { (( $(losetup -nO NAME | wc -l) == before - 2 )); }
          expect 'two fewer' wait_for 20 fewer
          systemctl stop udisks2
        """)
