#!/usr/bin/env bash
# initramfs.sh DOWNLOADS KERNEL NODE FOLDER: FOLDER/base.cpio, everything in the guest but the package and the tests.
set -euo pipefail
downloads=$1 kernel=$2 node=$3 folder=$4
here=$(cd "$(dirname "$0")/.." && pwd)
tree=$folder/tree
mkdir -p "$tree"/{bin,sbin,proc,sys,dev,tmp,lib,lab/bin}

dpkg-deb --fsys-tarfile "$downloads"/debs/busybox-static_*.deb | tar -xO ./bin/busybox >"$tree/bin/busybox"
chmod +x "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
install "$here/guest/init" "$tree/init"
install "$here/guest/prepare-devices" "$tree/lab/bin/"
install "$node/package/bin/node" "$tree/lab/bin/"
# What Node and the addon load comes with the cross compiler.
for library in ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libstdc++.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2; do
  cp -L "/usr/aarch64-linux-gnu/lib/$library" "$tree/lib/"
done
if [ -d "$kernel/modules" ]; then
  release=$(<"$kernel/release")
  mkdir -p "$tree/lib/modules/$release"
  cp "$kernel"/modules/*.ko "$tree/lib/modules/$release/"
  touch "$tree/lib/modules/$release"/modules.{order,builtin}
  /sbin/depmod -b "$tree" "$release" 2>/dev/null
fi
(cd "$tree" && find . | cpio -o -H newc --quiet -R 0:0) >"$folder/base.cpio"
rm -r "$tree"
