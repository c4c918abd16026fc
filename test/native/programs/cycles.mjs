// Opens and closes a device many times; what the process has must not grow.
import { addDevice, command, counters, open, tables } from './board.mjs';

const cycles = Number(process.argv[2]);
const ways = [{}, { iommufd: true }, { xNoMmap: true }];
addDevice('dev');

async function cycle(round) {
  let ups = 0;
  const up = () => {
    ups++;
  };
  const device = await open('dev', up, ways[round % ways.length]);
  command('pulse dev 1');
  while (ups === 0) device.safePoint();
  device.write(1, 4, 4, round);
  if (device.read(1, 4, 4) !== round) throw new Error(`round ${round} reads something else`);
  device.close();
}

for (let round = 0; round < 10; round++) await cycle(round);
const before = { ...tables(), ...counters() };
for (let round = 0; round < cycles; round++) await cycle(round);
const after = { ...tables(), ...counters() };
console.log(JSON.stringify({ before, after }));
