import { compressLz4, decompressLz4 } from '../kernel/lz4.js';
import type { Codec } from './codecs.js';

/** LZ4 expands by at most 255 per byte of input. */
const maxExpansion = 255;

/** LZ4 block format, without a length before it: the block's trailer has that. */
export function lz4Codec(id: number): Codec {
  return {
    id,
    compress: compressLz4,
    mostOf: (_, start, end) => (end - start) * maxExpansion,
    decompress(source, start, end, target) {
      // The kernel takes memory for the claimed length first.
      if (target.length > (end - start) * maxExpansion) return false;
      return decompressLz4(source, start, end, target);
    },
  };
}
