#!/bin/sh
# The guest's first process: mounts what there is to mount, then runs the lines
# that arrive on the first serial port, one by one, and says how each one ended.
/bin/busybox mkdir -p /usr/bin /sbin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo 1 >/proc/sys/kernel/printk
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty raw -echo
echo "@@ready"
while read -r line; do
  eval "$line"
  echo "@@done $?"
done
