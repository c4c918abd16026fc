/**
 * The native host: devices of this machine, through the VFIO of its Linux.
 *
 * @module
 */
export { type HandleField, type RequestShape, requestTable } from '../boundary/request-table';
export { NativeHost, type NativeHostOptions } from './host';
export type { NativeKernel } from './kernel';
export { type KvmExit, KvmVm, type KvmVmOptions } from './kvm';
export { FileSysfs } from './sysfs';
