#!/usr/bin/env bash
# board.sh FOLDER: FOLDER/board.dtb, the device tree of QEMU's virt machine with the lab's changes.
# The machine's own options come from lab/board/machine.mjs, because the tree describes just that machine.
set -euo pipefail
tree=$1/board.dtb
shift
qemu-system-aarch64 "$@" -machine "dumpdtb=$tree" -display none -nodefaults 2>/dev/null
smmu=$(fdtget -t x "$tree" /smmuv3@9050000 phandle)

# The console is a virtio one: the UART is ours. The button on the GPIO would be a user of it.
fdtput -t s "$tree" /chosen stdout-path ''
fdtput -r "$tree" /gpio-keys
# PL031 and PL061 stand behind the IOMMU, each in a group of its own, with stream ids that no PCI device has.
# (They never do DMA; the groups and domains are real.) The PL011 has no IOMMU.
fdtput -t x "$tree" /pl031@9010000 iommus "$smmu" ff00
fdtput -t x "$tree" /pl061@9030000 iommus "$smmu" ff01

# The DMA engine is QEMU's PCI device 00:07.0 (edu), which Linux shall see as a platform device: the node owns its
# first BAR (where Linux's PCI code puts it), its INTA (slot 7: SPI 3 + 7 % 4), and its stream id (7 << 3), which PCI
# must not claim as well.
fdtput -t x "$tree" /pcie@10000000 iommu-map 0 "$smmu" 0 38 40 "$smmu" 40 ffc0
fdtput -c "$tree" /edu@10000000
fdtput -t s "$tree" /edu@10000000 compatible qemu,edu
fdtput -t x "$tree" /edu@10000000 reg 0 10000000 0 100000
fdtput -t x "$tree" /edu@10000000 interrupts 0 6 4
fdtput -t x "$tree" /edu@10000000 iommus "$smmu" 38
fdtput "$tree" /edu@10000000 dma-coherent
