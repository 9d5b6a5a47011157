/**
 * The disk behind an interface. Implementations: Node's, in memory (crashable),
 * recording; every one passes the same conformance suite.
 *
 * Errors are the operating system's (`code` ENOENT, EEXIST, ENOSPC, …); callers
 * give them meaning. Paths are absolute or relative to the process, joined with '/'.
 *
 * The `…Sync` methods of `FileSystem` and `File` are optional as one group: a
 * file system has all of them or none (`hasSync`), and without them the
 * database's synchronous methods throw `LSM_UNSUPPORTED`.
 *
 * An asynchronous call may still be under way when the same operation is done
 * synchronously by a caller that could not wait (see base/task.ts), so each one
 * is written such that doing it twice is doing it once: `create` neither
 * truncates nor demands absence.
 */
export interface FileSystem {
  /** For messages: `node`, `memory`, … */
  readonly name: string;
  /** Whether it has the `…Sync` methods. */
  readonly hasSync: boolean;

  /** Opens a file for reading and writing, making it when it is missing; what is in it stays. */
  create(path: string): Promise<File>;
  /** Opens an existing file: for reading, or with `writable` for both. */
  open(path: string, options?: { readonly writable?: boolean }): Promise<File>;
  /** Names in a directory, unsorted. */
  list(directory: string): Promise<string[]>;
  /** Kind and size, or undefined when nothing is there. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Makes a directory and its parents, and their names durable; fine when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Removes a file; ENOENT when it is missing. */
  remove(path: string): Promise<void>;
  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void>;
  /** Renames within a directory tree, replacing a file at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for the same file; EEXIST when `to` is there. */
  link(from: string, to: string): Promise<void>;
  /** Makes created, renamed and removed names of this directory durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the one-writer lock of a database directory, making LOCK and LOCK.owner in it.
   * @throws LsmError `LSM_LOCKED` when another owner holds it and `timeoutMs` (default 0) has passed.
   */
  lockDirectory(directory: string, options?: LockOptions): Promise<DirectoryLock>;

  /** As `open`, before it returns. */
  openSync?(path: string, options?: { readonly writable?: boolean }): File;
  /** As `create`, before it returns. */
  createSync?(path: string): File;
  /** As `rename`, before it returns. */
  renameSync?(from: string, to: string): void;
  /** As `syncDirectory`, before it returns. */
  syncDirectorySync?(path: string): void;
}

/** How a lock is waited for. */
export interface LockOptions {
  /** How long to wait for another owner to let go, in milliseconds. Default 0. */
  readonly timeoutMs?: number;
  /** Takes over from an owner that cannot be proved dead (another host or pid namespace); never from a live one. */
  readonly overrideForeignOwner?: boolean;
}

/** A lock that is held. */
export interface DirectoryLock {
  /** Lets go; doing it twice is fine. */
  release(): Promise<void>;
}

/** What is at a path. */
export interface FileStat {
  /** False for a file. */
  readonly isDirectory: boolean;
  /** Bytes. */
  readonly size: number;
}

/** An open file. Reads and writes name their position; there is no file pointer. */
export interface File {
  /** As it was opened. */
  readonly path: string;
  /** Reads up to `length` bytes into `target[at..]`; returns how many there were (fewer only at the end of the file). */
  read(target: Uint8Array, at: number, length: number, position: number): Promise<number>;
  /** Writes all of `source[at..at+length)`, extending the file when needed. */
  write(source: Uint8Array, at: number, length: number, position: number): Promise<void>;
  /** Cuts or extends with zeros. */
  truncate(size: number): Promise<void>;
  /** Makes content and the size needed to read it durable (fdatasync; F_FULLFSYNC on macOS). */
  sync(): Promise<void>;
  /** Bytes of the file now. */
  size(): Promise<number>;
  /** Waits for calls under way on this file, then closes it. Closing twice is fine. */
  close(): Promise<void>;

  /** As `read`, before it returns. */
  readSync?(target: Uint8Array, at: number, length: number, position: number): number;
  /** As `write`, before it returns. */
  writeSync?(source: Uint8Array, at: number, length: number, position: number): void;
  /** As `truncate`, before it returns. */
  truncateSync?(size: number): void;
  /** As `sync`, before it returns. */
  syncSync?(): void;
  /** As `size`, before it returns. */
  sizeSync?(): number;
  /** As `close`, before it returns. */
  closeSync?(): void;
}
