/**
 * Recordings: a device's behaviour as a file that runs anywhere.
 *
 * @module
 */

export {
  type ReplayDeviceModel,
  type ReplayDeviceOptions,
  replayDevice,
} from './device/replay-device';
export {
  type AccessStep,
  type DeviceStep,
  type DmaStep,
  deviceSteps,
  type SignalStep,
} from './device/steps';
export type { ChunkInfo, PlacedChunk } from './format/chunk';
export type { TraceCursor } from './format/cursor';
export type { EventPhase, RecordedEvent } from './format/event';
export type {
  DeviceDescription,
  DmaMode,
  MachineIdentity,
  TraceHeader,
  TraceTotals,
} from './format/header';
export { type OpKind, type OpShape, opShape, ops } from './format/ops';
export { type EventData, eventData, eventText, placedText } from './format/text';
export {
  Trace,
  type TraceCheckpoint,
  type TraceCut,
  type TraceSource,
} from './format/trace';
export { MemorySink, type TraceSink, TraceWriter } from './format/writer';
export type { RecordOptions } from './record/options';
export { type Recording, record } from './record/record';
export { type ContinueOptions, continueRecording } from './replay/continue';
export { type CoreReplayOptions, replayOptions } from './replay/core-options';
export { CoreReplay } from './replay/core-replay';
export { TraceDebugger } from './replay/debugger';
export {
  type Divergence,
  DivergenceError,
  type DivergenceInterval,
  divergenceText,
} from './replay/divergence';
export { MachineDebugger, type MachineDebuggerOptions } from './replay/machine-debugger';
export { type ReplayHost, type ReplayHostOptions, replayHost } from './replay/machine-replay';
export type { RegisterPlace } from './replay/navigation';
export type { BootGuest, ReplayedGuest } from './replay/replayed-guest';
export { type CoreReplayReport, locateDivergence, replayCore } from './replay/report';
export type { StateDifference } from './replay/state-difference';
export { ReplayWalk } from './replay/walk';
export { type DiffOptions, diffTraces, type TraceDifference } from './tools/diff';
export { type DumpOptions, dumpTrace } from './tools/dump';
export type { Latency } from './tools/latency';
export {
  failsWith,
  type MinimizedTrace,
  type MinimizeOptions,
  minimizeTrace,
} from './tools/minimize';
export { exportPerfetto } from './tools/perfetto';
export {
  type LineStat,
  type StatOptions,
  statTrace,
  type TraceStat,
} from './tools/stat';
export { type TrimOptions, trimTrace } from './tools/trim';
export { exportVcd } from './tools/vcd';
export { exportVitest, type VitestOptions } from './tools/vitest';
