import * as events from '../../assembly/boundary/trace-events';
import type { RawTraceEvent } from '../boundary/port';

/** A trace event with QEMU's name and format (spec S12). */
export interface TraceEvent {
  readonly name: string;
  /** The values by name, for programs. */
  readonly values: Readonly<Record<string, number | string>>;
  /** The text that QEMU would print. */
  readonly text: string;
}

interface Format {
  readonly name: string;
  readonly values: (raw: RawTraceEvent) => Record<string, number>;
  readonly text: (raw: RawTraceEvent) => string;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Events that QEMU has too carry its names and formats, unchanged. */
const formats: ReadonlyMap<number, Format> = new Map([
  [
    events.TRACE_INJECT,
    {
      name: 'vfio_platform_intp_interrupt',
      values: ({ a, b }) => ({ pin: a, fd: b }),
      text: ({ a, b }) => `Inject IRQ #${a} (fd = ${b})`,
    },
  ],
  [
    events.TRACE_PENDING,
    {
      name: 'vfio_intp_interrupt_set_pending',
      values: ({ a }) => ({ index: a }),
      text: ({ a }) => `irq ${a} is set PENDING`,
    },
  ],
  [
    events.TRACE_INJECT_PENDING,
    {
      name: 'vfio_platform_intp_inject_pending_lockheld',
      values: ({ a, b }) => ({ pin: a, fd: b }),
      text: ({ a, b }) => `Inject pending IRQ #${a} (fd = ${b})`,
    },
  ],
  [
    events.TRACE_EOI,
    {
      name: 'vfio_platform_eoi',
      values: ({ a, b }) => ({ pin: a, fd: b }),
      text: ({ a, b }) => `EOI IRQ pin ${a} (fd=${b})`,
    },
  ],
  [
    events.TRACE_STILL_ACTIVE,
    {
      name: 'vfio_platform_intp_mmap_enable',
      values: ({ a }) => ({ pin: a }),
      text: ({ a }) => `IRQ #${a} still active, stay in slow path`,
    },
  ],
  [
    events.TRACE_IRQ_INFO,
    {
      name: 'vfio_platform_populate_interrupts',
      values: ({ a, b, c }) => ({ pin: a, count: b, flags: c }),
      text: ({ a, b, c }) => `- IRQ index ${a}: count ${b}, flags=${hex(c)}`,
    },
  ],
  [
    events.TRACE_LEVEL_IRQFD,
    {
      name: 'vfio_platform_start_level_irqfd_injection',
      values: ({ a, b, c }) => ({ index: a, fd: b, resamplefd: c }),
      text: ({ a, b, c }) => `IRQ index=${a}, fd = ${b}, resamplefd = ${c}`,
    },
  ],
  [
    events.TRACE_EDGE_IRQFD,
    {
      name: 'vfio_platform_start_edge_irqfd_injection',
      values: ({ a, b }) => ({ index: a, fd: b }),
      text: ({ a, b }) => `IRQ index=${a}, fd = ${b}`,
    },
  ],
  [
    events.TRACE_MMAPS,
    {
      name: 'vfio_platform_mmaps_set_enabled',
      values: ({ a }) => ({ enabled: a }),
      text: ({ a }) => `direct mapping ${a === 0 ? 'off' : 'on'}`,
    },
  ],
  [
    events.TRACE_REGION_READ,
    {
      name: 'vfio_region_read',
      values: ({ a, b, c }) => ({ region: a, offset: b, value: c }),
      text: ({ a, b, c }) => `region ${a} read at ${hex(b)}: ${hex(c)}`,
    },
  ],
  [
    events.TRACE_REGION_WRITE,
    {
      name: 'vfio_region_write',
      values: ({ a, b, c }) => ({ region: a, offset: b, value: c }),
      text: ({ a, b, c }) => `region ${a} write at ${hex(b)}: ${hex(c)}`,
    },
  ],
  [
    events.TRACE_REGION_MMAP,
    {
      name: 'vfio_region_mmap',
      values: ({ a, b, c }) => ({ region: a, offset: b, size: c }),
      text: ({ a, b, c }) => `region ${a} mapped at ${hex(b)}, ${hex(c)} bytes`,
    },
  ],
  [
    events.TRACE_REGION_MMAP_FAILED,
    {
      name: 'vfio_region_mmap_failed',
      values: ({ a, b }) => ({ region: a, errno: b }),
      text: ({ a }) => `region ${a}: mmap unsupported, performance may be slow`,
    },
  ],
]);

/** Puts the core's numbers into words. */
export function formatTrace(raw: RawTraceEvent): TraceEvent {
  const format = formats.get(raw.event);
  if (format === undefined) {
    return { name: `event_${raw.event}`, values: { ...raw }, text: `event ${raw.event}` };
  }
  return { name: format.name, values: format.values(raw), text: format.text(raw) };
}

/** vfio_platform_realize, with empty texts where QEMU would print "(null)". */
export function realizeEvent(name: string, compatible: string): TraceEvent {
  return {
    name: 'vfio_platform_realize',
    values: { name, compat: compatible },
    text: `vfio device ${name}, compat = ${compatible}`,
  };
}

/** vfio_platform_base_device_init. */
export function groupEvent(name: string, groupid: number): TraceEvent {
  return {
    name: 'vfio_platform_base_device_init',
    values: { name, groupid },
    text: `${name} belongs to group #${groupid}`,
  };
}
