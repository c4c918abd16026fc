import { openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import type { Answer, BoardRequest, Report, Task } from '../protocol';

const PORTS = '/sys/class/virtio-ports';

/** Opens the serial port of that name. */
function openPort(name: string): number {
  for (const port of readdirSync(PORTS)) {
    let found: string;
    try {
      found = readFileSync(`${PORTS}/${port}/name`, 'utf8').trim();
    } catch {
      continue;
    }
    if (found === name) return openSync(`/dev/${port}`, 'r+');
  }
  throw new Error(`the board has no port ${name}`);
}

/** A port takes no more than 32 KiB at once. */
function send(port: number, message: object): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(port, bytes, sent);
}

/** Waits for the answer. */
function receive(port: number): unknown {
  let text = '';
  const chunk = Buffer.alloc(65536);
  const decoder = new TextDecoder();
  while (!text.endsWith('\n')) {
    text += decoder.decode(chunk.subarray(0, readSync(port, chunk)), { stream: true });
  }
  return JSON.parse(text);
}

/** Writes reports to the host. Only one process may have the port open. */
export class Reporter {
  readonly #port = openPort('lab.results');

  report(report: Report): void {
    send(this.#port, report);
  }

  /** What to do next. */
  task(): Task {
    this.report({ type: 'ready' });
    return receive(this.#port) as Task;
  }
}

let board: number | undefined;

/** Has something done on the board; returns when it is done. */
export function askBoard(request: BoardRequest): unknown {
  board ??= openPort('lab.board');
  send(board, request);
  const answer = receive(board) as Answer;
  if (!answer.ok) throw new Error(`the board cannot ${request.do}: ${answer.error}`);
  return answer.value;
}
