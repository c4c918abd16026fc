import { deviceSpecsOf, type MachineName } from '../devices';
import { heading, hex, type Paint } from './text';

const STYLES = ['yellow', 'green', 'magenta'] as const;

/** The colour of a device in everything that is shown. */
export function styleOf(device: number): (typeof STYLES)[number] {
  return STYLES[device] ?? 'yellow';
}

const GUESTS: Readonly<Record<MachineName, string>> = {
  rp2040js: 'Cortex-M0+ firmware (firmware/stories.bin), emulated by rp2040js',
  v86: 'the same firmware for a PC (firmware/stories-pc.elf), emulated by v86',
};

const TIMES: Readonly<Record<MachineName, string>> = {
  rp2040js: 'all times are virtual',
  v86: "all times are the host's, as v86's are",
};

/** What is about to be seen. */
export function renderIntro(
  paint: Paint,
  machine: MachineName,
  policy: string,
  seed: number,
): string[] {
  const rows = deviceSpecsOf(machine).map(({ label, name, profile, base, input }, device) => {
    const where = `${hex(base)}, input ${input}`;
    const known = profile.name.replace(/^ARM /, '');
    return (
      `   ${paint(styleOf(device), label.padEnd(5))} ${name.padEnd(14)} ${known.padEnd(22)}` +
      `  ->  ${where}`
    ).trimEnd();
  });
  const rules =
    policy === 'strict'
      ? 'policy strict: a line is completed by the register that its profile names'
      : 'policy qemu: a line is completed by any access to its device, as in QEMU';
  return [
    heading(paint, 'vfio-platform-wasm: devices of the host, used by an emulated guest'),
    ' host    a simulated Linux with VFIO; its devices have registers and a wire',
    ` guest   ${GUESTS[machine]}`,
    ' plugin  this project, in WebAssembly: accesses go in, interrupts come out',
    '',
    paint('dim', `         ${'on the host'.padEnd(38)}->  in the guest`),
    ...rows,
    '',
    ` ${rules}`,
    ` ${TIMES[machine]}; seed ${seed} decides when the outside reacts`,
    '',
  ];
}
