/**
 * Disks, randomness and time for tests: what you need to see how your own program
 * behaves when power fails, the disk is full, or a sync fails. A database opened
 * with them (`open(path, { fs, clock, random })`) touches no real disk.
 *
 * @module nori-lsm/testing
 */
export { FaultFileSystem } from './fs/fault-file-system.js';
export { Fault, type FaultRule, type FaultyCall } from './fs/fault.js';
export type { SystemErrorCode } from './fs/system-error.js';
export {
  MemoryFileSystem,
  type CrashOptions,
  type MemoryFileSystemOptions,
} from './fs/memory-file-system.js';
export {
  RecordingFileSystem,
  type ChangingOperation,
  type FileOperation,
  type RecordingOptions,
} from './fs/recording-file-system.js';
export { Prng, type RandomSource } from './base/prng.js';
