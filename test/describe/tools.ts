import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function installed(tool: string): boolean {
  return spawnSync(tool, ['-v']).error === undefined;
}

/** Whether the ACPI compiler is there (Debian package acpica-tools). */
export const hasIasl = installed('iasl');
/** Whether the device-tree compiler is there (Debian package device-tree-compiler). */
export const hasDtc = installed('dtc');

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'describe-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** ASL source of a table as iasl reads it, without comments and blank lines; throws when iasl complains. */
export function disassemble(table: Uint8Array): string {
  return inFolder((folder) => {
    writeFileSync(join(folder, 'table.aml'), table);
    const run = spawnSync('iasl', ['-d', 'table.aml'], { cwd: folder, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stdout + run.stderr);
    const source = readFileSync(join(folder, 'table.dsl'), 'utf8');
    if (/checksum|error|invalid/i.test(run.stderr.replace(/Error messages?:? *0/gi, ''))) {
      throw new Error(run.stderr);
    }
    return source
      .replaceAll(/\/\*[\s\S]*?\*\//g, '')
      .replaceAll(/\/\/.*$/gm, '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join('\n');
  });
}

/** What iasl makes of the source that it read from the table: the same bytes when nothing was lost. */
export function recompile(table: Uint8Array): Uint8Array {
  return inFolder((folder) => {
    writeFileSync(join(folder, 'table.aml'), table);
    execFileSync('iasl', ['-d', 'table.aml'], { cwd: folder, stdio: 'ignore' });
    execFileSync('iasl', ['-p', 'again', 'table.dsl'], { cwd: folder, stdio: 'ignore' });
    return new Uint8Array(readFileSync(join(folder, 'again.aml')));
  });
}

/** A whole tree with `node` on a bus of two address and two size cells, behind a GIC. */
function around(node: string): string {
  return `/dts-v1/;
/ {
	compatible = "test,board";
	#address-cells = <2>;
	#size-cells = <2>;
	interrupt-parent = <&gic>;
	apb_pclk: clock { compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <24000000>; };
	gic: gic { compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>; #address-cells = <0>; };
${node}
};
`;
}

/** The compiled tree, decompiled, and what dtc warned of. */
export function compileTree(node: string): { tree: string; warnings: string } {
  return inFolder((folder) => {
    writeFileSync(join(folder, 'board.dts'), around(node));
    const args = ['-I', 'dts', '-O', 'dtb', '-o', 'board.dtb', 'board.dts'];
    const run = spawnSync('dtc', args, { cwd: folder, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stderr);
    const back = execFileSync('dtc', ['-I', 'dtb', '-O', 'dts', 'board.dtb'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { tree: back, warnings: run.stderr };
  });
}
