// A process with devices open that ends in one of several ways, or would.
import { addDevice, command, host, open } from './board.mjs';

const [how] = process.argv.slice(2);
addDevice('one');
addDevice('two');
const one = await open('one', (device) => {
  if (how === 'exits inside up') process.exit(7);
  if (how === 'throws inside up') throw new Error('on purpose');
  console.log('up');
  device.read(0, 0, 4);
});
const two = await open('two', () => {}, { iommufd: true });
two.mapGuestRam(host.allocGuestRam(0x10000), 0n);
one.onSignal = () => one.safePoint();
console.log('ready');

if (how === 'exits') process.exit(3);
if (how === 'throws') throw new Error('on purpose');
if (how === 'exits inside up' || how === 'throws inside up' || how === 'stays for a signal') {
  host.keepAlive(true);
  command('pulse one 1');
}
if (how === 'stays for a signal') setTimeout(() => host.keepAlive(false), 100);
if (how === 'waits to be killed') {
  host.keepAlive(true);
  // Busy in every thread that there is: main, the addon's, and the kernel's.
  for (;;) {
    command('pulse one 1');
    one.safePoint();
    one.read(0, 0, 4);
  }
}
