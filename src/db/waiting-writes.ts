import { LsmError } from '../base/errors.js';
import { kindDelete } from '../base/internal-key.js';
import { BatchReader } from '../wal/batch-reader.js';
import { WriteBatch } from '../wal/write-batch.js';
import type { Durability } from './settings.js';

/**
 * Small writes that wait next to each other share a batch and a promise up to
 * this size. A single put with a batch and a promise of its own held 2 KiB of
 * memory for 120 bytes counted, and a million of them could not be kept.
 */
const chunkBytes = 64 * 1024;

/** What a chunk takes beside its operations: its first buffer, a promise, its own fields. */
const chunkOverheadBytes = 1536;

/**
 * What each call keeps in memory beside: a caller who reacts to the promise has
 * one derived from it, with two functions. Counted with 100 bytes, half a million
 * calls that never await took 55 MB more than they may.
 */
const callOverheadBytes = 300;

/** Writes that are let in together, in one record of the log. */
export interface WaitingChunk {
  readonly batch: WriteBatch;
  readonly durability: Durability;
  /** When the first of them began to wait, in monotonic milliseconds. */
  readonly sinceMs: number;
  /** Calls that it holds. */
  readonly writes: number;
  readonly resolve: (admitted: Promise<void>) => void;
  readonly reject: (error: Error) => void;
}

interface Chunk extends WaitingChunk {
  writes: number;
  readonly isOpen: boolean;
  readonly promise: Promise<void>;
}

/** Writes that have no effect yet: they wait for room, first in, first out, in bounded memory. */
export class WaitingWrites {
  readonly #chunks: Chunk[] = [];
  readonly #reader = new BatchReader();
  #bytes = 0;
  #writes = 0;
  #refusal: LsmError | undefined;
  /** After `add`: the batch itself waits, so the caller uses another one from then on. */
  tookBatch = false;

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Calls that wait. */
  get writes(): number {
    return this.#writes;
  }

  /** Memory that they hold, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** One write may always wait, however large it is. */
  hasPlaceFor(batch: WriteBatch, durability: Durability, maxBytes: number): boolean {
    if (this.isEmpty) return true;
    const overhead = this.#tailFor(batch, durability) === undefined ? chunkOverheadBytes : 0;
    return this.#bytes + overhead + callOverheadBytes + batch.byteLength <= maxBytes;
  }

  /**
   * What a write is refused with that has no place. One error for all of them
   * until somebody leaves the queue: each has a stack, and a loop that never
   * awaits is refused as often as it can call.
   */
  refusal(maxBytes: number): LsmError {
    this.#refusal ??= new LsmError(
      'LSM_BUSY',
      `${this.#bytes} bytes of writes wait already (maxQueuedBytes ${maxBytes}); the write had no effect. Await earlier writes before making more`,
    );
    return this.#refusal;
  }

  /** The promise settles as `shift` lets the caller settle it. An empty batch holds a place in the queue. */
  add(batch: WriteBatch, durability: Durability, nowMs: number): Promise<void> {
    let chunk = this.#tailFor(batch, durability);
    this.tookBatch = chunk === undefined && 2 * batch.byteLength > chunkBytes;
    if (chunk === undefined) {
      chunk = newChunk(this.tookBatch ? batch : new WriteBatch(), durability, nowMs);
      this.#chunks.push(chunk);
      this.#bytes += chunkOverheadBytes;
    }
    this.#bytes += batch.byteLength + callOverheadBytes;
    this.#writes++;
    chunk.writes++;
    if (!this.tookBatch) this.#copy(batch, chunk.batch);
    return chunk.promise;
  }

  /** The oldest, which waits no longer; undefined when none waits. */
  shift(): WaitingChunk | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    this.#bytes -= chunk.batch.byteLength + chunkOverheadBytes + chunk.writes * callOverheadBytes;
    this.#writes -= chunk.writes;
    this.#refusal = undefined;
    return chunk;
  }

  /** Turns all away: they have had no effect. */
  rejectAll(error: Error): void {
    for (const chunk of this.#chunks.splice(0)) chunk.reject(error);
    this.#bytes = this.#writes = 0;
    this.#refusal = undefined;
  }

  /** The last chunk, if the batch can join it. */
  #tailFor(batch: WriteBatch, durability: Durability): Chunk | undefined {
    const tail = this.#chunks.at(-1);
    if (tail === undefined || !tail.isOpen || tail.durability !== durability) return undefined;
    // A keyspace may be dropped meanwhile: its writes are turned away, others not with them.
    const { keyspaceId } = batch;
    if (keyspaceId < 0 || tail.batch.keyspaceId !== keyspaceId) return undefined;
    return tail.batch.byteLength + batch.byteLength <= chunkBytes ? tail : undefined;
  }

  #copy(from: WriteBatch, to: WriteBatch): void {
    const reader = this.#reader;
    from.read(reader);
    while (reader.next()) {
      const key = reader.keyBytes.subarray(reader.keyStart, reader.keyEnd);
      if (reader.kind === kindDelete) to.delete(reader.keyspaceId, key);
      else {
        const value = reader.valueBytes.subarray(reader.valueStart, reader.valueEnd);
        to.put(reader.keyspaceId, key, value);
      }
    }
  }
}

function newChunk(batch: WriteBatch, durability: Durability, sinceMs: number): Chunk {
  let resolve!: (admitted: Promise<void>) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  // A batch that was taken is the caller's no more, but it is nobody else's to add to.
  const isOpen = batch.count === 0;
  return { batch, durability, sinceMs, writes: 0, isOpen, promise, resolve, reject };
}
