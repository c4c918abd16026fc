#!/bin/sh
# Rebuilds the firmware and compares it with the committed binaries, byte for
# byte. Exit status: 0 the same, 1 different, 77 no compiler to tell with for
# at least one of the processors, and the others are the same.
set -u
cd "$(dirname "$0")" || exit 1

if ! command -v make >/dev/null 2>&1; then
  echo "skipped: make is missing (Debian: apt-get install make)" >&2
  exit 77
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
status=0

# check COMPILER PACKAGE TARGET BINARY...
check() {
  compiler=$1 package=$2 target=$3
  shift 3
  if ! command -v "$compiler" >/dev/null 2>&1; then
    echo "skipped: $compiler is missing (Debian: apt-get install $package)" >&2
    [ $status -ne 0 ] || status=77
    return
  fi
  if ! make --silent BUILD="$folder" OUT="$folder" "$target"; then
    status=1
    return
  fi
  for image in "$@"; do
    if cmp "$image" "$folder/$image"; then
      echo "$image: as built from its sources ($(wc -c <"$image") bytes)"
    else
      echo "firmware/$image is not what its sources give with $("$compiler" -dumpfullversion):" \
        "run 'make -C firmware $target' and commit the result (the committed one is from gcc 12.2)" >&2
      status=1
    fi
  done
}

check "${CROSS:-arm-none-eabi-}gcc" gcc-arm-none-eabi arm stories.bin test-bus.bin
check "${PC_CC:-gcc}" gcc pc stories-pc.elf test-bus-pc.elf test-bus-ioapic.elf \
  workload-pc.elf
exit $status
