import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { copyProperties } from '../../host/describe/of-node';
import { FileSysfs } from '../../host/native/sysfs';

test('properties of a device-tree node are read from files byte by byte, UTF-8 or not', () => {
  const root = mkdtempSync(join(tmpdir(), 'of-node-'));
  try {
    mkdirSync(join(root, 'node'));
    writeFileSync(join(root, 'node/clock-frequency'), Uint8Array.of(0, 0xff, 0xc3, 0x28));
    writeFileSync(join(root, 'node/label'), 'serial\0');
    const copied = copyProperties(new FileSysfs(root), '/node');
    expect(copied.notes).toEqual([]);
    expect(copied.properties).toEqual({ 'clock-frequency': 0x00ffc328, label: 'serial' });
  } finally {
    rmSync(root, { recursive: true });
  }
});
