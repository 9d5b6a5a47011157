import { crc32 } from 'node:zlib';
import type { File } from '../../src/fs.js';
import type { ScheduledCalls } from './scheduled-disk.js';

/** An open file of a `ScheduledDisk`. As with a real one, closing waits for the calls that are under way. */
export class ScheduledFile implements File {
  readonly path: string;
  readonly readSync?: File['readSync'];
  readonly writeSync?: File['writeSync'];
  readonly truncateSync?: File['truncateSync'];
  readonly syncSync?: File['syncSync'];
  readonly sizeSync?: File['sizeSync'];
  readonly closeSync?: File['closeSync'];
  readonly #inner: File;
  readonly #calls: ScheduledCalls;
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(inner: File, hasSync: boolean, calls: ScheduledCalls) {
    this.path = inner.path;
    this.#inner = inner;
    this.#calls = calls;
    if (!hasSync) return;
    const { path } = inner;
    this.readSync = (target, at, length, position) =>
      this.#callSync('read', `${position}+${length}`, () =>
        inner.readSync!(target, at, length, position),
      );
    this.writeSync = (source, at, length, position) =>
      this.#callSync('write', describe(source, at, length, position), () =>
        inner.writeSync!(source, at, length, position),
      );
    this.truncateSync = (size) =>
      this.#callSync('truncate', String(size), () => inner.truncateSync!(size));
    this.syncSync = () => this.#callSync('sync', '', () => inner.syncSync!());
    this.sizeSync = () => this.#callSync('size', '', () => inner.sizeSync!());
    this.closeSync = () => {
      if (this.#closing !== undefined) return;
      if (this.#underWay > 0) this.close().catch(() => undefined);
      else {
        this.#closing = Promise.resolve();
        calls.callSync('close', path, '', () => inner.closeSync!());
      }
    };
  }

  read(target: Uint8Array, at: number, length: number, position: number): Promise<number> {
    return this.#call('read', `${position}+${length}`, () =>
      this.#inner.read(target, at, length, position),
    );
  }

  /** It may come to the disk in two parts. */
  write(source: Uint8Array, at: number, length: number, position: number): Promise<void> {
    const detail = describe(source, at, length, position);
    const { scheduler } = this.#calls;
    const first = length > 1 && scheduler.chance(0.15) ? scheduler.below(length) : 0;
    return this.#whileOpen('write', async () => {
      if (first > 0) {
        await this.#calls.call('write', this.path, `${detail}, the first ${first}`, () =>
          this.#inner.write(source, at, first, position),
        );
      }
      await this.#calls.call('write', this.path, detail, () =>
        this.#inner.write(source, at + first, length - first, position + first),
      );
    });
  }

  truncate(size: number): Promise<void> {
    return this.#call('truncate', String(size), () => this.#inner.truncate(size));
  }

  sync(): Promise<void> {
    return this.#call('sync', '', () => this.#inner.sync());
  }

  size(): Promise<number> {
    return this.#call('size', '', () => this.#inner.size());
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      const close = (): void => {
        this.#calls.call('close', this.path, '', () => this.#inner.close()).then(resolve, reject);
      };
      if (this.#underWay === 0) close();
      else this.#onIdle = close;
    });
    return this.#closing;
  }

  #call<T>(operation: string, detail: string, effect: () => Promise<T>): Promise<T> {
    return this.#whileOpen(operation, () => this.#calls.call(operation, this.path, detail, effect));
  }

  async #whileOpen<T>(operation: string, call: () => Promise<T>): Promise<T> {
    this.#checkOpen(operation);
    this.#underWay++;
    try {
      return await call();
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  #callSync<T>(operation: string, detail: string, effect: () => T): T {
    this.#checkOpen(operation);
    return this.#calls.callSync(operation, this.path, detail, effect);
  }

  #checkOpen(operation: string): void {
    if (this.#closing === undefined) return;
    throw Object.assign(new Error(`EBADF: ${operation} of ${this.path}, which is closed`), {
      code: 'EBADF',
    });
  }
}

/** Where, how much and what: that two runs write the same is seen in their traces. */
function describe(source: Uint8Array, at: number, length: number, position: number): string {
  return `${position}+${length} #${crc32(source.subarray(at, at + length)).toString(16)}`;
}
