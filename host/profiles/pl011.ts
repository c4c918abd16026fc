import type { DeviceProfile } from './profile';

/**
 * ARM PrimeCell UART PL011 (ARM DDI 0183, chapter 3), with the combined
 * interrupt UARTINTR as line 0.
 *
 * EOI: a missing rule leaves the line stuck, for the kernel has masked it and
 * waits for the unmask that comes with the EOI; a rule that fires too often only
 * costs a re-sample of the line. So there is one for every access after which
 * UARTINTR may be low: taking received data, giving data to send, clear and
 * mask, line control (which empties the FIFOs) and FIFO levels. A handler whose
 * interrupt was dealt with before it ran only looks at the status and returns:
 * UARTMIS says so by being 0; UARTRIS, which is what Linux reads, cannot tell
 * whether what it shows is masked, so any read of it counts. All are one byte
 * wide, because Linux uses halfword accesses, others bytes or words.
 *
 * No properties: 'clocks', without which 'clock-names' means nothing, needs a
 * clock of the guest to point to.
 */
export const pl011Profile: DeviceProfile = {
  name: 'ARM PL011 UART',
  compatible: ['arm,pl011'],
  registers: [
    {
      region: 0,
      offset: 0x000,
      name: 'UARTDR',
      access: 'rw',
      sideEffect: 'a read pops the receive FIFO, a write pushes the transmit FIFO',
    },
    {
      region: 0,
      offset: 0x004,
      name: 'UARTRSR/UARTECR',
      access: 'rw',
      sideEffect: 'a write clears the receive errors',
    },
    { region: 0, offset: 0x018, name: 'UARTFR', access: 'ro' },
    { region: 0, offset: 0x020, name: 'UARTILPR', access: 'rw' },
    { region: 0, offset: 0x024, name: 'UARTIBRD', access: 'rw' },
    { region: 0, offset: 0x028, name: 'UARTFBRD', access: 'rw' },
    {
      region: 0,
      offset: 0x02c,
      name: 'UARTLCR_H',
      access: 'rw',
      sideEffect: 'takes over the baud rate; FEN = 0 empties the FIFOs',
    },
    { region: 0, offset: 0x030, name: 'UARTCR', access: 'rw', sideEffect: 'starts the UART' },
    { region: 0, offset: 0x034, name: 'UARTIFLS', access: 'rw' },
    { region: 0, offset: 0x038, name: 'UARTIMSC', access: 'rw' },
    { region: 0, offset: 0x03c, name: 'UARTRIS', access: 'ro' },
    { region: 0, offset: 0x040, name: 'UARTMIS', access: 'ro' },
    { region: 0, offset: 0x044, name: 'UARTICR', access: 'wo', sideEffect: 'clears interrupts' },
    { region: 0, offset: 0x048, name: 'UARTDMACR', access: 'rw' },
  ],
  eoi: [
    // A read of any of its bytes pops the FIFO.
    { region: 0, offset: 0x000, width: 1, access: 'read', line: 0 },
    { region: 0, offset: 0x001, width: 1, access: 'read', line: 0 },
    { region: 0, offset: 0x002, width: 1, access: 'read', line: 0 },
    { region: 0, offset: 0x003, width: 1, access: 'read', line: 0 },
    { region: 0, offset: 0x000, width: 1, access: 'write', line: 0 },
    { region: 0, offset: 0x02c, width: 1, access: 'write', line: 0 },
    { region: 0, offset: 0x034, width: 1, access: 'write', line: 0 },
    { region: 0, offset: 0x038, width: 1, access: 'write', line: 0 },
    // The overrun interrupt is in the second byte of the mask and clear registers.
    { region: 0, offset: 0x039, width: 1, access: 'write', line: 0 },
    { region: 0, offset: 0x03c, width: 1, access: 'read', line: 0 },
    { region: 0, offset: 0x040, width: 1, access: 'read', mask: 0xff, value: 0, line: 0 },
    { region: 0, offset: 0x044, width: 1, access: 'write', line: 0 },
    { region: 0, offset: 0x045, width: 1, access: 'write', line: 0 },
  ],
  hints: { acpiHid: 'ARMH0011' },
};
