/** Where the virtual line of one VFIO interrupt goes. */
export interface LineTarget {
  up(): void;
  down(): void;
}

const NOWHERE: LineTarget = { up() {}, down() {} };
/** Not a line of any device. */
const NONE = -1;

/**
 * Where the virtual lines of one device go. Most devices have one line, so the
 * target that was connected last is at hand without a look-up.
 */
export class LineTargets {
  private readonly all: LineTarget[] = [];
  private latestLine = NONE;
  // Not assigned before there is one: then it has one class, which the engine takes for granted.
  declare private latest: LineTarget;

  constructor(lines: number) {
    for (let line = 0; line < lines; line++) this.all.push(NOWHERE);
  }

  /** The target of a line of the device. */
  at(line: number): LineTarget {
    return line === this.latestLine ? this.latest : (this.all[line] as LineTarget);
  }

  /** Sends the line to `target`, or nowhere. @returns where it went before */
  connect(line: number, target: LineTarget | undefined): LineTarget | undefined {
    const before = this.all[line];
    // A line that does not exist is the core's to refuse.
    if (before === undefined) return undefined;
    this.all[line] = target ?? NOWHERE;
    if (target === undefined) {
      this.latestLine = NONE;
    } else {
      this.latestLine = line;
      this.latest = target;
    }
    return before;
  }
}
