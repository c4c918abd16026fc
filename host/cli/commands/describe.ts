import { describe as describeDevices, descriptionOf } from '../../describe';
import type { RegionInfo } from '../../device/device-info';
import type { Command } from '../arguments/command';
import { numberOption, text as textOption, texts } from '../arguments/values';
import { parseWiring } from '../arguments/wiring';
import { attachOptions, OPEN_NOTE, openForCommand, openOptions } from '../connect/open';
import { findDevice } from '../devices/find-device';
import { EXIT_OK } from '../exit-codes';
import { DEFAULT_GUEST_BASE, PLACEMENT_ALIGNMENT } from '../limits';

/** Regions that are not placed by the user, one after another. */
function place(
  regions: readonly RegionInfo[],
  given: Readonly<Record<number, number>>,
  base: number,
): Record<number, number> {
  const placed: Record<number, number> = { ...given };
  let next = base;
  for (const { index, size } of regions) {
    if (size === 0n || placed[index] !== undefined) continue;
    placed[index] = next;
    next += Math.ceil(Number(size) / PLACEMENT_ALIGNMENT) * PLACEMENT_ALIGNMENT;
  }
  return placed;
}

export const describe: Command = {
  name: 'describe',
  summary: 'device-tree fragment and ACPI SSDT for a guest',
  usage: 'DEVICE',
  positionals: [1, 1],
  options: {
    region: {
      type: 'string',
      multiple: true,
      value: 'INDEX=ADDRESS',
      help: 'where the guest sees a region; may be repeated',
    },
    line: {
      type: 'string',
      multiple: true,
      value: 'INDEX=INPUT',
      help: "input of the guest's interrupt controller for a line; may be repeated",
    },
    base: {
      type: 'string',
      value: 'ADDRESS',
      help: 'where the regions begin that --region does not place (0x10000000)',
    },
    hid: { type: 'string', value: 'ID', help: 'ACPI hardware id instead of PRP0001' },
    ssdt: { type: 'string', value: 'FILE', help: 'write the compiled ACPI table to this file' },
    ...openOptions,
  },
  description: `
Prints what a guest's operating system needs to find the device: a device-tree
fragment, and with --ssdt an ACPI table for guests that boot by ACPI. Properties
of the host's device-tree node are copied. Lines that --line does not name get
the input of their own number.

${OPEN_NOTE}

  vfio-wasm describe 9010000.pl031 --region 0=0x60000000 --line 0=20
`,
  async run({ positionals, values, terminal, system }) {
    const found = findDevice(system.files, positionals[0] as string);
    const wiring = parseWiring(texts(values, 'region'), texts(values, 'line'));
    const base = numberOption(values, 'base', {
      most: Number.MAX_SAFE_INTEGER,
      otherwise: DEFAULT_GUEST_BASE,
    });
    const hid = textOption(values, 'hid');
    const ssdtPath = textOption(values, 'ssdt');
    const opened = await openForCommand(system, found, attachOptions(values));
    try {
      const { device } = opened;
      const regions = place(device.regions, wiring.regions, base);
      const lines = {
        ...Object.fromEntries(device.lines.map(({ index }) => [index, index])),
        ...wiring.lines,
      };
      const description = descriptionOf(
        device,
        { regions, lines },
        { sysfs: system.files, ...(hid !== undefined && { hid }) },
      );
      const { deviceTree, ssdt } = describeDevices(description);
      if (ssdtPath !== undefined) terminal.files.write(ssdtPath, ssdt);
      const notes = description.notes ?? [];
      return {
        exitCode: EXIT_OK,
        data: {
          device: device.name,
          deviceTree,
          ssdt: Buffer.from(ssdt).toString('base64'),
          ssdtFile: ssdtPath,
          regions,
          lines,
          notes,
        },
        // The notes are comments in the fragment.
        text: (paint) => [
          deviceTree.trimEnd(),
          ...(ssdtPath === undefined
            ? []
            : [paint('dim', `// ${ssdt.length} bytes of ACPI table written to ${ssdtPath}`)]),
        ],
      };
    } finally {
      opened.close();
    }
  },
};
