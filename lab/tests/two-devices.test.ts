import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Source, sources } from '../guest/registers';
import { prepareDevices, Rig } from '../guest/rig';
import { board } from '../scenarios/scenario';

const EACH = 2000;

before(prepareDevices);

/** Makes the device interrupt again in each handler, `EACH` times in all. */
function keepBusy(rig: Rig, source: Source): void {
  rig.line.handler = () => {
    source.clear(rig.device);
    if (rig.line.ups < EACH) source.raise(rig.device);
  };
  source.raise(rig.device);
}

async function openBusy(names: readonly string[]): Promise<Rig[]> {
  const chosen = sources.filter(({ name }) => names.includes(name));
  const rigs: Rig[] = [];
  for (const source of chosen) {
    const rig = await Rig.open(
      source.name,
      { profile: null, eoi: { default: 'write' } },
      source.hush,
    );
    rigs.push(rig);
  }
  rigs.forEach((rig, index) => {
    keepBusy(rig, chosen[index] as Source);
  });
  return rigs;
}

async function assertAllArrived(rigs: readonly Rig[]): Promise<void> {
  for (const rig of rigs) await rig.until('last interrupt', () => rig.line.ups >= EACH, 60_000);
  for (const rig of rigs) {
    await rig.quiet();
    assert.equal(rig.line.ups, EACH, rig.name);
    assert.equal(rig.handledByKernel, EACH, rig.name);
    assert.equal(rig.counted.completions, EACH, rig.name);
  }
}

describe('several devices at once', () => {
  it('two behind one IOMMU, in groups of their own', async () => {
    const rigs = await openBusy([board.gpio, board.edu]);
    await assertAllArrived(rigs);
    for (const rig of rigs) rig.close();
  });

  it('one behind the IOMMU and one without', async () => {
    const rigs = await openBusy([board.uart, board.gpio]);
    await assertAllArrived(rigs);
    for (const rig of rigs) rig.close();
  });

  it('one goes and comes back while another is at work', async () => {
    const [gpio] = await openBusy([board.gpio]);
    assert.ok(gpio);
    for (let times = 0; times < 5; times++) {
      const edu = await Rig.open(board.edu);
      edu.close();
    }
    await assertAllArrived([gpio]);
    const { fds } = gpio.host.kernel.resources();
    gpio.close();
    assert.ok(fds > 0);
    assert.equal(gpio.host.kernel.resources().fds, 0);
  });

  it('the same one twice is refused', async () => {
    const rig = await Rig.open(board.gpio);
    await assert.rejects(Rig.open(board.gpio), { name: 'VfioError', code: 'ALREADY_ATTACHED' });
    rig.close();
  });
});
