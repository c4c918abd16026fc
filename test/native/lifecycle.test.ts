import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { describePlayed } from './describe-played';

const INTERRUPTS = 200;

function program(name: string): string {
  return new URL(`programs/${name}.mjs`, import.meta.url).pathname;
}

function run(name: string, ...args: string[]) {
  return spawnSync(process.execPath, [program(name), ...args], {
    encoding: 'utf8',
    timeout: 240_000,
  });
}

/** Processes of the machine that have a file of the played kernel open. */
function holders(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) =>
          readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('/memfd:vfio:'),
        );
      } catch {
        return false;
      }
    });
}

describePlayed('a process with devices open', () => {
  // The programs use the package as it is published.
  beforeAll(() => {
    const build = new URL('../../scripts/build.mjs', import.meta.url).pathname;
    const { LD_PRELOAD: _, ...env } = process.env;
    execFileSync(process.execPath, [build], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  }, 240_000);

  test.each([
    ['idles', 0, 'ready\n'],
    ['exits', 3, 'ready\n'],
    ['throws', 1, 'ready\n'],
    ['exits inside up', 7, 'ready\n'],
    ['throws inside up', 1, 'ready\n'],
    ['stays for a signal', 0, 'ready\nup\n'],
  ])('that %s ends with status %d', (how, status, stdout) => {
    const ended = run('ends', how);
    expect(ended).toMatchObject({ status, signal: null, stdout });
    if (status !== 1) expect(ended.stderr).toBe('');
    else expect(ended.stderr).toContain('on purpose');
  });

  test('that is killed in the middle leaves nothing', async () => {
    const child = spawn(process.execPath, [program('ends'), 'waits to be killed'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = child.pid as number;
    await once(child.stdout, 'data');
    expect(holders()).toContain(pid);
    child.kill('SIGKILL');
    const [status, signal] = await once(child, 'exit');
    expect([status, signal]).toEqual([null, 'SIGKILL']);
    expect(holders()).not.toContain(pid);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    // And the next one finds everything free.
    expect(run('ends', 'idles').status).toBe(0);
  });

  test('has after ten thousand cycles what it had before', () => {
    const { stdout, stderr, status } = run('cycles', '10000');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { before, after } = JSON.parse(stdout);
    expect(after).toEqual(before);
  }, 300_000);

  test('may have them in worker threads, which end as they like', () => {
    const { stdout, stderr, status } = run('workers');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { ups, left } = JSON.parse(stdout);
    expect(ups).toEqual(Array.from({ length: 24 }, () => INTERRUPTS));
    expect(left).toEqual({ fds: 0, eventfds: 0, mappings: 0, dmaMappings: 0, watches: 0 });
  }, 120_000);
});
