import { expect, test } from 'vitest';
import { NativeWorld } from '../conformance/native/native-world';
import { Rig } from '../conformance/rig';
import { describePlayed } from './describe-played';

describePlayed('guest RAM that a device can reach', () => {
  const rig = new Rig((options) => new NativeWorld(options));

  test.each(['allocGuestRam', 'Wasm memory'])(
    'stays where it is, whatever the collector does (%s)',
    async (from) => {
      rig.world.addDevice({ name: 'dev' });
      const { device } = await rig.open({ host: 'dev' });
      const make = () =>
        from === 'allocGuestRam'
          ? rig.world.allocGuestRam(0x10000)
          : { bytes: new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer) };
      // Nothing but the device refers to these blocks from here on.
      for (let block = 0; block < 8; block++) device.mapGuestRam(make(), BigInt(block * 0x10000));
      for (let round = 0; round < 40; round++) make().bytes.fill(round);
      for (let round = 0; round < 5; round++) {
        globalThis.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (let block = 0; block < 8; block++) {
        expect(rig.world.dmaWrite('dev', block * 0x10000 + 0xff00, [block + 1])).toBe(true);
        expect(rig.world.dmaRead('dev', block * 0x10000 + 0xff00, 1)).toEqual([block + 1]);
      }
      expect((rig.world as NativeWorld).played.counters().tornDma).toBe(0);
    },
  );
});
