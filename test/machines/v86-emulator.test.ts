import { afterEach, expect, it, vi } from 'vitest';
import { V86Guest } from './v86-emulator';

afterEach(() => {
  vi.restoreAllMocks();
});

it('gives up on a guest that is halted and so takes no processor time', async () => {
  const guest = await V86Guest.create('stories-pc');
  vi.spyOn(process, 'cpuUsage').mockReturnValue({ user: 0, system: 0 });
  await expect(guest.until(() => false, 20)).rejects.toThrow('not within 20 ms');
  await guest.destroy();
}, 30_000);
