import type { Command } from '../arguments/command';

// Loaded when one of its commands is called: who binds a device need not wait for the tools for recordings.
const preparing = () => import('./preparing');
const using = () => import('./using');
const guests = () => import('./guests');
const traces = () => import('./traces');

/** The commands, in the order of the help text: from setting up to using. */
export const loadCommand: Readonly<Record<string, () => Promise<Command>>> = {
  doctor: async () => (await preparing()).doctor,
  list: async () => (await preparing()).list,
  bind: async () => (await preparing()).bind,
  unbind: async () => (await preparing()).unbind,
  info: async () => (await using()).info,
  peek: async () => (await using()).peek,
  poke: async () => (await using()).poke,
  irq: async () => (await using()).irq,
  describe: async () => (await using()).describe,
  run: async () => (await guests()).run,
  record: async () => (await guests()).record,
  replay: async () => (await traces()).replay,
  dump: async () => (await traces()).dump,
  diff: async () => (await traces()).diff,
  stat: async () => (await traces()).stat,
  trim: async () => (await traces()).trim,
  minimize: async () => (await traces()).minimize,
  export: async () => (await traces()).exportCommand,
};

export const commandNames: readonly string[] = Object.keys(loadCommand);

/** All of them, for the help text. */
export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(Object.values(loadCommand).map((load) => load()));
}
