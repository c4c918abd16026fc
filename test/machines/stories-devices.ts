import { Pl011, Pl061 } from '../../host/sim/models';
import type { Clock } from '../../host/time/clock';
import { StoriesOutside } from './stories-outside';

/** The simulated devices of the stories that the outside world is connected to, and that outside. */
export function storiesDevices(clock: Clock) {
  const pl061 = new Pl061();
  const pl011 = new Pl011({ onTransmit: (byte) => outside.hear(byte) });
  const outside = new StoriesOutside({
    clock,
    setPin: (pin, high) => pl061.setPin(pin, high),
    sendToUart: (bytes) => pl011.receive(bytes),
  });
  return { pl061, pl011, outside };
}
