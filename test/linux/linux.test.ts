import { createHash } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../host/sim';
import { MemorySink, type Recording, record, replayDevice, Trace } from '../../host/trace';
import { type BoardOptions, INPUTS } from './board';
import { type Booted, boot } from './booted';
import type { LinuxGuest } from './guest';

const MEBIBYTE = 1 << 20;
const SCAN_CODE_A = 0x1c;
/** In the command that sets a keyboard's lights. */
const CAPS_LOCK = 4;

let booted: Booted;
let guest: LinuxGuest;

beforeAll(async () => {
  booted = await boot();
  const how = booted.bootMs === undefined ? 'state from before' : `${Math.round(booted.bootMs)} ms`;
  console.log(`Debian ${booted.release}: ${how}`);
}, 900_000);

afterEach(async () => {
  await guest?.destroy();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function randomBytes(length: number, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length }, () => random.below(256));
}

async function until(condition: () => boolean, what: string, limitMs = 400_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('stock Debian, booted with the SSDT of describe()', () => {
  it('found the three devices in ACPI, and its own driver bound to the UART', async () => {
    guest = await booted.start();
    const devices = await guest.run('ls /sys/bus/platform/devices');
    expect(devices).toContain('APMC0D08:00');
    expect(devices).toContain('LNRO0005:00');
    expect(devices).toContain('PRP0001:00');
    const modalias = await guest.run('cat /sys/bus/acpi/devices/PRP0001:00/modalias');
    expect(modalias).toMatch(/^of:.*Caltr,ps2-1\.0$/);
    expect(booted.log).toMatch(
      /APMC0D08:00: ttyS\d+ at MMIO 0xfea00000 \(irq = 5, base_baud = 4000000\) is a 16550A/,
    );
  });
});

/** Binds the driver; fd 3 of the guest's shell is the port, at 4 Mbit/s with flow control. */
async function openPort(options?: BoardOptions): Promise<void> {
  guest = await booted.start(options);
  await guest.run('echo APMC0D08:00 >/sys/bus/platform/drivers/dw-apb-uart/bind');
  await guest.run('T=/dev/$(ls /sys/bus/platform/devices/APMC0D08:00/tty)');
  await guest.run('exec 3<>$T && stty -F $T 4000000 raw -echo cs8 clocal crtscts');
}

/**
 * Of a MiB through the FIFO of 256. The driver looks again before its handler returns, so
 * on a slow host, whose time goes on meanwhile, one interrupt now and then serves two
 * FIFOs; one that polls would have next to none.
 */
const LEAST_INTERRUPTS = MEBIBYTE / 256 / 2;

describe('its driver 8250_dw on the passed-through UART', () => {
  it('receives 1 MiB intact, by interrupts', async () => {
    await openPort();
    const before = await guest.interrupts(INPUTS.uart);
    expect(before.kind).toMatch(/IO-APIC +5-fasteoi +ttyS\d/);
    const bytes = randomBytes(MEBIBYTE, 1);
    const received = guest.run(`head -c ${MEBIBYTE} <&3 >/tmp/rx; sha256sum </tmp/rx`);
    guest.board.uart.receive(bytes);
    expect((await received).split(' ')[0]).toBe(sha256(bytes));
    const { count } = await guest.interrupts(INPUTS.uart);
    expect(count - before.count).toBeGreaterThanOrEqual(LEAST_INTERRUPTS);
    expect(await guest.run('grep -c "oe:" /proc/tty/driver/serial || true')).toBe('0');
  });

  it('sends 1 MiB intact, by interrupts', async () => {
    await openPort();
    const sent: number[] = [];
    guest.board.onUartByte = (byte) => sent.push(byte);
    const before = await guest.interrupts(INPUTS.uart);
    const digest = await guest.run(
      `head -c ${MEBIBYTE} /dev/urandom >/tmp/tx; sha256sum </tmp/tx; cat /tmp/tx >&3`,
    );
    await until(() => sent.length >= MEBIBYTE, 'the last byte');
    expect(sha256(Uint8Array.from(sent))).toBe(digest.split(' ')[0]);
    const { count } = await guest.interrupts(INPUTS.uart);
    expect(count - before.count).toBeGreaterThanOrEqual(LEAST_INTERRUPTS);
  });
});

describe('a recorded session on the UART', () => {
  const LINES = ['The first line,', 'a second one', 'and the last.'];

  /** What the guest prints of what it reads from the port, while it also writes to it. */
  async function session(speak: () => void): Promise<string> {
    await guest.run('echo "guest speaking" >&3');
    const printed = guest.run(`head -n ${LINES.length} <&3`);
    speak();
    return printed;
  }

  it('replays to the same console output, without the model of the UART', async () => {
    const sink = new MemorySink();
    let recording: Recording | undefined;
    await openPort({
      uartHost: (host) => {
        recording = record(host, { uuid: 'uart-session', sink });
        return recording;
      },
    });
    const { uart, plugged } = guest.board;
    const recorded = await session(() => uart.receive(Buffer.from(`${LINES.join('\n')}\n`)));
    expect(recorded).toBe(LINES.join('\n'));
    plugged.uart.unplug();
    recording?.finish();
    await guest.destroy();

    const model = replayDevice(Trace.open(sink.bytes()));
    await openPort({ uartModel: model });
    // Nobody speaks but the recording.
    expect(await session(() => undefined)).toBe(recorded);
    const { count } = await guest.interrupts(INPUTS.uart);
    expect(count).toBeGreaterThan(0);
  });
});

describe('its driver virtio_mmio with virtio-rng on the passed-through entropy device', () => {
  const LOAD =
    'for m in virtio virtio_ring virtio_mmio virtio_rng; do insmod /lib/$m.ko || exit; done';

  it('reads random bytes that the device put into its memory by DMA', async () => {
    guest = await booted.start();
    await guest.run(`(${LOAD})`);
    expect(await guest.run('cat /sys/class/misc/hw_random/rng_current')).toBe('virtio_rng.0');
    const got = await guest.run('dd if=/dev/hwrng bs=64 count=64 2>/dev/null | base64');
    const bytes = Buffer.from(got, 'base64');
    expect(bytes.length).toBe(4096);
    const { model, dmaFaults } = guest.board.rng;
    const stream = Buffer.from(randomBytes(model.bytesWritten, 1));
    // The kernel takes some bytes for itself in between, but each buffer is a piece of the stream.
    for (let at = 0; at < bytes.length; at += 64) {
      expect(stream.includes(bytes.subarray(at, at + 64))).toBe(true);
    }
    expect(dmaFaults).toEqual([]);
    const { count, kind } = await guest.interrupts(INPUTS.rng);
    expect(kind).toMatch(/IO-APIC +6-fasteoi +virtio0/);
    expect(count).toBeGreaterThanOrEqual(64);
  });

  it('cannot make the device reach what is not mapped: the access faults, and is reported', async () => {
    guest = await booted.start();
    // Beyond RAM, where no driver would put a queue.
    const registers = [
      [0x70, 0x0],
      [0x70, 0x3],
      [0x24, 0x1],
      [0x20, 0x1],
      [0x70, 0xb],
      [0x30, 0x0],
      [0x38, 0x8],
      [0x80, 0xd0000000],
      [0x90, 0xd0001000],
      [0xa0, 0xd0002000],
      [0x44, 0x1],
      [0x70, 0xf],
      [0x50, 0x0],
    ] as const;
    for (const [offset, value] of registers) {
      const address = `0x${(0xfea01000 + offset).toString(16)}`;
      await guest.run(`devmem ${address} 32 0x${value.toString(16)}`);
    }
    await until(() => guest.board.rng.dmaFaults.length > 0, 'the fault');
    expect(guest.board.rng.dmaFaults[0]).toEqual({
      iova: 0xd0001002,
      length: 2,
      direction: 'read',
      reason: 'unmapped',
    });
    // DEVICE_NEEDS_RESET
    expect(await guest.run('devmem 0xfea01070 32')).toBe('0x0000004F');
  });
});

describe('its driver altera_ps2, bound by PRP0001, on the passed-through PS/2 port', () => {
  it('finds the keyboard, takes keys by interrupts and sets its lights', async () => {
    guest = await booted.start();
    await guest.run('insmod /lib/altera_ps2.ko && insmod /lib/evdev.ko');
    expect(await guest.run('readlink /sys/bus/platform/devices/PRP0001:00/driver')).toMatch(
      /altera_ps2$/,
    );
    const list = 'cat /proc/bus/input/devices';
    let devices = '';
    for (let tries = 0; tries < 50 && !devices.includes('PRP0001'); tries++) {
      devices = await guest.run(`sleep 0.2; ${list}`);
    }
    const keyboard = devices.split('\n\n').find((text) => text.includes('Phys=PRP0001:00'));
    expect(keyboard).toContain('AT Raw Set 2 keyboard');
    const event = /event\d+/.exec(keyboard ?? '')?.[0];
    const before = await guest.interrupts(INPUTS.keyboard);
    expect(before.kind).toMatch(/IO-APIC +7-fasteoi +PRP0001:00/);
    // Scan code, key and report, for press and release; 16 bytes each on i386.
    await guest.run(`exec 4</dev/input/${event}`);
    guest.board.keys.key(SCAN_CODE_A, true);
    guest.board.keys.key(SCAN_CODE_A, false);
    const read = guest.run(`head -c 96 <&4 | hexdump -v -e '16/1 "%02x " "\\n"'`);
    const records = (await read)
      .split('\n')
      .map((line) => line.split(' ').slice(8).join(' ').trim());
    const KEY_A = '1e 00';
    expect(records).toContain(`01 00 ${KEY_A} 01 00 00 00`);
    expect(records).toContain(`01 00 ${KEY_A} 00 00 00 00`);
    const { count } = await guest.interrupts(INPUTS.keyboard);
    // A slow machine may find several bytes with one interrupt.
    expect(count).toBeGreaterThan(before.count);
    const input = /Sysfs=.*\/(input\d+)$/m.exec(keyboard ?? '')?.[1];
    await guest.run(`echo 1 >/sys/class/leds/${input}::capslock/brightness`);
    await until(() => guest.board.keys.leds === CAPS_LOCK, 'the light');
  });
});
