import type { Command } from '../arguments/command';
import { bind } from './bind';
import { describe } from './describe';
import { doctor } from './doctor';
import { info } from './info';
import { irq } from './irq';
import { list } from './list';
import { peek } from './peek';
import { poke } from './poke';
import { run } from './run';
import { unbind } from './unbind';

/** In the order of the help text: from setting up to using. */
export const commands: readonly Command[] = [
  doctor,
  list,
  bind,
  unbind,
  info,
  peek,
  poke,
  irq,
  describe,
  run,
];
