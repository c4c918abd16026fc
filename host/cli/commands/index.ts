import type { Command } from '../arguments/command';
import { bind } from './bind';
import { describe } from './describe';
import { diff } from './diff';
import { doctor } from './doctor';
import { dump } from './dump';
import { exportCommand } from './export';
import { info } from './info';
import { irq } from './irq';
import { list } from './list';
import { minimize } from './minimize';
import { peek } from './peek';
import { poke } from './poke';
import { record } from './record';
import { replay } from './replay';
import { run } from './run';
import { stat } from './stat';
import { trim } from './trim';
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
  record,
  replay,
  dump,
  diff,
  stat,
  trim,
  minimize,
  exportCommand,
];
