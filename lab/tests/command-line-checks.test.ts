import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { EXIT_CHECK, EXIT_NOT_READY, EXIT_OK } from '../../host/cli/exit-codes';
import { json, start } from '../guest/command-line';
import { prepareDevices } from '../guest/rig';
import { board } from '../scenarios/scenario';

const INTERRUPTS = 500;

before(prepareDevices);

interface Check {
  readonly id: string;
  readonly status: string;
  readonly remedy?: string;
}

async function doctor() {
  const { code, out } = await start('doctor', '--json').ended;
  const { checks } = JSON.parse(out) as { checks: readonly Check[] };
  return { code, problems: checks.filter(({ status }) => status === 'problem') };
}

describe('vfio-wasm', () => {
  it('writes a register and reads it back', async () => {
    await json('poke', board.rtc, 'RTCMR', '0x12345678');
    const { values } = await json('peek', board.rtc, 'RTCMR');
    assert.deepEqual(
      values.map(({ value }: { value: number }) => value),
      [0x12345678],
    );
  });

  it('counts interrupts of a line that comes again as long as the level lasts', async () => {
    const level = ['GPIOIE=0', 'GPIODIR=0', 'GPIOIBE=0', 'GPIOIS=1', 'GPIOIEV=0', 'GPIOIE=1'];
    const count = ['--count', `${INTERRUPTS}`, '--width', '1'];
    const set = level.flatMap((write) => ['--set', write]);
    const { interrupts, end } = await json('irq', board.gpio, '0', ...count, ...set);
    assert.deepEqual({ interrupts, end }, { interrupts: INTERRUPTS, end: 'count' });
    await json('poke', board.gpio, 'GPIOIE', '0', '--width', '1');
  });

  it('finds that all is there, and what is missing without the driver, with what to do', async () => {
    assert.deepEqual(await doctor(), { code: EXIT_OK, problems: [] });
    execFileSync('rmmod', ['vfio-amba']);
    try {
      const { code, problems } = await doctor();
      assert.equal(code, EXIT_CHECK);
      const missing = problems.find(({ id }) => id === 'module.vfio-amba');
      assert.match(String(missing?.remedy), /modprobe vfio-amba/);
      const bind = await start('bind', board.rtc).ended;
      assert.equal(bind.code, EXIT_NOT_READY, bind.error);
      assert.match(bind.error, /modprobe vfio-amba/);
    } finally {
      execFileSync('modprobe', ['vfio-amba']);
      prepareDevices();
    }
  });
});
