import { deviceSpecs } from '../devices';
import { heading, hex, type Paint } from './text';

const STYLES = ['yellow', 'green', 'magenta'] as const;

/** The colour of a device in everything that is shown. */
export function styleOf(device: number): (typeof STYLES)[number] {
  return STYLES[device] ?? 'yellow';
}

/** What is about to be seen. */
export function renderIntro(paint: Paint, policy: string, seed: number): string[] {
  const rows = deviceSpecs.map(({ label, name, profile, base, input }, device) => {
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
    ' guest   Cortex-M0+ firmware (firmware/stories.bin), emulated by rp2040js',
    ' plugin  this project, in WebAssembly: accesses go in, interrupts come out',
    '',
    paint('dim', `         ${'on the host'.padEnd(38)}->  in the guest`),
    ...rows,
    '',
    ` ${rules}`,
    ` all times are virtual; seed ${seed} decides when the outside reacts`,
    '',
  ];
}
