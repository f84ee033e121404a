#!/bin/bash
# Runs inside the machine: takes scripts from the virtio serial port and gives back what they printed.
#
# A script comes as a line `LENGTH SECONDS`, 20 bytes with blanks at its end, and so many bytes; back goes a line `CODE LENGTH`
# and so many bytes. head reads no byte more than it was told, which bash does from some devices.
port=/dev/virtio-ports/spawnd.test
until [[ -c $port ]]; do sleep 0.1; done  # udev names it
exec 3<>$port
echo "hello $(</proc/sys/kernel/random/boot_id)" >&3
while read -r length seconds < <(head -c 20 <&3); do
  head -c "$length" <&3 >/run/step.sh
  timeout -k 5 "$seconds" bash /run/step.sh </dev/null >/run/step.out 2>&1 3>&-
  code=$?
  printf '%s %s\n' "$code" "$(stat -c %s /run/step.out)" >&3
  cat /run/step.out >&3
done
