import type { FileId } from '../base/checksum.js';
import { isLsmError } from '../base/errors.js';
import { runAsync } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { openBlock } from '../sstable/block-frame.js';
import { DataBlock } from '../sstable/data-block.js';
import { readFromFile } from '../sstable/file-steps.js';
import { firstBlockOffset } from '../sstable/format.js';
import type { IndexBlock } from '../sstable/index-block.js';
import { checkIndexPart } from '../sstable/index-part.js';
import { decodeProperties, type TableProperties } from '../sstable/properties.js';
import { decodeIndex, type TableDirectory } from '../sstable/table-directory.js';
import { findBlocks } from './find-blocks.js';

/** A data block that checks out. */
export interface BlockPiece {
  readonly type: 'block';
  readonly offset: number;
  readonly bytes: number;
  readonly block: DataBlock;
}

/** Bytes that hold nothing that checks out. */
export interface GapPiece {
  readonly type: 'gap';
  readonly offset: number;
  readonly bytes: number;
  readonly what: string;
  /** The keys that were there, both inclusive, where an index tells. */
  readonly lower: Uint8Array | undefined;
  readonly upper: Uint8Array | undefined;
}

/** A block of the table's tail, behind all data; `properties` if it says what the table is. */
export interface TailPiece {
  readonly type: 'tail';
  readonly properties: TableProperties | undefined;
}

export type TablePiece = BlockPiece | GapPiece | TailPiece;

/** The data blocks of a table whose directory can be read, and what is damaged between them. */
export async function* piecesByIndex(
  file: File,
  directory: TableDirectory,
): AsyncGenerator<TablePiece> {
  const { index, indexTop: top, tailOffset, tableId } = directory;
  if (index !== undefined) {
    yield* blocksOf(file, index, tableId, undefined);
    return;
  }
  if (top === undefined) return;
  for (let part = 0; part < top.count; part++) {
    const isLast = part + 1 === top.count;
    const upper = isLast ? undefined : top.separatorAt(part + 1);
    let below: IndexBlock;
    try {
      const offset = top.offsetAt(part);
      const stored = await runAsync(readFromFile(file, offset, top.sizeAt(part)));
      const raw = openBlock(stored, 0, top.sizeAt(part), true, tableId, offset, file.path);
      below = decodeIndex(raw, directory, file.path, offset);
      checkIndexPart(below, top, part, file.path, offset);
    } catch (error) {
      if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
      // The blocks below may be whole all the same.
      const end = isLast ? tailOffset : top.dataOffsetAt(part + 1);
      yield* piecesByWalking(file, [tableId], top.dataOffsetAt(part), end);
      continue;
    }
    yield* blocksOf(file, below, tableId, upper);
  }
}

async function* blocksOf(
  file: File,
  index: IndexBlock,
  tableId: FileId,
  upperOfLast: Uint8Array | undefined,
): AsyncGenerator<TablePiece> {
  for (let number = 0; number < index.count; number++) {
    const offset = index.offsetAt(number);
    const bytes = index.sizeAt(number);
    let block: DataBlock;
    try {
      const stored = await runAsync(readFromFile(file, offset, bytes));
      const raw = openBlock(stored, 0, bytes, true, tableId, offset, file.path);
      block = new DataBlock(raw, file.path, offset);
    } catch (error) {
      if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
      const lower = index.separatorAt(number);
      const upper = number + 1 < index.count ? index.separatorAt(number + 1) : upperOfLast;
      yield { type: 'gap', offset, bytes, what: error.message, lower, upper };
      continue;
    }
    yield { type: 'block', offset, bytes, block };
  }
}

/**
 * The data blocks in [`start`, `end`) without an index: one behind the other, and
 * behind damage wherever one begins. `ids` are those that the table may have; the
 * first that a block checks out with is it.
 */
export async function* piecesByWalking(
  file: File,
  ids: readonly FileId[],
  start: number = firstBlockOffset,
  end?: number,
): AsyncGenerator<TablePiece> {
  const stop = end ?? (await file.size());
  for (const [i, tableId] of ids.entries()) {
    let isFound = false;
    let gap: GapPiece | undefined;
    for await (const found of findBlocks(file, tableId, start, stop)) {
      if (found.type === 'gap') {
        gap = { ...found, what: `no whole block in ${file.path} at byte ${found.offset}` };
        if (isFound) yield { ...gap, lower: undefined, upper: undefined };
        continue;
      }
      if (!isFound && gap !== undefined) yield gap;
      isFound = true;
      const { offset, bytes } = found;
      const raw = openBlock(bytes, 0, bytes.length, true, tableId, offset, file.path);
      yield describe(raw, file.path, offset, bytes.length);
    }
    if (isFound) return;
    if (i === ids.length - 1 && gap !== undefined) yield gap;
  }
}

function describe(raw: Uint8Array, path: string, offset: number, bytes: number): TablePiece {
  const block = attempt(() => new DataBlock(raw, path, offset));
  if (block !== undefined) return { type: 'block', offset, bytes, block };
  return { type: 'tail', properties: attempt(() => decodeProperties(raw, path, offset)) };
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    // What is not of this kind may look like one of a newer version.
    if (isLsmError(error)) return undefined;
    throw error;
  }
}
