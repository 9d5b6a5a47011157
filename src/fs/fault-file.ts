import type { File } from './file-system.js';
import { callAsync, callSync, type MetFaults } from './fault-call.js';
import type { FileOperation } from './recording-file-system.js';
import { systemError } from './system-error.js';

type Meet = (operation: FileOperation) => MetFaults | undefined;

/** An open file of a `FaultFileSystem`; `meet` counts each call and says which faults it meets. */
export class FaultFile implements File {
  readonly path: string;
  readonly readSync?: File['readSync'];
  readonly writeSync?: File['writeSync'];
  readonly truncateSync?: File['truncateSync'];
  readonly syncSync?: File['syncSync'];
  readonly sizeSync?: File['sizeSync'];
  readonly closeSync?: File['closeSync'];
  readonly #inner: File;
  readonly #meet: Meet;
  /** Calls that may wait here: the file behind does not know of them yet. */
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;
  #closing: Promise<void> | undefined;

  constructor(inner: File, hasSync: boolean, meet: Meet) {
    this.path = inner.path;
    this.#inner = inner;
    this.#meet = meet;
    if (!hasSync) return;
    this.readSync = (target, at, length, position) =>
      callSync(
        this.#enter('read'),
        () => inner.readSync!(target, at, length, position),
        (bytes) => inner.readSync!(target, at, Math.min(bytes, length), position),
      );
    this.writeSync = (source, at, length, position) =>
      callSync(
        this.#enter('write'),
        () => inner.writeSync!(source, at, length, position),
        (bytes) => inner.writeSync!(source, at, Math.min(bytes, length), position),
      );
    this.truncateSync = (size) =>
      callSync(this.#enter('truncate'), () => inner.truncateSync!(size));
    this.syncSync = () => callSync(this.#enter('sync'), () => inner.syncSync!());
    this.sizeSync = () => callSync(this.#enter('size'), () => inner.sizeSync!());
    this.closeSync = () =>
      callSync(meet('close'), () => {
        this.#isClosed = true;
        if (this.#underWay.size === 0) inner.closeSync!();
        else void this.#closeAfterAll().catch(() => undefined);
      });
  }

  read(target: Uint8Array, at: number, length: number, position: number): Promise<number> {
    return this.#call(
      'read',
      () => this.#inner.read(target, at, length, position),
      (bytes) => this.#inner.read(target, at, Math.min(bytes, length), position),
    );
  }

  write(source: Uint8Array, at: number, length: number, position: number): Promise<void> {
    return this.#call(
      'write',
      () => this.#inner.write(source, at, length, position),
      (bytes) => this.#inner.write(source, at, Math.min(bytes, length), position),
    );
  }

  truncate(size: number): Promise<void> {
    return this.#call('truncate', () => this.#inner.truncate(size));
  }

  sync(): Promise<void> {
    return this.#call('sync', () => this.#inner.sync());
  }

  size(): Promise<number> {
    return this.#call('size', () => this.#inner.size());
  }

  close(): Promise<void> {
    return callAsync(this.#meet('close'), () => {
      this.#isClosed = true;
      this.#closing ??= this.#closeAfterAll();
      return this.#closing;
    });
  }

  async #call<T>(
    operation: FileOperation,
    whole: () => Promise<T>,
    part?: (bytes: number) => Promise<T>,
  ): Promise<T> {
    const called = callAsync(this.#enter(operation), whole, part);
    this.#underWay.add(called);
    try {
      return await called;
    } finally {
      this.#underWay.delete(called);
    }
  }

  #enter(operation: FileOperation): MetFaults | undefined {
    if (this.#isClosed) throw systemError('EBADF', operation, this.path);
    return this.#meet(operation);
  }

  async #closeAfterAll(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#inner.close();
  }
}
