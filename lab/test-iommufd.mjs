// npm run test:lab:iommufd: the tests of cdev and iommufd, on a small kernel that has them.
import { fail } from '../scripts/setup.mjs';
import { buildIommufdGuest } from './build/guest.mjs';
import { runTests } from './test.mjs';

try {
  const ok = await runTests(await buildIommufdGuest(), process.argv[2] ?? 'iommufd,agreement');
  process.exit(ok ? 0 : 1);
} catch (error) {
  fail(error);
}
