import { emptyBytes } from '../base/bytes.js';
import { LsmError, toLsmError } from '../base/errors.js';
import type { Waitable } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { logBlockBytes } from './log-format.js';

// The first read is small: most manifests and many logs fit in it.
const firstWindowBytes = 2 * logBlockBytes;
const windowBytes = 1024 * 1024;

/** A part of a log in memory: whole blocks, read one mebibyte at a time. */
export class FileWindow implements Waitable {
  /** Byte `offset` of the file is `bytes[offset - start]`, for `start <= offset < end`. */
  bytes: Uint8Array = emptyBytes;
  start = 0;
  end = 0;
  /** Nothing follows `end`: the file ends there, or the limit is reached. */
  isAtEnd = false;
  readonly #file: File;
  readonly #limit: number;
  #wanted = 0;
  /** The buffer that the thread pool is reading into, as long as its result is wanted. */
  #loading: Uint8Array | undefined;

  /** Bytes at `limit` and behind are treated as if the file ended there. */
  constructor(file: File, limit = Infinity) {
    this.#file = file;
    this.#limit = limit;
  }

  /**
   * True when the block of `offset` is in memory, or what there is of it (nothing
   * behind the end of the file). False: wait, and ask again. Offsets only ascend.
   */
  covers(offset: number): boolean {
    if (offset < this.end || this.isAtEnd) return true;
    this.#wanted = offset - (offset % logBlockBytes);
    return false;
  }

  async wait(): Promise<void> {
    const from = this.#wanted;
    const bytes = (this.#loading = this.#takeBuffer(from));
    let length: number;
    try {
      length = await this.#file.read(bytes, 0, bytes.length, from);
    } catch (error) {
      throw this.#readError(error);
    }
    // A synchronous caller may have taken over, and the buffer with it.
    if (this.#loading === bytes) this.#install(bytes, from, length);
  }

  waitSync(): void {
    const { path } = this.#file;
    if (this.#file.readSync === undefined) {
      throw new LsmError('LSM_UNSUPPORTED', 'this file system has no synchronous calls', {
        file: path,
      });
    }
    const from = this.#wanted;
    const bytes = this.#takeBuffer(from);
    let length: number;
    try {
      length = this.#file.readSync(bytes, 0, bytes.length, from);
    } catch (error) {
      throw this.#readError(error);
    }
    this.#install(bytes, from, length);
  }

  #takeBuffer(from: number): Uint8Array {
    const size = from === 0 ? firstWindowBytes : windowBytes;
    // What the pool still reads into is not ours.
    const isFree = this.#loading === undefined && this.bytes.length === size;
    return isFree ? this.bytes : new Uint8Array(size);
  }

  #install(bytes: Uint8Array, from: number, length: number): void {
    this.#loading = undefined;
    const end = Math.min(from + length, this.#limit);
    this.bytes = bytes;
    this.start = from;
    this.end = Math.max(from, end);
    this.isAtEnd = length < bytes.length || from + length >= this.#limit;
  }

  #readError(error: unknown): LsmError {
    return toLsmError(error, `reading ${this.#file.path}`, this.#file.path);
  }
}
