import { endianness } from 'node:os';
import { LsmError } from '../base/errors.js';
import type { Compression } from '../base/table-meta.js';
import { lz4Codec } from './lz4.js';
import { loadZstd } from './zstd.js';

/** Compresses and restores the payload of one block. */
export interface Codec {
  /** Stored with each block; below 128 they are ours. */
  readonly id: number;
  /**
   * Writes the compressed form of `source[start..end)` to `target` at `at` and
   * returns its length, or 0 when it would be longer than `limit`. `limit` bytes
   * of room are there.
   */
  compress(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    at: number,
    limit: number,
  ): number;
  /**
   * The most bytes that `source[start..end)` can give, by its length and its own
   * structure: what claims more is refused before memory is taken for it.
   */
  mostOf(source: Uint8Array, start: number, end: number): number;
  /**
   * Restores `source[start..end)` into the whole of `target`. False when the
   * bytes are damaged or do not give exactly that length; takes no memory beyond
   * that length whatever the bytes claim.
   */
  decompress(source: Uint8Array, start: number, end: number, target: Uint8Array): boolean;
}

/** The id of each codec, as it stands in a block. */
export const codecIds: Readonly<Record<Compression, number>> = { none: 0, lz4: 1, zstd: 2 };

const loaded: (Codec | undefined)[] = [];
let loading: Promise<void> | undefined;

/**
 * Makes the codecs usable; awaited once before any table is read or written.
 * Calling it again costs nothing.
 * @throws LsmError `LSM_UNSUPPORTED` on a big-endian machine: blocks are read through typed arrays.
 */
export function loadCodecs(): Promise<void> {
  loading ??= load();
  return loading;
}

async function load(): Promise<void> {
  if (endianness() !== 'LE') {
    throw new LsmError('LSM_UNSUPPORTED', 'tables need a little-endian machine');
  }
  loaded[codecIds.lz4] = lz4Codec(codecIds.lz4);
  loaded[codecIds.zstd] = await loadZstd(codecIds.zstd);
}

/** The codec with this id; undefined for `none` and for ids that this version does not know. */
export function codecById(id: number): Codec | undefined {
  const codec = loaded[id];
  if (codec === undefined && (id === codecIds.lz4 || id === codecIds.zstd)) {
    throw new LsmError('LSM_UNSUPPORTED', 'the codecs are not loaded: await loadCodecs() first');
  }
  return codec;
}

/** The codec of that name; undefined for `none`. */
export function codecNamed(compression: Compression): Codec | undefined {
  return compression === 'none' ? undefined : codecById(codecIds[compression]);
}
