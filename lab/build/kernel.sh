#!/usr/bin/env bash
# kernel.sh DOWNLOADS FOLDER: Debian's arm64 kernel as FOLDER/Image, and its VFIO modules, which Debian does not
# build, in FOLDER/modules, from Debian's source of the same version.
set -euo pipefail
downloads=$1 folder=$2
release=$(<"$downloads/release")
work=$folder/work
mkdir -p "$work" "$folder/modules"

dpkg-deb --fsys-tarfile "$downloads"/debs/linux-image-*.deb | tar -xO "./boot/vmlinuz-$release" >"$folder/Image"
for package in "$downloads"/debs/linux-headers-*.deb "$downloads"/debs/linux-kbuild-*.deb; do
  dpkg-deb -x "$package" "$work"
done
dpkg-deb --fsys-tarfile "$downloads"/debs/linux-source-*.deb | tar -xO ./usr/src/linux-source-6.12.tar.xz |
  xz -dc -T2 | tar -x -C "$work" linux-source-6.12/drivers/vfio
headers=$work/usr/src/linux-headers-$release
# The headers include each other by the path where they would be installed.
sed -i "s|/usr/src/|$work/usr/src/|" "$headers/Makefile"

# Kconfig symbols on the command line only steer Makefiles; C code sees them by KCFLAGS.
make -s -j"$(nproc)" -C "$headers" "M=$work/linux-source-6.12/drivers/vfio" \
  ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc CONFIG_DEBUG_INFO_BTF_MODULES= \
  CONFIG_VFIO_NOIOMMU=y CONFIG_VFIO_PLATFORM=m CONFIG_VFIO_PLATFORM_BASE=m CONFIG_VFIO_AMBA=m \
  CONFIG_VFIO_PCI=n CONFIG_VFIO_PCI_CORE=n CONFIG_VFIO_FSL_MC=n CONFIG_VFIO_CDX=n CONFIG_VFIO_MDEV=n \
  KCFLAGS="-DCONFIG_VFIO_NOIOMMU=1 -DCONFIG_VFIO_PLATFORM_MODULE=1 -DCONFIG_VFIO_AMBA_MODULE=1 -DCONFIG_VFIO_PLATFORM_BASE_MODULE=1" \
  modules
find "$work/linux-source-6.12" -name '*.ko' -exec cp {} "$folder/modules" \;
aarch64-linux-gnu-strip --strip-debug "$folder"/modules/*.ko
cp "$downloads/release" "$folder/release"
rm -r "$work"
