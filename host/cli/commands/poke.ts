import type { Command } from '../arguments/command';
import { checkPlace, parsePlace } from '../arguments/registers';
import { bigValue, flag, oneOf } from '../arguments/values';
import { readRegister, writeRegister } from '../connect/access';
import { attachOptions, OPEN_NOTE, openForCommand, openOptions } from '../connect/open';
import { findDevice } from '../devices/find-device';
import { EXIT_OK } from '../exit-codes';
import { hex } from '../output/text';

export const poke: Command = {
  name: 'poke',
  summary: 'write a register of a device',
  usage: 'DEVICE [REGION:]OFFSET|REGISTER VALUE',
  positionals: [3, 3],
  options: {
    width: { type: 'string', short: 'w', value: '1|2|4|8', help: 'bytes of the access (4)' },
    read: { type: 'boolean', help: 'read it back, and tell what it has become' },
    ...openOptions,
  },
  description: `
Writes one register. What lies outside the region, and a value that is wider
than the access, never reaches the device.

${OPEN_NOTE}

  vfio-wasm poke 9030000.pl061 0x400 0xff --read
`,
  async run({ positionals, values, system }) {
    const found = findDevice(system.files, positionals[0] as string);
    const width = Number(oneOf(values, 'width', ['1', '2', '4', '8'], '4'));
    const value = bigValue(positionals[2] as string, 'VALUE', width * 8);
    const readBack = flag(values, 'read');
    const opened = await openForCommand(system, found, attachOptions(values));
    try {
      const { device } = opened;
      const place = parsePlace(positionals[1] as string, device);
      checkPlace(place, width, 1, 'write', device);
      if (readBack) checkPlace(place, width, 1, 'read', device);
      writeRegister(opened, place, width, value);
      const now = readBack ? readRegister(opened, place, width) : undefined;
      const json = (each: bigint | undefined) =>
        each === undefined ? undefined : width === 8 ? hex(each) : Number(each);
      const { region, offset, register } = place;
      return {
        exitCode: EXIT_OK,
        data: {
          device: device.name,
          width,
          region,
          offset,
          name: register?.name,
          value: json(value),
          readBack: json(now),
        },
        text: () => [
          `${region}:${hex(offset, 3)}  ${hex(value, width * 2)}` +
            (now === undefined ? '' : `, reads ${hex(now, width * 2)}`) +
            (register ? `  ${register.name}` : ''),
        ],
      };
    } finally {
      opened.close();
    }
  },
};
