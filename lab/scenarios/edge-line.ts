import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../assembly/abi/linux';
import {
  arm,
  disarm,
  loopBack,
  mask,
  setMaskFd,
  setUnmaskFd,
  unmask,
} from '../../test/sim/fixture';
import { openDevice, signals } from './calls';
import { board, type Scenario } from './scenario';

export const edgeLines: readonly Scenario[] = [
  {
    name: 'an edge line',
    run: async (bench, log) => {
      const { kernel } = bench;
      const { fd, close } = openDevice(bench, board.slot);
      const trigger = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      const other = kernel.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      log.result('loop back without a trigger', loopBack(kernel, fd, 0));
      log.result('arm', arm(kernel, fd, 0, trigger));
      log.note('that edge is gone', await signals(bench, trigger));
      loopBack(kernel, fd, 0);
      loopBack(kernel, fd, 0);
      log.note('two edges', await signals(bench, trigger));
      log.result('mask', mask(kernel, fd, 0));
      log.result('unmask', unmask(kernel, fd, 0));
      log.result('mask eventfd', setMaskFd(kernel, fd, 0, other));
      log.result('unmask eventfd', setUnmaskFd(kernel, fd, 0, other));
      log.result('another trigger', arm(kernel, fd, 0, other));
      loopBack(kernel, fd, 0);
      log.note('the new one gets it', [await signals(bench, trigger), await signals(bench, other)]);
      log.result('disarm', disarm(kernel, fd, 0));
      loopBack(kernel, fd, 0);
      log.note('nothing', [await signals(bench, trigger), await signals(bench, other)]);
      kernel.close(trigger);
      kernel.close(other);
      close();
    },
  },
];
