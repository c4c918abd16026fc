import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { askBoard } from '../guest/ports';

test('the board answers', () => {
  assert.deepEqual(readdirSync('/sys/bus/amba/devices').sort(), [
    '9000000.pl011',
    '9010000.pl031',
    '9030000.pl061',
  ]);
  askBoard({ do: 'pin', pin: 3, high: true });
  askBoard({ do: 'pin', pin: 3, high: false });
  console.log(askBoard({ do: 'monitor', command: 'query-status' }));
});
