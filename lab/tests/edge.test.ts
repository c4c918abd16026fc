import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { askBoard } from '../guest/ports';
import { virtio } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

/** Of the board (lab/board/machine.mjs). */
const RAM_BYTES = 2 ** 30;
const PAGE_BYTES = 4096;
const EDGES = 500;
const BURSTS = 50;
const BURST = 4;
/** QEMU says both when the configuration has changed; the line stays high until both are acknowledged. */
const CAUSES = virtio.CONFIG_CHANGED | virtio.BUFFER_USED;

before(prepareDevices);

/** The monitor wants the balloon to have that many pages: the device changes its configuration and interrupts. */
function wantPages(pages: number): void {
  askBoard({
    do: 'monitor',
    command: 'balloon',
    arguments: { value: RAM_BYTES - pages * PAGE_BYTES },
  });
}

/** The balloon with a driver that is ready, which takes its interrupts. */
async function open(options: Parameters<typeof Rig.open>[1] = {}): Promise<Rig> {
  return Rig.open(board.slot, options, (device) => {
    const write = (offset: number, value: number) => device.write(0, offset, 4, value);
    let status: number = virtio.ACKNOWLEDGE | virtio.DRIVER;
    write(virtio.STATUS, 0);
    write(virtio.STATUS, status);
    write(virtio.DRIVER_FEATURES_SELECT, 1);
    write(virtio.DRIVER_FEATURES, virtio.VERSION_1);
    status |= virtio.FEATURES_OK;
    write(virtio.STATUS, status);
    write(virtio.STATUS, status | virtio.DRIVER_OK);
    write(virtio.INTERRUPT_ACKNOWLEDGE, device.read(0, virtio.INTERRUPT_STATUS, 4));
  });
}

describe('a device with an edge line: the virtio balloon', () => {
  it('is what it says, and cannot be mapped', async () => {
    const rig = await open();
    const [region] = rig.device.regions;
    assert.equal(region?.size, 0x200n);
    assert.equal(rig.device.lines[0]?.trigger, 'edge');
    assert.equal(rig.read(virtio.MAGIC), virtio.MAGIC_VALUE);
    assert.deepEqual([rig.read(virtio.VERSION), rig.read(virtio.DEVICE_ID)], [2, virtio.BALLOON]);
    rig.close();
  });

  it(`interrupts for each of ${EDGES} changes, and none is lost or comes twice`, async () => {
    const rig = await open();
    const seen: number[] = [];
    const causes: number[] = [];
    rig.line.handler = () => {
      causes.push(rig.read(virtio.INTERRUPT_STATUS));
      seen.push(rig.read(virtio.CONFIG_PAGES));
      rig.write(virtio.INTERRUPT_ACKNOWLEDGE, CAUSES);
    };
    for (let pages = 1; pages <= EDGES; pages++) {
      wantPages(pages);
      await rig.until('edge', () => rig.line.ups === pages);
    }
    await rig.quiet();
    assert.deepEqual(
      seen,
      Array.from({ length: EDGES }, (_, index) => index + 1),
    );
    assert.ok(causes.every((cause) => cause === CAUSES));
    assert.deepEqual([rig.line.ups, rig.line.downs], [EDGES, EDGES]);
    assert.equal(rig.handledByKernel, EDGES);
    const { signals, injections, completions, coalesced, spurious } = rig.counted;
    assert.deepEqual(
      { signals, injections, completions, coalesced, spurious },
      { signals: EDGES, injections: EDGES, completions: EDGES, coalesced: 0, spurious: 0 },
    );
    rig.close();
  });

  for (const edgeCount of ['replay', 'coalesce'] as const) {
    it(`counts edges that come while the machine is busy (${edgeCount})`, async () => {
      const rig = await open({ edgeCount, eoi: { default: 'write' } });
      // Acknowledges nothing; it is the write that completes the interrupt.
      rig.line.handler = () => rig.write(virtio.INTERRUPT_ACKNOWLEDGE, 0);
      for (let burst = 1; burst <= BURSTS; burst++) {
        const { ups } = rig.line;
        // Nothing of this lets the event loop go on, in which signals arrive.
        for (let edge = 1; edge <= BURST; edge++) {
          wantPages(burst * BURST + edge);
          rig.write(virtio.INTERRUPT_ACKNOWLEDGE, CAUSES);
        }
        if (edgeCount === 'replay') await rig.until('edges', () => rig.line.ups === burst * BURST);
        else await rig.until('an edge', () => rig.line.ups > ups);
      }
      await rig.quiet();
      const all = BURSTS * BURST;
      assert.equal(rig.handledByKernel, all);
      const { signals, injections, coalesced } = rig.counted;
      console.log(JSON.stringify({ edgeCount, signals, injections, coalesced }));
      if (edgeCount === 'replay') assert.deepEqual([signals, injections], [all, all]);
      else assert.equal(injections + coalesced, all);
      assert.equal(rig.line.ups, injections);
      rig.close();
    });
  }
});
