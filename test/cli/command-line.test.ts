import { describe, expect, it } from 'vitest';
import { commandNames, loadCommands } from '../../host/cli/commands';
import { exitCodes } from '../../host/cli/exit-codes';
import { commandErrorCodes, failureOf } from '../../host/cli/failure';
import { runCommandLine } from '../../host/cli/run-command-line';
import { Desk, FakeTerminal, widest } from './fixture';

const commands = await loadCommands();

describe('help', () => {
  it('knows each command by its own name', () => {
    expect(commands.map(({ name }) => name)).toEqual(commandNames);
  });

  it('lists the commands and the exit codes, in 80 columns', async () => {
    const { code, out } = await new Desk().run('--help');
    expect(code).toBe(0);
    for (const { name, summary } of commands)
      expect(out.replaceAll(/ +/g, ' ')).toContain(` ${name} ${summary}\n`);
    for (const [number] of exitCodes) expect(out).toMatch(new RegExp(`^ +${number} `, 'm'));
    expect(exitCodes.every(([, meaning]) => out.includes(meaning))).toBe(true);
    expect(widest(out)).toBeLessThanOrEqual(80);
  });

  it('is what comes without a command', async () => {
    const desk = new Desk();
    expect(await desk.run()).toEqual(await desk.run('--help'));
  });

  it.each(commands.map(({ name }) => name))('explains %s and all its options', async (name) => {
    const { code, out } = await new Desk().run(name, '--help');
    const command = commands.find((each) => each.name === name);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^Usage: vfio-wasm ${name}`));
    for (const option of Object.keys(command?.options ?? {})) expect(out).toContain(`--${option}`);
    expect(widest(out)).toBeLessThanOrEqual(80);
  });

  it.each(['bind', 'unbind'])('says that %s needs root', async (name) => {
    expect((await new Desk().run(name, '--help')).out).toContain('Needs root');
  });

  it('prints the version', async () => {
    expect(await new Desk().run('--version')).toMatchObject({ code: 0, out: '1.2.3\n' });
    expect((await new Desk().json('--version')).data).toMatchObject({ version: '1.2.3' });
  });
});

describe('a wrong command line', () => {
  it.each([
    [['lsit'], "Did you mean 'list'?"],
    [['frobnicate'], 'The commands are doctor, list'],
    [['list', '--al'], "Did you mean '--all'?".replace('--', '')],
    [['peek', 'pl031'], 'something is missing'],
    [['list', 'everything'], "'everything' is too much"],
    [['list', '--host', 'mars'], '--host must be native or sim'],
    [['peek', 'pl031', '0', '--width', '3'], '--width must be 1 or 2 or 4 or 8'],
    [['peek', 'pl031', '0', '--count', '0'], '--count must be a whole number from 1'],
    [['irq', 'pl031', '0', '--timeout', 'soon'], '--timeout must be seconds'],
    [['irq', 'pl031', 'x'], 'LINE must be a whole number'],
    [['unbind', 'pl031', '--timeout'], '--timeout'],
  ])('%j says what is wrong with it', async (args, message) => {
    const { code, out, error } = await new Desk().run(...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(error.replaceAll(/\s+/g, ' ')).toContain(message);
  });

  it('is told as JSON where JSON is wanted', async () => {
    const { code, data } = await new Desk().json('lsit');
    expect(code).toBe(2);
    expect(data).toEqual({
      schema: 'vfio-platform-wasm/cli/error/1',
      exitCode: 2,
      error: {
        code: 'USAGE',
        message: "there is no command 'lsit'",
        remedy: "Did you mean 'list'?",
        device: null,
        errno: null,
        syscall: null,
      },
    });
  });
});

it('takes options before and after the command', async () => {
  const desk = new Desk();
  expect(await desk.run('--host', 'sim', 'list')).toEqual(await desk.run('list', '--host', 'sim'));
});

it('finds a device by name, by a part of it, and by its path', async () => {
  const desk = new Desk();
  const expected = await desk.run('info', '9010000.pl031');
  expect(expected.code).toBe(0);
  expect(await desk.run('info', 'pl031')).toEqual(expected);
  expect(await desk.run('info', '/sys/bus/amba/devices/9010000.pl031/')).toEqual(expected);
});

it.each([
  ['pl011', 2, 'may be 9000000.pl011, 9040000.pl011; name one of them'],
  ['9010000.pl032', 3, "Did you mean '9010000.pl031'?"],
  ['/sys/nowhere', 3, "'/sys/nowhere' is no device in /sys"],
  ['', 3, "there is no device ''"],
  ['.', 3, "there is no device '.'"],
  ['..', 3, "there is no device '..'"],
])('says of the device %j, with code %i: %s', async (name, code, message) => {
  const result = await new Desk().run('info', name);
  expect(result.code).toBe(code);
  expect(result.error.replaceAll(/\s+/g, ' ')).toContain(message);
});

it('has an exit code in the list for every way to fail', () => {
  const known = exitCodes.map(([code]) => code);
  expect(Object.values(commandErrorCodes).every((code) => known.includes(code))).toBe(true);
});

it('tells a defect of its own as one, with the place', async () => {
  const terminal = new FakeTerminal();
  const broken = async () => {
    throw new TypeError('no such thing');
  };
  const code = await runCommandLine(['list'], terminal, { native: broken, sim: broken }, '1');
  expect(code).toBe(70);
  expect(terminal.errors).toContain('no such thing');
  expect(failureOf(new TypeError('x')).remedy).toContain('defect');
});
