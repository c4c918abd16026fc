import type { Command } from '../arguments/command';
import type { Check, Status } from '../doctor/check';
import { iommuChecks } from '../doctor/iommu';
import { kernelChecks } from '../doctor/kernel';
import { readKernelConfig } from '../doctor/kernel-config';
import { moduleChecks } from '../doctor/modules';
import { permissionChecks } from '../doctor/permissions';
import { usabilityChecks } from '../doctor/usability';
import { EXIT_CHECK, EXIT_OK } from '../exit-codes';
import type { Paint, Style } from '../output/paint';
import { count, hang } from '../output/text';

const MARKS: Readonly<Record<Status, readonly [mark: string, style: Style]>> = {
  ok: ['ok  ', 'green'],
  note: ['note', 'yellow'],
  problem: ['FAIL', 'red'],
  unknown: ['?   ', 'yellow'],
};

function render(paint: Paint, columns: number, checks: readonly Check[]): string[] {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const lines = checks.flatMap(({ title, status, found, remedy }) => {
    const [mark, style] = MARKS[status];
    const [first = '', ...rest] = hang(`${mark}  ${title.padEnd(width)}  `, found, columns);
    const indent = ' '.repeat(mark.length + width + 4);
    return [
      paint(style, first.slice(0, mark.length)) + first.slice(mark.length),
      ...rest,
      ...(remedy && status !== 'ok'
        ? hang(indent, remedy, columns).map((line) => paint('cyan', line))
        : []),
    ];
  });
  const problems = checks.filter(({ status }) => status === 'problem').length;
  lines.push('');
  lines.push(
    problems === 0
      ? paint('green', 'VFIO platform devices can be used here.')
      : paint('red', `${count(problems, 'problem')} to mend first.`),
  );
  return lines;
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'what this computer lacks for VFIO platform devices, and what to do',
  usage: '',
  positionals: [0, 0],
  options: {},
  description: `
Examines the kernel and its configuration, modules and their parameters, the
IOMMU or no-IOMMU mode, permissions, the limit on locked memory and the native
addon. Each finding that matters comes with what to do about it. Changes nothing
and needs no root; as another user it shows what that user lacks.

Exit code 0 when devices can be used, 8 when something has to be mended first.
`,
  async run({ system }) {
    const config = readKernelConfig(system.files, system.release);
    const examined = { system, config };
    const checks: Check[] = [];
    for (const examine of [
      kernelChecks,
      moduleChecks,
      iommuChecks,
      permissionChecks,
      usabilityChecks,
    ]) {
      checks.push(...(await examine(examined)));
    }
    const problems = checks.filter(({ status }) => status === 'problem').length;
    return {
      exitCode: problems === 0 ? EXIT_OK : EXIT_CHECK,
      data: {
        ok: problems === 0,
        release: system.release,
        machine: system.machine,
        config: config?.path,
        checks: checks.map(({ id, title, status, found, remedy }) => ({
          id,
          title,
          status,
          found,
          remedy,
        })),
      },
      text: (paint, columns) => render(paint, columns, checks),
    };
  },
};
