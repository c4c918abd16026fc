#!/usr/bin/env bash
# custom-kernel.sh DOWNLOADS FOLDER: a small kernel with iommufd, which Debian's has not, as FOLDER/Image.
# Takes some minutes.
set -euo pipefail
downloads=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder/work"
dpkg-deb --fsys-tarfile "$downloads"/debs/linux-source-*.deb | tar -xO ./usr/src/linux-source-6.12.tar.xz |
  xz -dc -T2 | tar -x -C "$folder/work"
cd "$folder/work/linux-source-6.12"
arm64=(make -s ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)
"${arm64[@]}" allnoconfig
scripts/kconfig/merge_config.sh -m .config "$here/custom-kernel.config" >/dev/null
"${arm64[@]}" olddefconfig
# A symbol that is no longer there or lacks a dependency would go unnoticed.
while IFS= read -r line; do
  if [[ $line == CONFIG_* ]] && ! grep -qxF "$line" .config; then
    echo "the kernel has no $line" >&2
    exit 1
  fi
done <"$here/custom-kernel.config"
"${arm64[@]}" -j"$(nproc)" Image
cp arch/arm64/boot/Image "$folder/Image"
echo custom >"$folder/release"
rm -r "$folder/work"
