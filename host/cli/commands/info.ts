import type { LineInfo, RegionInfo } from '../../device/device-info';
import { errnoName } from '../../errors';
import type { Command } from '../arguments/command';
import { attachOptions, OPEN_NOTE, openForCommand, openOptions } from '../connect/open';
import { findDevice } from '../devices/find-device';
import { EXIT_OK } from '../exit-codes';
import { bytes, hang, hex } from '../output/text';

function regionFlags(region: RegionInfo): string {
  const access = `${region.readable ? 'r' : '-'}${region.writable ? 'w' : '-'}`;
  if (region.mapped.length > 0) return `${access}, mapped`;
  if (region.mmapErrno !== undefined)
    return `${access}, mmap fails: ${errnoName(region.mmapErrno)}`;
  return `${access}, not mappable`;
}

function regionData(region: RegionInfo) {
  const { index, size, readable, writable, mapped, mmapErrno } = region;
  return {
    index,
    size: Number(size),
    readable,
    writable,
    mapped: mapped.map((area) => ({ offset: area.offset, size: area.size })),
    mmapError: mmapErrno === undefined ? undefined : errnoName(mmapErrno),
  };
}

function lineText(line: LineInfo): string {
  const maskable = line.maskable ? 'maskable, auto-masked' : 'not maskable';
  const usable = line.usable ? '' : ', cannot be signalled';
  return `${line.trigger}, ${maskable}${usable}; EOI by ${line.eoi}`;
}

export const info: Command = {
  name: 'info',
  summary: 'regions, interrupt lines, flags, group and reset of a device',
  usage: 'DEVICE',
  positionals: [1, 1],
  options: openOptions,
  description: `
Shows what VFIO tells of a device.

${OPEN_NOTE}

  vfio-wasm info 9010000.pl031
`,
  async run({ positionals, values, system }) {
    const found = findDevice(system.files, positionals[0] as string);
    const opened = await openForCommand(system, found, attachOptions(values));
    try {
      const { device, events } = opened;
      const { regions, lines, bus, resettable, profile, compatible, name } = device;
      const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
      const shownLines = lines.map(({ index, trigger, maskable, usable, eoi }) => ({
        index,
        trigger,
        maskable,
        usable,
        eoi,
      }));
      return {
        exitCode: EXIT_OK,
        data: {
          name,
          bus,
          compatible,
          driver: found.driver,
          group: found.group,
          noiommu: found.noiommu,
          cdev: found.cdev,
          resettable,
          profile: profile?.name,
          regions: regions.map(regionData),
          lines: shownLines,
          registers: profile?.registers ?? [],
          warnings,
        },
        text: (paint, columns) => [
          paint('bold', name) + (profile ? `  ${profile.name}` : ''),
          ...hang('  compatible  ', compatible.join(', ') || '-', columns),
          `  bus         ${bus}, driver ${found.driver}`,
          `  group       ${found.group ?? '-'}${found.noiommu ? ', no IOMMU' : ''}${found.cdev ? `, ${found.cdev}` : ''}`,
          `  reset       ${resettable ? 'yes, at open, at close and on request' : 'no'}`,
          ...regions.map(
            (region) =>
              `  region ${String(region.index).padEnd(4)} ${hex(region.size)} (${bytes(region.size)}), ${regionFlags(region)}`,
          ),
          ...lines.map((line) => `  line ${String(line.index).padEnd(6)} ${lineText(line)}`),
          ...(profile
            ? hang('  registers   ', profile.registers.map((each) => each.name).join(' '), columns)
            : []),
          ...warnings.flatMap((text) => hang(paint('yellow', '  warning     '), text, columns)),
        ],
      };
    } finally {
      opened.close();
    }
  },
};
