import type { Command } from '../arguments/command';
import { flag } from '../arguments/values';
import { findHolders, type Holder } from '../devices/holders';
import { type HostDevice, isVfioBound, listDevices } from '../devices/host-device';
import { remembered } from '../devices/remembered-files';
import { type Use, usesOf } from '../devices/uses';
import { EXIT_OK } from '../exit-codes';
import type { Paint } from '../output/paint';
import { table } from '../output/table';
import { hang } from '../output/text';

/** What can be done with a device now. */
type State = 'ready' | 'open' | 'in-use' | 'driver' | 'no-driver';

interface Row {
  readonly device: HostDevice;
  readonly state: State;
  readonly holders: readonly Holder[];
  readonly uses: readonly Use[];
}

const STATES: Readonly<Record<State, string>> = {
  ready: 'ready',
  open: 'open',
  'in-use': 'in use',
  driver: 'to be bound',
  'no-driver': 'no driver',
};

/** Who has the device, as lines below it. */
function details({ holders, uses }: Row): string[] {
  return [
    ...holders.map(({ pid, command, hold }) =>
      hold === 'group'
        ? `its group is open in process ${pid} (${command})`
        : `open in process ${pid} (${command})`,
    ),
    ...uses.map(({ text }) => text),
  ];
}

function groupText({ group, noiommu }: HostDevice): string {
  return group === undefined ? '-' : `${group}${noiommu ? '*' : ''}`;
}

function render(paint: Paint, columns: number, rows: readonly Row[], hidden: number): string[] {
  if (rows.length === 0) return ['There are no such devices.'];
  const [titles = '', ...body] = table(
    paint,
    columns,
    [
      { title: 'DEVICE', cell: ({ device }) => device.name, least: 24 },
      { title: 'BUS', cell: ({ device }) => device.bus, least: 8 },
      { title: 'COMPATIBLE', cell: ({ device }) => device.compatible[0] ?? '-' },
      { title: 'DRIVER', cell: ({ device }) => device.driver ?? '-', least: 10 },
      { title: 'GROUP', cell: ({ device }) => groupText(device) },
      { title: 'STATE', cell: ({ state }) => STATES[state], least: 11 },
    ],
    rows,
  );
  const lines = [titles];
  for (const [index, line] of body.entries()) {
    lines.push(line);
    for (const detail of details(rows[index] as Row)) {
      lines.push(...hang('  ', detail, columns).map((text) => paint('dim', text)));
    }
  }
  if (rows.some(({ device }) => device.noiommu)) {
    lines.push(paint('dim', '* a group without IOMMU; it is opened with --noiommu'));
  }
  if (hidden > 0) {
    const rest = `${hidden} more that no firmware describes; --all shows them.`;
    lines.push(...hang('', rest, columns).map((line) => paint('dim', line)));
  }
  return lines;
}

export const list: Command = {
  name: 'list',
  summary: 'candidate devices: bus, compatible, driver, group, state',
  usage: '',
  positionals: [0, 0],
  options: {
    all: { type: 'boolean', help: 'also devices that no firmware describes (no registers)' },
    ready: { type: 'boolean', help: 'only devices that can be opened now' },
  },
  description: `
Lists the devices of the platform and AMBA buses that could be passed through.

  ready        bound to a VFIO driver, can be opened
  open         bound to a VFIO driver, and a process has it open
  in use       the host uses it through its own driver; 'bind' wants --force
  to be bound  another driver has it; 'vfio-wasm bind DEVICE' (root)
  no driver    no driver has it; 'vfio-wasm bind DEVICE' (root)

Needs no root, but only root sees what processes of other users have open.
`,
  async run({ values, system }) {
    const { pid } = system;
    const files = remembered(system.files);
    const all = listDevices(files);
    const shown = flag(values, 'all') ? all : all.filter(({ described }) => described);
    let incomplete = false;
    const rows = shown.map((device): Row => {
      const found = findHolders(files, pid, device);
      incomplete ||= found.incomplete;
      const holders = found.holders.filter(({ hold }) => hold !== 'possible');
      const uses = isVfioBound(device) ? [] : usesOf(files, pid, device);
      const state = isVfioBound(device)
        ? holders.length > 0
          ? 'open'
          : 'ready'
        : uses.length > 0
          ? 'in-use'
          : device.driver === undefined
            ? 'no-driver'
            : 'driver';
      return { device, state, holders, uses };
    });
    const kept = flag(values, 'ready') ? rows.filter(({ state }) => state === 'ready') : rows;
    return {
      exitCode: EXIT_OK,
      data: {
        devices: kept.map(({ device, state, holders, uses }) => ({
          ...device,
          state,
          holders,
          uses,
        })),
        holdersComplete: !incomplete,
      },
      text: (paint, columns) => render(paint, columns, kept, all.length - shown.length),
    };
  },
};
