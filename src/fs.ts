/**
 * The disk behind the engine: Node's, one in memory that can lose power, and one
 * that records the order of operations. Any object with the `FileSystem` shape
 * can take their place (`open(path, { fs })`).
 *
 * @module nori-lsm/fs
 */
export type { DirectoryLock, File, FileStat, FileSystem, LockOptions } from './fs/file-system.js';
export { nodeFileSystem } from './fs/node-file-system.js';
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
