import type { DeviceProfile, EoiRule, RegisterName } from './profile';

const RBR_THR = 0;
const IER = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

/**
 * 16550A UART (National PC16550D data sheet, section 8) whose registers are
 * 2^`regShift` bytes apart.
 *
 * EOI: a missing rule leaves the line stuck, for the kernel has masked it and
 * waits for the unmask that comes with the EOI; a rule that fires too often only
 * costs a re-sample of the line. So there is one for every access after which
 * INTR may be low: the reads that take something (RBR, IIR, LSR, MSR), data to
 * send, interrupt enable, FIFO control, and MCR, whose OUT2 gates INTR on many
 * boards. A handler that finds nothing has read IIR, so that case is covered.
 * With DLAB set the same addresses are the divisor latch; that costs nothing but
 * a re-sample, either.
 *
 * No clock-frequency: that depends on the board.
 */
export function ns16550ProfileFor(regShift: number): DeviceProfile {
  const register = (
    index: number,
    name: string,
    access: RegisterName['access'],
    sideEffect?: string,
  ): RegisterName => ({
    region: 0,
    offset: index << regShift,
    name,
    access,
    ...(sideEffect === undefined ? {} : { sideEffect }),
  });
  const when = (access: EoiRule['access'], index: number): EoiRule => ({
    region: 0,
    offset: index << regShift,
    width: 1,
    access,
    line: 0,
  });
  return {
    name: '16550A UART',
    compatible: ['ns16550a', 'ns16550'],
    registers: [
      register(
        RBR_THR,
        'RBR/THR/DLL',
        'rw',
        'a read pops the receive FIFO, a write pushes the transmit FIFO',
      ),
      register(IER, 'IER/DLM', 'rw', 'enabling the THRE interrupt raises it when THR is empty'),
      register(
        IIR_FCR,
        'IIR/FCR',
        'rw',
        'a read clears the THRE interrupt, a write can empty the FIFOs',
      ),
      register(LCR, 'LCR', 'rw', 'bit 7 puts the divisor latch in place of RBR/THR and IER'),
      register(MCR, 'MCR', 'rw'),
      register(LSR, 'LSR', 'ro', 'a read clears the receive errors'),
      register(MSR, 'MSR', 'ro', 'a read clears the change bits'),
      register(SCR, 'SCR', 'rw'),
    ],
    eoi: [
      when('read', RBR_THR),
      when('read', IIR_FCR),
      when('read', LSR),
      when('read', MSR),
      when('write', RBR_THR),
      when('write', IER),
      when('write', IIR_FCR),
      when('write', MCR),
    ],
    hints: {
      acpiHid: 'PNP0501',
      properties: { 'reg-shift': regShift, 'reg-io-width': 1 },
    },
  };
}

/** 16550A UART with adjacent registers; for others see {@link ns16550ProfileFor}. */
export const ns16550Profile: DeviceProfile = ns16550ProfileFor(0);
