import { writeU32 } from '../base/bytes.js';
import type { Codec } from './codecs.js';

/** LZ4 expands by at most 255 per byte of input. */
const maxExpansion = 255;

/**
 * LZ4 block format through lz4-wasm-nodejs. The package puts the raw length in
 * four bytes before the payload; on disk the block trailer has it.
 */
export async function loadLz4(id: number): Promise<Codec> {
  const { default: lz4 } = await import('lz4-wasm-nodejs');
  let scratch = new Uint8Array(64 * 1024);
  return {
    id,
    compress(source, start, end, target, at, limit) {
      const packed = lz4.compress(source.subarray(start, end));
      const length = packed.length - 4;
      if (length > limit) return 0;
      target.set(packed.subarray(4), at);
      return length;
    },
    decompress(source, start, end, target) {
      const length = end - start;
      // The package takes memory for the claimed length first, and never gives it back.
      if (target.length > length * maxExpansion) return false;
      if (scratch.length < length + 4) scratch = new Uint8Array(2 * (length + 4));
      writeU32(scratch, 0, target.length);
      scratch.set(source.subarray(start, end), 4);
      try {
        const raw = lz4.decompress(scratch.subarray(0, length + 4));
        if (raw.length !== target.length) return false;
        target.set(raw);
        return true;
      } catch {
        return false;
      }
    },
  };
}
