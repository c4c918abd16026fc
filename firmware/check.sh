#!/bin/sh
# Rebuilds the firmware and compares it with the committed binaries, byte for
# byte. Exit status: 0 the same, 1 different, 77 no compiler to tell with.
set -u
cd "$(dirname "$0")" || exit 1

cross=${CROSS:-arm-none-eabi-}
if ! command -v "${cross}gcc" >/dev/null 2>&1; then
  echo "skipped: ${cross}gcc is missing (Debian: apt-get install gcc-arm-none-eabi)" >&2
  exit 77
fi
if ! command -v make >/dev/null 2>&1; then
  echo "skipped: make is missing (Debian: apt-get install make)" >&2
  exit 77
fi

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
make --silent BUILD="$folder" OUT="$folder" all || exit 1

different=0
for image in stories.bin test-bus.bin; do
  if cmp "$image" "$folder/$image"; then
    echo "$image: as built from its sources ($(wc -c <"$image") bytes)"
  else
    echo "firmware/$image is not what its sources give with $("${cross}gcc" -dumpfullversion):" \
      "run 'make -C firmware' and commit the result (the committed one is from gcc 12.2)" >&2
    different=1
  fi
done
exit $different
