import type { Command } from '../arguments/command';
import { checkPlace, parsePlace } from '../arguments/registers';
import { numberOption, oneOf } from '../arguments/values';
import { readRegister } from '../connect/access';
import { attachOptions, OPEN_NOTE, openForCommand, openOptions } from '../connect/open';
import { findDevice } from '../devices/find-device';
import { EXIT_OK } from '../exit-codes';
import { MAX_PEEK_COUNT } from '../limits';
import { hex } from '../output/text';

export const peek: Command = {
  name: 'peek',
  summary: 'read registers of a device',
  usage: 'DEVICE [REGION:]OFFSET|REGISTER',
  positionals: [2, 2],
  options: {
    width: { type: 'string', short: 'w', value: '1|2|4|8', help: 'bytes of each access (4)' },
    count: { type: 'string', short: 'n', value: 'N', help: 'registers in a row (1)' },
    ...openOptions,
  },
  description: `
Reads registers. The place is an offset in bytes (0x for hexadecimal), perhaps
with the region in front, or the name of a register where a profile knows the
device. What lies outside the region never reaches the device. Reading may have
side effects: a receive FIFO loses a byte, a status may be cleared. What the bus
refuses to read, as it does where a device is not clocked, reads as ones.

${OPEN_NOTE}

  vfio-wasm peek 9010000.pl031 0xfe0 --count 4
  vfio-wasm peek 9010000.pl031 RTCDR
`,
  async run({ positionals, values, system }) {
    const found = findDevice(system.files, positionals[0] as string);
    const width = Number(oneOf(values, 'width', ['1', '2', '4', '8'], '4'));
    const count = numberOption(values, 'count', { least: 1, most: MAX_PEEK_COUNT, otherwise: 1 });
    const opened = await openForCommand(system, found, attachOptions(values));
    try {
      const { device } = opened;
      const place = parsePlace(positionals[1] as string, device);
      checkPlace(place, width, count, 'read', device);
      const names = new Map(
        device.profile?.registers
          .filter(({ region }) => region === place.region)
          .map(({ offset, name }) => [offset, name]),
      );
      const values = Array.from({ length: count }, (_, index) => {
        const offset = place.offset + index * width;
        const value = readRegister(opened, { ...place, offset }, width);
        return { region: place.region, offset, name: names.get(offset), value };
      });
      return {
        exitCode: EXIT_OK,
        data: {
          device: device.name,
          width,
          values: values.map((each) => ({
            ...each,
            value: width === 8 ? hex(each.value) : Number(each.value),
          })),
        },
        text: () =>
          values.map(
            ({ region, offset, name, value }) =>
              `${region}:${hex(offset, 3)}  ${hex(value, width * 2)}${name ? `  ${name}` : ''}`,
          ),
      };
    } finally {
      opened.close();
    }
  },
};
