import { ns16550ProfileFor } from './ns16550';
import type { DeviceProfile, EoiRule, RegisterName } from './profile';

const USR = 0x7c;

const register = (
  offset: number,
  name: string,
  access: RegisterName['access'],
  sideEffect?: string,
): RegisterName => ({
  region: 0,
  offset,
  name,
  access,
  ...(sideEffect === undefined ? {} : { sideEffect }),
});

const sixteen550 = ns16550ProfileFor(2);

/**
 * Synopsys DesignWare APB UART (DW_apb_uart Databook): a 16550 with registers
 * of 32 bits. Its busy detect interrupt goes with a read of USR.
 *
 * ACPI guests know it as APMC0D08; PRP0001 crashes Linux's driver, which then
 * has no match data. No clock-frequency: that depends on the board.
 */
export const dwApbUartProfile: DeviceProfile = {
  name: 'DesignWare APB UART',
  compatible: ['snps,dw-apb-uart'],
  registers: [
    ...sixteen550.registers,
    register(USR, 'USR', 'ro', 'a read clears the busy detect interrupt'),
    register(0x80, 'TFL', 'ro'),
    register(0x84, 'RFL', 'ro'),
    register(0xf4, 'CPR', 'ro'),
    register(0xf8, 'UCV', 'ro'),
    register(0xfc, 'CTR', 'ro'),
  ],
  eoi: [
    ...sixteen550.eoi,
    // A read of any of its bytes is one of the whole register.
    ...[0, 1, 2, 3].map(
      (lane): EoiRule => ({ region: 0, offset: USR + lane, width: 1, access: 'read', line: 0 }),
    ),
  ],
  hints: {
    acpiHid: 'APMC0D08',
    properties: { 'reg-shift': 2, 'reg-io-width': 4 },
  },
};
