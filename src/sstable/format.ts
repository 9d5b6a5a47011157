import { fileHeaderBytes } from '../base/file-header.js';
import { maxKeyBytes, maxValueBytes } from '../base/internal-key.js';

/*
 * A table file (docs/format/table.md explains each part):
 *
 *   table       = header data-block* filter? index properties metaindex footer
 *               | header data-block* filter-part* index-part* filter-top? index-top
 *                 properties metaindex footer
 *   header      = file header of kind `table` (56 bytes)
 *   block       = payload codec:u8 flags:u8 rawLength:u32 crc:u32
 *   footer      = the last 64 bytes
 *
 * The crc of a block covers all of it before the crc and is bound to the table
 * id and the block's offset.
 */

export const blockTrailerBytes = 10;
export const footerBytes = 64;

/** Where the first block of a table begins. */
export const firstBlockOffset: number = fileHeaderBytes;

/** Largest block before compression: one entry of the longest key and value, and its columns. */
export const maxRawBlockBytes: number = maxValueBytes + 2 * (maxKeyBytes + 1);

/** Longer blocks are stored as they are: decompressors take memory by the raw length and keep it. */
export const maxCompressibleBytes: number = 2 ** 24;

export const minBlockSizeBytes = 64;
export const maxBlockSizeBytes: number = 2 ** 22;
export const maxBloomBitsPerKey = 20;

/** Place of a block in its file; `size` includes the trailer. */
export interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/** Room for a column or prefix of `length` bytes, so that what follows is 4-byte aligned. */
export function alignWord(length: number): number {
  return Math.ceil(length / 4) * 4;
}
