import * as fs from 'node:fs';
import type { File } from './file-system.js';
import { systemError } from './system-error.js';

/**
 * On macOS only F_FULLFSYNC reaches the medium, and fsync is the call of Node's
 * that is documented to use it. Elsewhere fdatasync leaves out time stamps.
 */
const syncFile = process.platform === 'darwin' ? fs.fsync : fs.fdatasync;
const syncFileSync = process.platform === 'darwin' ? fs.fsyncSync : fs.fdatasyncSync;

/**
 * A raw descriptor. The kernel gives a closed number to the next file, so the
 * descriptor is closed only when no call that knows it is under way, and no call
 * gets it afterwards.
 */
export class NodeFile implements File {
  readonly path: string;
  readonly #fd: number;
  #isClosed = false;
  /** Calls in the thread pool that use the descriptor. */
  #pending = 0;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  async read(target: Uint8Array, at: number, length: number, position: number): Promise<number> {
    const fd = this.#enter('read');
    try {
      let done = 0;
      while (done < length) {
        const count = await readOnce(fd, target, at + done, length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    } finally {
      this.#leave();
    }
  }

  async write(source: Uint8Array, at: number, length: number, position: number): Promise<void> {
    const fd = this.#enter('write');
    try {
      let done = 0;
      while (done < length) {
        const count = await writeOnce(fd, source, at + done, length - done, position + done);
        if (count === 0) throw systemError('EIO', 'write', this.path);
        done += count;
      }
    } finally {
      this.#leave();
    }
  }

  truncate(size: number): Promise<void> {
    return this.#call('ftruncate', (fd, done) => fs.ftruncate(fd, size, done));
  }

  sync(): Promise<void> {
    return this.#call('fdatasync', syncFile);
  }

  async size(): Promise<number> {
    const fd = this.#enter('fstat');
    try {
      return await new Promise((settle, reject) => {
        fs.fstat(fd, (error, stats) => (error == null ? settle(stats.size) : reject(error)));
      });
    } finally {
      this.#leave();
    }
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      if (this.#isClosed) return Promise.resolve();
      this.#isClosed = true;
      this.#closing = new Promise((settle, reject) => {
        const close = (): void =>
          fs.close(this.#fd, (error) => (error == null ? settle() : reject(error)));
        if (this.#pending === 0) close();
        else this.#onIdle = close;
      });
    }
    return this.#closing;
  }

  readSync(target: Uint8Array, at: number, length: number, position: number): number {
    if (this.#isClosed) throw systemError('EBADF', 'read', this.path);
    let done = 0;
    while (done < length) {
      const count = fs.readSync(this.#fd, target, at + done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  writeSync(source: Uint8Array, at: number, length: number, position: number): void {
    if (this.#isClosed) throw systemError('EBADF', 'write', this.path);
    let done = 0;
    while (done < length) {
      const count = fs.writeSync(this.#fd, source, at + done, length - done, position + done);
      if (count === 0) throw systemError('EIO', 'write', this.path);
      done += count;
    }
  }

  truncateSync(size: number): void {
    if (this.#isClosed) throw systemError('EBADF', 'ftruncate', this.path);
    fs.ftruncateSync(this.#fd, size);
  }

  syncSync(): void {
    if (this.#isClosed) throw systemError('EBADF', 'fdatasync', this.path);
    syncFileSync(this.#fd);
  }

  sizeSync(): number {
    if (this.#isClosed) throw systemError('EBADF', 'fstat', this.path);
    return fs.fstatSync(this.#fd).size;
  }

  /** Cannot wait: with calls under way the descriptor is closed after the last of them. */
  closeSync(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#pending === 0) fs.closeSync(this.#fd);
    else this.#onIdle = () => fs.close(this.#fd, () => undefined);
  }

  #enter(call: string): number {
    if (this.#isClosed) throw systemError('EBADF', call, this.path);
    this.#pending++;
    return this.#fd;
  }

  #leave(): void {
    this.#pending--;
    if (this.#pending === 0 && this.#onIdle !== undefined) {
      const onIdle = this.#onIdle;
      this.#onIdle = undefined;
      onIdle();
    }
  }

  async #call(
    name: string,
    run: (fd: number, callback: (error: Error | null) => void) => void,
  ): Promise<void> {
    const fd = this.#enter(name);
    try {
      await new Promise<void>((settle, reject) => {
        run(fd, (error) => (error == null ? settle() : reject(error)));
      });
    } finally {
      this.#leave();
    }
  }
}

function readOnce(
  fd: number,
  target: Uint8Array,
  at: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((settle, reject) => {
    fs.read(fd, target, at, length, position, (error, count) =>
      error == null ? settle(count) : reject(error),
    );
  });
}

function writeOnce(
  fd: number,
  source: Uint8Array,
  at: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((settle, reject) => {
    fs.write(fd, source, at, length, position, (error, count) =>
      error == null ? settle(count) : reject(error),
    );
  });
}
