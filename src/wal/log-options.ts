import type { FileId } from '../base/checksum.js';
import type { FileSystem } from '../fs/file-system.js';

/** The file of a log or manifest to be. */
export interface LogFileOptions {
  readonly fs: FileSystem;
  readonly path: string;
  readonly kind: 'log' | 'manifest';
  readonly fileId: FileId;
  readonly databaseId: FileId;
  /** Extends the file by `ftruncate` ahead of the writes. Default false. */
  readonly preallocate?: boolean;
}

/** With what a log that begins at once says in its header. */
export interface LogOptions extends LogFileOptions {
  /** The extension of the file header: `encodeLogLinks` for a log, nothing for a manifest. */
  readonly extension?: Uint8Array;
}
