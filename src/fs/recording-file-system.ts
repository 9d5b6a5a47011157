import type { DirectoryLock, File, FileStat, FileSystem, LockOptions } from './file-system.js';
import { RecordingFile } from './recording-file.js';
import { systemError } from './system-error.js';

/** Operations after which a disk is not as before, or more of it is durable. */
const changingOperations = [
  'create',
  'write',
  'truncate',
  'sync',
  'make-directory',
  'remove',
  'remove-directory',
  'rename',
  'link',
  'sync-directory',
] as const;
/** A call that changes the disk, or makes more of it durable. */
export type ChangingOperation = (typeof changingOperations)[number];

/** A call on a file system or file, as its line begins. */
export type FileOperation =
  ChangingOperation | 'open' | 'read' | 'size' | 'close' | 'list' | 'stat' | 'lock' | 'unlock';

const isChanging: ReadonlySet<string> = new Set(changingOperations);

/** What a `RecordingFileSystem` is made with. */
export interface RecordingOptions {
  /** Paths below it are shown relative to it, itself as `.`. */
  readonly root?: string;
  /**
   * Called before each operation with its path and its number, counted from 0.
   * What it throws is what the call throws, and the operation is not done.
   */
  readonly beforeCall?: (operation: FileOperation, path: string, index: number) => void;
}

/**
 * Hands every call on to another file system and writes it down as a line, so
 * that a test can compare the order of operations, or stop at the n-th:
 *
 *     create 000003.log              list .
 *     write 000003.log 56..120       rename CURRENT.tmp -> CURRENT
 *     truncate 000003.log 4194304    sync-directory .
 *     sync 000003.log                lock .
 *
 * Synchronous calls are recorded as their asynchronous twins. A line is written
 * when the call begins; a call that `beforeCall` or `dieAt` stopped has none.
 */
export class RecordingFileSystem implements FileSystem {
  readonly name: string;
  /** As that of the file system behind it. */
  readonly hasSync: boolean;
  /** As `FileSystem.openSync`. */
  readonly openSync?: FileSystem['openSync'];
  /** As `FileSystem.createSync`. */
  readonly createSync?: FileSystem['createSync'];
  /** As `FileSystem.renameSync`. */
  readonly renameSync?: FileSystem['renameSync'];
  /** As `FileSystem.syncDirectorySync`. */
  readonly syncDirectorySync?: FileSystem['syncDirectorySync'];
  readonly #inner: FileSystem;
  readonly #root: string;
  readonly #beforeCall: RecordingOptions['beforeCall'];
  #lines: string[] = [];
  #calls = 0;
  #deadFrom = Infinity;

  constructor(inner: FileSystem, options: RecordingOptions = {}) {
    this.name = `recording ${inner.name}`;
    this.hasSync = inner.hasSync;
    this.#inner = inner;
    this.#root = options.root ?? '';
    this.#beforeCall = options.beforeCall;
    if (inner.hasSync) {
      this.openSync = (path, openOptions) => {
        this.#record('open', path);
        return this.#wrap(inner.openSync!(path, openOptions));
      };
      this.createSync = (path) => {
        this.#record('create', path);
        return this.#wrap(inner.createSync!(path));
      };
      this.renameSync = (from, to) => {
        this.#record('rename', from, `-> ${this.#show(to)}`);
        inner.renameSync!(from, to);
      };
      this.syncDirectorySync = (path) => {
        this.#record('sync-directory', path);
        inner.syncDirectorySync!(path);
      };
    }
  }

  /** Every call since the beginning or the last `clear`. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The lines of operations that change something or make it durable. */
  get changes(): readonly string[] {
    return this.#lines.filter((line) => isChanging.has(line.slice(0, line.indexOf(' '))));
  }

  /** How many calls there were; also the index of the next one. */
  get calls(): number {
    return this.#calls;
  }

  /** Forgets the lines; the count of calls goes on. */
  clear(): void {
    this.#lines = [];
  }

  /** The process ends before call `index` (counted from 0): this call and every later one fail with EIO. */
  dieAt(index: number): void {
    this.#deadFrom = index;
  }

  /** True once a call was stopped by `dieAt`. */
  get isDead(): boolean {
    return this.#calls > this.#deadFrom;
  }

  async create(path: string): Promise<File> {
    this.#record('create', path);
    return this.#wrap(await this.#inner.create(path));
  }

  async open(path: string, options?: { readonly writable?: boolean }): Promise<File> {
    this.#record('open', path);
    return this.#wrap(await this.#inner.open(path, options));
  }

  async list(directory: string): Promise<string[]> {
    this.#record('list', directory);
    return this.#inner.list(directory);
  }

  async stat(path: string): Promise<FileStat | undefined> {
    this.#record('stat', path);
    return this.#inner.stat(path);
  }

  async makeDirectory(path: string): Promise<void> {
    this.#record('make-directory', path);
    return this.#inner.makeDirectory(path);
  }

  async remove(path: string): Promise<void> {
    this.#record('remove', path);
    return this.#inner.remove(path);
  }

  async removeDirectory(path: string): Promise<void> {
    this.#record('remove-directory', path);
    return this.#inner.removeDirectory(path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#record('rename', from, `-> ${this.#show(to)}`);
    return this.#inner.rename(from, to);
  }

  async link(from: string, to: string): Promise<void> {
    this.#record('link', from, `-> ${this.#show(to)}`);
    return this.#inner.link(from, to);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#record('sync-directory', path);
    return this.#inner.syncDirectory(path);
  }

  async lockDirectory(directory: string, options?: LockOptions): Promise<DirectoryLock> {
    this.#record('lock', directory);
    const lock = await this.#inner.lockDirectory(directory, options);
    return {
      release: async () => {
        this.#record('unlock', directory);
        await lock.release();
      },
    };
  }

  #wrap(file: File): File {
    return new RecordingFile(file, this.hasSync, (operation, detail) =>
      this.#record(operation, file.path, detail),
    );
  }

  #record(operation: FileOperation, path: string, detail?: string): void {
    const index = this.#calls++;
    if (index >= this.#deadFrom) throw systemError('EIO', operation, path);
    this.#beforeCall?.(operation, path, index);
    const line = `${operation} ${this.#show(path)}`;
    this.#lines.push(detail === undefined ? line : `${line} ${detail}`);
  }

  #show(path: string): string {
    if (this.#root === '') return path;
    if (path === this.#root) return '.';
    return path.startsWith(`${this.#root}/`) ? path.slice(this.#root.length + 1) : path;
  }
}
