// npm run lab: a shell in the guest, on this terminal.
import { fail } from '../scripts/setup.mjs';
import { startBoard } from './board/board.mjs';
import { buildGuest } from './build/guest.mjs';

try {
  const guest = await buildGuest();
  console.log("Starting the guest; 'exit' or Ctrl-D ends it.");
  const board = await startBoard(guest, { append: 'lab=shell', console: 'inherit' });
  await board.ended;
} catch (error) {
  fail(error);
}
