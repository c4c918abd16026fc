import type {
  DeviceModel,
  ModelEnvironment,
  ModelIrq,
  ModelRegion,
  ModelWidth,
} from '../../../host/sim/models/model';

/** Options of {@link ProbeDevice}. */
export interface ProbeOptions {
  readonly regions?: readonly ModelRegion[];
  readonly lines?: readonly ('edge' | 'level')[];
  readonly compatible?: readonly string[];
  readonly resettable?: boolean;
}

/** Registers with side effects: notes every access, 'r0+4:2' is a read of region 0 at 4, 2 bytes. */
export class ProbeDevice implements DeviceModel {
  readonly compatible: readonly string[];
  readonly regions: readonly ModelRegion[];
  readonly irqs: readonly ModelIrq[];
  readonly resettable: boolean;
  readonly accesses: string[] = [];
  resets = 0;
  environment!: ModelEnvironment;
  /** What happens on a read, before it is answered. */
  onRead: ((region: number, offset: number) => void) | undefined;
  onWrite: ((region: number, offset: number, value: number) => void) | undefined;

  constructor(options: ProbeOptions = {}) {
    this.regions = options.regions ?? [{ size: 0x1000 }];
    this.irqs = (options.lines ?? []).map((trigger) => ({ trigger }));
    this.compatible = options.compatible ?? [];
    this.resettable = options.resettable ?? true;
  }

  connect(environment: ModelEnvironment): void {
    this.environment = environment;
  }

  /** Each byte tells its offset: 0x03020100 at 0. */
  read(region: number, offset: number, width: ModelWidth): number {
    this.accesses.push(`r${region}+${offset}:${width}`);
    this.onRead?.(region, offset);
    let value = 0;
    for (let lane = width - 1; lane >= 0; lane--) value = value * 256 + ((offset + lane) & 0xff);
    return value;
  }

  write(region: number, offset: number, width: ModelWidth, value: number): void {
    this.accesses.push(`w${region}+${offset}:${width}=${value.toString(16)}`);
    this.onWrite?.(region, offset, value);
  }

  reset(): void {
    this.resets++;
    for (const line of this.irqs.keys()) this.environment.setLine(line, false);
  }

  /** The accesses since the last take. */
  take(): string[] {
    return this.accesses.splice(0);
  }
}

export function edges(count: number): 'edge'[] {
  return Array.from({ length: count }, () => 'edge');
}

export function levels(count: number): 'level'[] {
  return Array.from({ length: count }, () => 'level');
}
