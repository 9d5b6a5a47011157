import { emptyBytes } from '../base/bytes.js';
import { toLsmError } from '../base/errors.js';
import type { Waitable } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { withSync } from './file-steps.js';

const chunkBytes = 1.25 * 2 ** 20;
const drainBytes = 2 ** 20;

/** The buffer of the output finished last, for the next one in this thread: see `spareChunks` in key-hashes.ts. */
let spareChunk: Uint8Array | undefined;

function takeSpareChunk(): Uint8Array {
  const chunk = spareChunk ?? new Uint8Array(chunkBytes);
  spareChunk = undefined;
  return chunk;
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly position: number;
}

/**
 * What a table writer has produced and not yet written. Bytes are placed in
 * `bytes` at the index that `reserve` returns, then committed.
 */
export class TableOutput {
  /** The buffer that the last `reserve` made room in. */
  bytes: Uint8Array = takeSpareChunk();
  /** File offset of the next byte. */
  offset = 0;
  /** Checksum of the block sealed last. */
  lastChecksum = 0;
  readonly #file: File;
  #used = 0;
  #full: Chunk[] = [];
  #pendingBytes = 0;

  constructor(file: File) {
    this.#file = file;
  }

  get needsDrain(): boolean {
    return this.#pendingBytes >= drainBytes;
  }

  /** Makes room for `length` bytes; returns where in `bytes` they go. */
  reserve(length: number): number {
    if (this.#used + length > this.bytes.length) {
      this.#full = this.#pendingChunks();
      this.#used = 0;
      this.bytes = new Uint8Array(Math.max(length, chunkBytes));
    }
    return this.#used;
  }

  commit(length: number): void {
    this.#used += length;
    this.offset += length;
    this.#pendingBytes += length;
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
    this.commit(bytes.length);
  }

  /** Writes all that is pending; nothing may be appended until it is done. */
  drain(): Waitable {
    const chunks = this.#pendingChunks();
    const file = this.#file;
    let isDone = chunks.length === 0;
    const finish = (mayReuse: boolean): void => {
      if (isDone) return;
      isDone = true;
      this.#full = [];
      this.#pendingBytes = 0;
      // After a takeover the thread pool may still read the old buffer.
      if (!mayReuse || this.bytes.length > chunkBytes) this.bytes = new Uint8Array(chunkBytes);
      this.#used = 0;
    };
    let isInFlight = false;
    return {
      async wait() {
        isInFlight = true;
        try {
          for (const chunk of chunks) {
            if (isDone) return;
            await file.write(chunk.bytes, 0, chunk.length, chunk.position);
          }
        } catch (error) {
          throw toLsmError(error, 'writing a table failed', file.path);
        }
        finish(true);
      },
      waitSync() {
        if (isDone) return;
        const syncFile = withSync(file);
        try {
          for (const chunk of chunks) {
            syncFile.writeSync(chunk.bytes, 0, chunk.length, chunk.position);
          }
        } catch (error) {
          throw toLsmError(error, 'writing a table failed', file.path);
        }
        finish(!isInFlight);
      },
    };
  }

  /** Gives the buffer to the next output, once everything is drained. Nothing is appended afterwards. */
  release(): void {
    if (this.#pendingBytes > 0 || this.bytes.length !== chunkBytes) return;
    spareChunk = this.bytes;
    this.bytes = emptyBytes;
  }

  #pendingChunks(): Chunk[] {
    if (this.#used === 0) return this.#full;
    const current = {
      bytes: this.bytes,
      length: this.#used,
      position: this.offset - this.#used,
    };
    return [...this.#full, current];
  }
}
