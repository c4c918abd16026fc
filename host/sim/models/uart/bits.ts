// PC16550D data sheet (TL/C/8652), section 8; DLAB selects the divisor latch.
export const RBR_THR_DLL = 0;
export const IER_DLM = 1;
export const IIR_FCR = 2;
export const LCR = 3;
export const MCR = 4;
export const LSR = 5;
export const MSR = 6;
export const SCR = 7;
/** Registers of a 16550; a chip may have more behind them. */
export const REGISTERS = 8;

export const IER_RECEIVED = 1 << 0;
export const IER_TRANSMIT = 1 << 1;
export const IER_LINE = 1 << 2;
export const IER_MODEM = 1 << 3;
export const IER_BITS = 0x0f;

export const IIR_MODEM = 0x0;
export const IIR_NONE = 0x1;
export const IIR_TRANSMIT = 0x2;
export const IIR_RECEIVED = 0x4;
export const IIR_LINE = 0x6;
export const IIR_TIMEOUT = 0xc;
export const IIR_FIFOS = 0xc0;

export const FCR_ENABLE = 1 << 0;
export const FCR_CLEAR_RECEIVER = 1 << 1;
export const FCR_CLEAR_TRANSMITTER = 1 << 2;
export const FCR_TRIGGER_SHIFT = 6;

export const LCR_WORD_LENGTH = 0x3;
export const LCR_STOP = 1 << 2;
export const LCR_PARITY = 1 << 3;
export const LCR_DLAB = 1 << 7;

export const MCR_DTR = 1 << 0;
export const MCR_RTS = 1 << 1;
export const MCR_OUT1 = 1 << 2;
export const MCR_OUT2 = 1 << 3;
export const MCR_LOOP = 1 << 4;
export const MCR_BITS = 0x1f;
/** Automatic flow control; not in the PC16550D, but in its successors. */
export const MCR_AUTO_FLOW = 1 << 5;

export const LSR_DR = 1 << 0;
export const LSR_OE = 1 << 1;
export const LSR_PE = 1 << 2;
export const LSR_FE = 1 << 3;
export const LSR_BI = 1 << 4;
export const LSR_THRE = 1 << 5;
export const LSR_TEMT = 1 << 6;
export const LSR_FIFO_ERROR = 1 << 7;

/** Modem lines, in the places of the delta bits of MSR; their state is 4 places up. */
export const MODEM_CTS = 1 << 0;
export const MODEM_DSR = 1 << 1;
export const MODEM_RI = 1 << 2;
export const MODEM_DCD = 1 << 3;
export const MSR_STATE_SHIFT = 4;

/** Error bits of LSR ride along with a character, above its 8 bits. */
export const ERROR_SHIFT = 8;
