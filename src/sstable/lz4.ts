import { readU32, writeU32 } from '../base/bytes.js';
import type { Codec } from './codecs.js';

/** LZ4 expands by at most 255 per byte of input. */
const maxExpansion = 255;
/** The package puts the raw length before the payload; on disk the block trailer has it. */
const lengthBytes = 4;

/**
 * The package's wasm exports, as its own glue calls them. That glue returns a
 * fresh array for every block, which for a compaction is as much garbage outside
 * the heap as it reads and writes: 28 MB, since nothing in a worker makes it
 * collect. So the exports are called here; the version is pinned for that.
 */
interface Lz4Wasm {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Both take `input`, which they free, and leave pointer and length at `result`; decompress also an error there. */
  compress(result: number, input: number, length: number): void;
  decompress(result: number, input: number, length: number): void;
  __wbindgen_add_to_stack_pointer(bytes: number): number;
  __wbindgen_malloc(bytes: number): number;
  __wbindgen_free(pointer: number, bytes: number): void;
}

/** LZ4 block format through lz4-wasm-nodejs. */
export async function loadLz4(id: number): Promise<Codec> {
  const { default: lz4 } = (await import('lz4-wasm-nodejs')) as unknown as {
    readonly default: { readonly __wasm: Lz4Wasm };
  };
  const memory = new WasmMemory(lz4.__wasm);
  return {
    id,
    compress(source, start, end, target, at, limit) {
      const input = memory.put(source, start, end, undefined);
      return memory.call('compress', input, end - start, (bytes, from, length) => {
        const payload = length - lengthBytes;
        if (payload > limit) return 0;
        target.set(bytes.subarray(from + lengthBytes, from + length), at);
        return payload;
      });
    },
    mostOf: (_, start, end) => (end - start) * maxExpansion,
    decompress(source, start, end, target) {
      const length = end - start;
      // Memory is taken for the claimed length first, and never given back.
      if (target.length > length * maxExpansion) return false;
      const take = (bytes: Uint8Array, from: number, count: number): number => {
        if (count !== target.length) return 0;
        target.set(bytes.subarray(from, from + count));
        return 1;
      };
      try {
        const input = memory.put(source, start, end, target.length);
        return memory.call('decompress', input, length + lengthBytes, take) === 1;
      } catch {
        // Wasm traps on some damage: to the caller it is a block that does not decompress.
        return false;
      }
    },
  };
}

/** Calls the exports with bytes of ours. */
class WasmMemory {
  readonly #wasm: Lz4Wasm;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(wasm: Lz4Wasm) {
    this.#wasm = wasm;
  }

  /** Copies the bytes in, behind `rawLength` where that is given; returns where they are. */
  put(source: Uint8Array, start: number, end: number, rawLength: number | undefined): number {
    const head = rawLength === undefined ? 0 : lengthBytes;
    const pointer = this.#wasm.__wbindgen_malloc(head + end - start);
    const bytes = this.#view();
    if (rawLength !== undefined) writeU32(bytes, pointer, rawLength);
    bytes.set(
      new Uint8Array(source.buffer, source.byteOffset + start, end - start),
      pointer + head,
    );
    return pointer;
  }

  /** Runs one of the exports and hands its result to `take`; 0 when it failed. */
  call(
    name: 'compress' | 'decompress',
    input: number,
    length: number,
    take: (bytes: Uint8Array, from: number, length: number) => number,
  ): number {
    const wasm = this.#wasm;
    const result = wasm.__wbindgen_add_to_stack_pointer(-16);
    try {
      // Only decompress writes an error there; compress has none.
      writeU32(this.#view(), result + 12, 0);
      wasm[name](result, input, length);
      const bytes = this.#view();
      if (readU32(bytes, result + 12) !== 0) return 0;
      const from = readU32(bytes, result);
      const count = readU32(bytes, result + 4);
      try {
        return take(bytes, from, count);
      } finally {
        wasm.__wbindgen_free(from, count);
      }
    } finally {
      wasm.__wbindgen_add_to_stack_pointer(16);
    }
  }

  /** The memory as it is now: growing it makes another buffer. */
  #view(): Uint8Array {
    const { buffer } = this.#wasm.memory;
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    return this.#bytes;
  }
}
