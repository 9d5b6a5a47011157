import { callAsync, callSync, meet, type MetFaults } from './fault-call.js';
import { FaultFile } from './fault-file.js';
import { Fault, type FaultRule } from './fault.js';
import type { DirectoryLock, File, FileStat, FileSystem, LockOptions } from './file-system.js';
import type { FileOperation } from './recording-file-system.js';

/**
 * Hands every call on to another file system, except that some fail, do only
 * part of their work, or wait, as rules say:
 *
 *     const disk = new FaultFileSystem(new MemoryFileSystem());
 *     disk.inject({ operation: 'write', path: /\.log$/, nth: 3, error: 'EIO' });
 *     disk.inject({ path: /\.sst$/, error: 'ENOSPC', times: 'forever' });
 *
 * Each rule counts the calls that match it, synchronous ones together with their
 * asynchronous twins. Where a call meets several faults, it waits for all of them,
 * and the first of the others decides what becomes of it.
 */
export class FaultFileSystem implements FileSystem {
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
  readonly #faults: Fault[] = [];
  #calls = 0;

  constructor(inner: FileSystem, rules: readonly FaultRule[] = []) {
    this.name = `faulty ${inner.name}`;
    this.hasSync = inner.hasSync;
    this.#inner = inner;
    for (const rule of rules) this.inject(rule);
    if (inner.hasSync) {
      this.openSync = (path, options) =>
        this.#wrap(callSync(this.#meet('open', path), () => inner.openSync!(path, options)));
      this.createSync = (path) =>
        this.#wrap(callSync(this.#meet('create', path), () => inner.createSync!(path)));
      this.renameSync = (from, to) =>
        callSync(this.#meet('rename', from, to), () => inner.renameSync!(from, to));
      this.syncDirectorySync = (path) =>
        callSync(this.#meet('sync-directory', path), () => inner.syncDirectorySync!(path));
    }
  }

  /**
   * Adds a rule; it counts the calls from now on.
   * @throws LsmError `LSM_INVALID_ARGUMENT` when a call that it names cannot meet such a fault.
   */
  inject(rule: FaultRule): Fault {
    const fault = new Fault(rule);
    this.#faults.push(fault);
    return fault;
  }

  /** Every rule so far, in the order they were added; the calls that met one are in its `calls`. */
  get faults(): readonly Fault[] {
    return this.#faults;
  }

  /** Lifts every fault: the disk works again. */
  lift(): void {
    for (const fault of this.#faults) fault.lift();
  }

  /** How many calls there were; also the index of the next one. */
  get calls(): number {
    return this.#calls;
  }

  async create(path: string): Promise<File> {
    return this.#wrap(await callAsync(this.#meet('create', path), () => this.#inner.create(path)));
  }

  async open(path: string, options?: { readonly writable?: boolean }): Promise<File> {
    return this.#wrap(
      await callAsync(this.#meet('open', path), () => this.#inner.open(path, options)),
    );
  }

  list(directory: string): Promise<string[]> {
    return callAsync(this.#meet('list', directory), () => this.#inner.list(directory));
  }

  stat(path: string): Promise<FileStat | undefined> {
    return callAsync(this.#meet('stat', path), () => this.#inner.stat(path));
  }

  makeDirectory(path: string): Promise<void> {
    return callAsync(this.#meet('make-directory', path), () => this.#inner.makeDirectory(path));
  }

  remove(path: string): Promise<void> {
    return callAsync(this.#meet('remove', path), () => this.#inner.remove(path));
  }

  removeDirectory(path: string): Promise<void> {
    return callAsync(this.#meet('remove-directory', path), () => this.#inner.removeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return callAsync(this.#meet('rename', from, to), () => this.#inner.rename(from, to));
  }

  link(from: string, to: string): Promise<void> {
    return callAsync(this.#meet('link', from, to), () => this.#inner.link(from, to));
  }

  syncDirectory(path: string): Promise<void> {
    return callAsync(this.#meet('sync-directory', path), () => this.#inner.syncDirectory(path));
  }

  async lockDirectory(directory: string, options?: LockOptions): Promise<DirectoryLock> {
    const lock = await callAsync(this.#meet('lock', directory), () =>
      this.#inner.lockDirectory(directory, options),
    );
    return {
      release: () => callAsync(this.#meet('unlock', directory), () => lock.release()),
    };
  }

  #wrap(file: File): File {
    return new FaultFile(file, this.hasSync, (operation) => this.#meet(operation, file.path));
  }

  #meet(operation: FileOperation, path: string, to?: string): MetFaults | undefined {
    const call = { operation, path, index: this.#calls++ };
    const faults = this.#faults.filter((fault) => fault.meets(call, to));
    return meet(call, faults);
  }
}
