import { compareBytes, copyOf, copyRange } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { isLsmError } from '../base/errors.js';
import { compareInternal, kindDelete, maxKeyBytes, type EntryKind } from '../base/internal-key.js';
import { runAsync } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import type { DataBlock } from '../sstable/data-block.js';
import { dataBlockHeaderBytes } from '../sstable/data-block-writer.js';
import { loadDirectory, type TableDirectory } from '../sstable/table-directory.js';
import type { TableProperties } from '../sstable/properties.js';
import { sameFileId } from '../base/checksum.js';
import { piecesByIndex, piecesByWalking, type GapPiece, type TablePiece } from './table-pieces.js';

/** Takes entries in order; what it returns is waited for before the next. */
export type EntrySink = (
  key: Uint8Array,
  keyEnd: number,
  seq: number,
  kind: EntryKind,
  values: Uint8Array,
  valueStart: number,
  valueEnd: number,
) => Promise<void> | undefined;

/** A place of the table that is lost, with the keys that were there, both inclusive. */
export interface TableGap {
  readonly offset: number;
  readonly bytes: number;
  readonly what: string;
  readonly smallest: Uint8Array | undefined;
  readonly largest: Uint8Array | undefined;
}

/** What could be read of a damaged table. */
export interface SalvagedTable {
  readonly entries: number;
  readonly tombstones: number;
  readonly gaps: readonly TableGap[];
  /** What the table says of itself, where that can be read. */
  readonly properties: TableProperties | undefined;
}

export interface SalvageOptions {
  /** The table's id; where it is not known for certain, several in the order they are tried. */
  readonly tableIds: readonly FileId[];
  /** What else tells of the table's content: a manifest. */
  readonly expected?: Pick<TableProperties, 'entries' | 'smallest' | 'largest'> | undefined;
}

/** Hands every entry that can be read to `sink`: by the index, or without. */
export async function salvageTable(
  file: File,
  { tableIds, expected }: SalvageOptions,
  sink: EntrySink,
): Promise<SalvagedTable> {
  const directory = await tryDirectory(file, tableIds);
  const pieces =
    directory === undefined ? piecesByWalking(file, tableIds) : piecesByIndex(file, directory);
  const walk = new SalvageWalk(sink);
  await walk.run(pieces);
  const properties = directory?.properties ?? walk.properties;
  const known = expected ?? properties;
  // Whatever else is damaged, nothing is missing.
  const isWhole = known !== undefined && known.entries === walk.entries && walk.misplaced === 0;
  return {
    entries: walk.entries,
    tombstones: walk.tombstones,
    gaps: isWhole ? [] : walk.gaps(known?.smallest, known?.largest),
    properties,
  };
}

async function tryDirectory(
  file: File,
  tableIds: readonly FileId[],
): Promise<TableDirectory | undefined> {
  try {
    const directory = await runAsync(loadDirectory(file, undefined));
    return tableIds.some((id) => sameFileId(id, directory.tableId)) ? directory : undefined;
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION')) return undefined;
    throw error;
  }
}

interface OpenGap {
  readonly piece: Pick<GapPiece, 'offset' | 'bytes' | 'what'>;
  smallest: Uint8Array | undefined;
  largest: Uint8Array | undefined;
}

/** Follows entries from block to block, and between which of them something is missing. */
class SalvageWalk {
  entries = 0;
  tombstones = 0;
  /** Entries that are not in order: of a file made to deceive. */
  misplaced = 0;
  properties: TableProperties | undefined;
  readonly #sink: EntrySink;
  readonly #gaps: OpenGap[] = [];
  #key = new Uint8Array(256);
  #last = new Uint8Array(256);
  #lastLength = 0;
  #lastSeq = 0;

  constructor(sink: EntrySink) {
    this.#sink = sink;
  }

  async run(pieces: AsyncIterable<TablePiece>): Promise<void> {
    let isBehindData = false;
    for await (const piece of pieces) {
      if (piece.type === 'tail') {
        isBehindData = true;
        this.properties ??= piece.properties;
      } else if (piece.type === 'block') {
        isBehindData = false;
        await this.#take(piece.block, piece.offset, piece.bytes);
      } else if (!isBehindData) this.#noteGap(piece, piece.lower, piece.upper);
    }
  }

  /** Each gap with its keys; those of the first and last one end where the table does. */
  gaps(smallest: Uint8Array | undefined, largest: Uint8Array | undefined): TableGap[] {
    return this.#gaps.map(({ piece, ...keys }) => {
      const { offset, bytes, what } = piece;
      const isBackwards =
        keys.smallest !== undefined &&
        largest !== undefined &&
        compareBytes(keys.smallest, largest) > 0;
      return {
        offset,
        bytes,
        what,
        smallest: keys.smallest ?? smallest,
        largest: keys.largest ?? (isBackwards ? undefined : largest),
      };
    });
  }

  #noteGap(
    piece: OpenGap['piece'],
    lower: Uint8Array | undefined,
    upper: Uint8Array | undefined,
  ): void {
    const before = this.entries === 0 ? undefined : copyOf(this.#last, 0, this.#lastLength);
    this.#gaps.push({ piece, smallest: lower ?? before, largest: upper });
  }

  async #take(block: DataBlock, offset: number, bytes: number): Promise<void> {
    for (let at = 0; at < block.count; at++) {
      const length = this.#readKey(block, at);
      const seq = block.seqAt(at);
      if (at === 0) this.#endGaps(length);
      const isInOrder =
        length <= maxKeyBytes &&
        (this.entries === 0 ||
          compareInternal(
            this.#key,
            0,
            length,
            seq,
            this.#last,
            0,
            this.#lastLength,
            this.#lastSeq,
          ) > 0);
      if (!isInOrder) {
        if (this.misplaced++ === 0) {
          this.#noteGap({ offset, bytes, what: 'entries out of order' }, undefined, undefined);
        }
        continue;
      }
      const values = block.bounds + block.count + at;
      const { bytes: stored, words } = block;
      const kind = block.kindAt(at);
      this.entries++;
      if (kind === kindDelete) this.tombstones++;
      const busy = this.#sink(
        this.#key,
        length,
        seq,
        kind,
        stored,
        words[values],
        words[values + 1],
      );
      if (busy !== undefined) await busy;
      [this.#key, this.#last] = [this.#last, this.#key];
      this.#lastLength = length;
      this.#lastSeq = seq;
    }
  }

  /** Those gaps that no index gave an end reach up to this key. */
  #endGaps(length: number): void {
    for (let i = this.#gaps.length - 1; i >= 0 && this.#gaps[i].largest === undefined; i--) {
      this.#gaps[i].largest = copyOf(this.#key, 0, length);
    }
  }

  #readKey(block: DataBlock, at: number): number {
    const { words, bytes, bounds, prefixLength } = block;
    const start = words[bounds + at];
    const end = words[bounds + at + 1];
    const length = prefixLength + end - start;
    if (length > this.#key.length) this.#key = new Uint8Array(2 * length);
    copyRange(bytes, dataBlockHeaderBytes, dataBlockHeaderBytes + prefixLength, this.#key, 0);
    copyRange(bytes, start, end, this.#key, prefixLength);
    return length;
  }
}
