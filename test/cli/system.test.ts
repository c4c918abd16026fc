import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ENOENT } from '../../assembly/abi/linux';
import { ChildWriter } from '../../host/cli/system/child-writer';
import { FileRecords } from '../../host/cli/system/file-records';
import { NodeFiles } from '../../host/cli/system/node-files';
import { nodeUserFiles } from '../../host/cli/system/user-files';

const folder = mkdtempSync(join(tmpdir(), 'vfio-wasm-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

describe('the files of this computer', () => {
  const files = new NodeFiles();

  it('are read as they are', () => {
    writeFileSync(at('attribute'), 'vfio-amba\n');
    symlinkSync('attribute', at('link'));
    expect(files.exists(at('attribute'))).toBe(true);
    expect(files.readText(at('link'))).toBe('vfio-amba\n');
    expect(files.readBytes(at('link'))).toEqual(Buffer.from('vfio-amba\n'));
    expect(files.readLink(at('link'))).toBe('attribute');
    expect(files.realPath(at('link'))).toBe(files.realPath(at('attribute')));
    expect(files.list(folder)).toEqual(['attribute', 'link']);
    expect(files.access(at('link'), 'read-write')).toBe(0);
  });

  it('that are not there are no error', () => {
    expect(files.exists(at('none'))).toBe(false);
    expect(files.readText(at('none'))).toBeUndefined();
    expect(files.readBytes(at('none'))).toBeUndefined();
    expect(files.readLink(at('none'))).toBeUndefined();
    expect(files.realPath(at('none'))).toBeUndefined();
    expect(files.list(at('none'))).toEqual([]);
    expect(files.access(at('none'), 'read')).toBe(ENOENT);
  });
});

describe('writes to sysfs', () => {
  const writer = new ChildWriter();

  it('are made by one write, and tell the errno', async () => {
    writeFileSync(at('bind'), '');
    expect(await writer.write(at('bind'), '9010000.pl031', 20_000)).toBe(0);
    expect(readFileSync(at('bind'), 'utf8')).toBe('9010000.pl031');
    expect(await writer.write(at('none'), 'x', 20_000)).toBe(ENOENT);
    expect(writer.set(at('bind'), 'y')).toBe(0);
    expect(readFileSync(at('bind'), 'utf8')[0]).toBe('y');
    expect(writer.set(at('none'), 'y')).toBe(ENOENT);
  });

  it.runIf(process.platform === 'linux')(
    'that the kernel does not finish are given up',
    async () => {
      // Opening a FIFO waits for a reader, as unbinding waits for the last close.
      const fifo = at('unbind');
      execFileSync('mkfifo', [fifo]);
      expect(await writer.write(fifo, 'device', 500)).toBe('pending');
      // It was not stopped, and is finished when somebody reads.
      expect(readFileSync(fifo, 'utf8')).toBe('device');
    },
  );
});

describe('records', () => {
  it('are kept in a directory, made when it is needed', () => {
    const records = new FileRecords(at('run/vfio-wasm'));
    expect(records.load('amba-x')).toBeUndefined();
    expect(records.save('amba-x', 'one')).toBe(0);
    expect(records.save('amba-x', 'two')).toBe(0);
    expect(records.load('amba-x')).toBe('two');
    records.remove('amba-x');
    records.remove('amba-x');
    expect(records.load('amba-x')).toBeUndefined();
  });

  it('that cannot be kept tell the errno', () => {
    writeFileSync(at('file'), '');
    expect(new FileRecords(at('file')).save('x', 'y')).toBeGreaterThan(0);
  });
});

describe('files of the user', () => {
  it('are written as a whole and read back', () => {
    nodeUserFiles.write(at('out.bin'), Uint8Array.of(1, 2));
    expect(nodeUserFiles.read(at('out.bin'), 2)).toEqual(Uint8Array.of(1, 2));
    expect(() => nodeUserFiles.read(at('out.bin'), 1)).toThrow('has 2 bytes; 1 are the most');
  });

  it('name what is missing', () => {
    expect(() => nodeUserFiles.read(at('none'), 1)).toThrow('there is no file');
    expect(() => nodeUserFiles.write(at('none/out'), Uint8Array.of())).toThrow('no directory');
  });
});
