import { toLsmError } from '../base/errors.js';
import type { Waitable } from '../base/task.js';
import type { DataBlock } from './data-block.js';
import { withSync } from './file-steps.js';
import type { TableBlocks } from './table-blocks.js';

const firstWindowBytes = 32 * 1024;
const longestWindowBytes = 256 * 1024;

/**
 * Reads many neighbouring blocks with one call, for a cursor that was seen to
 * read them one after the other: a call per 4 KiB block costs 15–26 µs through
 * the thread pool and 1.4 µs on the spot, however short it is.
 */
export class ReadAhead implements Waitable {
  readonly #blocks: TableBlocks;
  #windowBytes = firstWindowBytes;
  /** The blocks asked for; [first, end). */
  #first = 0;
  #end = 0;
  /** Their bytes, and the file offset these begin at. */
  #bytes: Uint8Array | undefined;
  #start = 0;
  #buffer: Uint8Array | undefined;

  constructor(blocks: TableBlocks) {
    this.#blocks = blocks;
  }

  /** Chooses the blocks from `first` on that the next wait reads; longer windows as the scan goes on. */
  aim(first: number): void {
    const { index } = this.#blocks.directory;
    this.#windowBytes =
      first === this.#end && this.#end > 0
        ? Math.min(this.#windowBytes * 2, longestWindowBytes)
        : firstWindowBytes;
    this.#start = index.offsetAt(first);
    let end = first + 1;
    while (end < index.count && this.#endOf(end) <= this.#start + this.#windowBytes) end++;
    this.#first = first;
    this.#end = end;
    this.#bytes = undefined;
  }

  /** Block `number` if it was read. `reuse` as for `openBlock`. */
  find(number: number, fillCache: boolean, reuse?: ArrayBuffer): DataBlock | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined || number < this.#first || number >= this.#end) return undefined;
    const start = this.#blocks.directory.index.offsetAt(number) - this.#start;
    return this.#blocks.decode(number, bytes, start, fillCache, reuse);
  }

  async wait(): Promise<void> {
    const { file } = this.#blocks;
    const first = this.#first;
    const start = this.#start;
    const length = this.#endOf(this.#end - 1) - start;
    // Whoever takes over must not find the thread pool writing into the same buffer.
    const target = this.#takeBuffer(length);
    let count: number;
    try {
      count = await file.read(target, 0, length, start);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', file.path);
    }
    // The cursor may have been moved meanwhile, and asked for other blocks.
    if (this.#first === first) this.#bytes ??= target.subarray(0, count);
    this.#buffer = target;
  }

  waitSync(): void {
    const file = withSync(this.#blocks.file);
    const length = this.#endOf(this.#end - 1) - this.#start;
    const target = this.#takeBuffer(length);
    try {
      const count = file.readSync(target, 0, length, this.#start);
      this.#bytes = target.subarray(0, count);
    } catch (error) {
      throw toLsmError(error, 'reading a table failed', file.path);
    }
    this.#buffer = target;
  }

  /** The buffer of the window before where it is long enough: fresh memory costs a page fault per 4 KiB. */
  #takeBuffer(length: number): Uint8Array {
    const buffer = this.#buffer;
    this.#buffer = undefined;
    if (buffer !== undefined && buffer.length >= length) return buffer;
    return new Uint8Array(Math.max(length, this.#windowBytes));
  }

  #endOf(number: number): number {
    const { index } = this.#blocks.directory;
    return index.offsetAt(number) + index.sizeAt(number);
  }
}
