import { readU32, readU64, writeU32, writeU64 } from '../base/bytes.js';
import { corruption } from '../base/errors.js';
import { unsupported } from './block-frame.js';
import { blockTrailerBytes, type BlockHandle } from './format.js';

/*
 * Metaindex block, raw: the names of a table's other blocks.
 *
 *   count u32, then per block: flags u8 (1 = M), name size u8, name (ASCII),
 *   offset u64, size u32
 */

export const indexBlockName = 'index';
export const propertiesBlockName = 'properties';
/** Standard Bloom filter with the hash of base/hash.ts. A reader that cannot use it works without. */
export const filterBlockName = 'filter.bloom.1';

const mustFlag = 1;
const mustNames: ReadonlySet<string> = new Set([indexBlockName, propertiesBlockName]);
const knownNames: ReadonlySet<string> = new Set([...mustNames, filterBlockName]);
const maxBlocks = 64;

export type Metaindex = ReadonlyMap<string, BlockHandle>;

export function encodeMetaindex(blocks: Metaindex): Uint8Array {
  let length = 4;
  for (const name of blocks.keys()) length += 14 + name.length;
  const bytes = new Uint8Array(length);
  writeU32(bytes, 0, blocks.size);
  let at = 4;
  for (const [name, handle] of blocks) {
    bytes[at] = mustNames.has(name) ? mustFlag : 0;
    bytes[at + 1] = name.length;
    for (let i = 0; i < name.length; i++) bytes[at + 2 + i] = name.charCodeAt(i);
    at += 2 + name.length;
    writeU64(bytes, at, handle.offset);
    writeU32(bytes, at + 8, handle.size);
    at += 12;
  }
  return bytes;
}

/** Decodes the metaindex that stands at `offset`; all blocks must stand in [tailOffset, offset). */
export function decodeMetaindex(
  bytes: Uint8Array,
  tailOffset: number,
  file: string,
  offset: number,
): Metaindex {
  const fail = (what: string): Error => corruption(`metaindex: ${what}`, file, offset);
  const blocks = new Map<string, BlockHandle>();
  const count = bytes.length < 4 ? NaN : readU32(bytes, 0);
  if (!(count <= maxBlocks)) throw fail('impossible count');
  let at = 4;
  for (let i = 0; i < count; i++) {
    if (at + 2 > bytes.length || at + 14 + bytes[at + 1] > bytes.length) throw fail('cut off');
    const nameEnd = at + 2 + bytes[at + 1];
    const name = String.fromCharCode(...bytes.subarray(at + 2, nameEnd));
    const handle = { offset: readU64(bytes, nameEnd), size: readU32(bytes, nameEnd + 8) };
    if (!knownNames.has(name) && (bytes[at] & mustFlag) !== 0) {
      throw unsupported(`a block named ${JSON.stringify(name)}`, file, offset);
    }
    const isInPlace =
      handle.offset >= tailOffset &&
      handle.size >= blockTrailerBytes &&
      handle.offset + handle.size <= offset;
    if (!isInPlace || blocks.has(name)) throw fail(`impossible place of ${JSON.stringify(name)}`);
    blocks.set(name, handle);
    at = nameEnd + 12;
  }
  if (at !== bytes.length) throw fail('bytes behind the end');
  for (const name of mustNames) if (!blocks.has(name)) throw fail(`no block named ${name}`);
  return blocks;
}
