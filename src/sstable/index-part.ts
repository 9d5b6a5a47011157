import { compareBytes } from '../base/bytes.js';
import { corruption } from '../base/errors.js';
import { compareInternal } from '../base/internal-key.js';
import type { CachedBlocks } from './block-cache.js';
import { dataBlockKind, type BlockPlace } from './block-place.js';
import type { IndexBlock } from './index-block.js';

/** What a part costs beside its bytes: buffers, views and objects. */
const objectBytes = 700;

/**
 * A piece of a table's index with what the cache knows of its data blocks: the
 * whole index of most tables, or one part of a large one.
 */
export class IndexPart {
  readonly index: IndexBlock;
  /** Its number in the top; 0 for a whole index. */
  readonly number: number;
  readonly below: CachedBlocks;

  constructor(index: IndexBlock, number: number, below: CachedBlocks) {
    this.index = index;
    this.number = number;
    this.below = below;
  }

  get memoryBytes(): number {
    return this.index.memoryBytes + this.below.slots.byteLength + objectBytes;
  }

  /** Where a data block is. */
  placeOf(number: number): BlockPlace {
    const { index } = this;
    return {
      kind: dataBlockKind,
      offset: index.offsetAt(number),
      size: index.sizeAt(number),
      rawLength: index.rawLengthAt(number),
      owner: this.below,
      number,
    };
  }
}

/**
 * Holds a part of an index, read from `offset`, against the top that led to it.
 * @throws LsmError `LSM_CORRUPTION`
 */
export function checkIndexPart(
  part: IndexBlock,
  top: IndexBlock,
  number: number,
  file: string,
  offset: number,
): void {
  const fail = (): Error =>
    corruption('part of an index is not the one its top names', file, offset);
  if (part.count === 0) throw fail();
  const isTheOne =
    part.offsetAt(0) === top.dataOffsetAt(number) &&
    part.seqAt(0) === top.seqAt(number) &&
    compareBytes(part.separatorAt(0), top.separatorAt(number)) === 0;
  if (!isTheOne) throw fail();
  if (number + 1 === top.count) return;
  const last = part.count - 1;
  const separator = part.separatorAt(last);
  const next = top.separatorAt(number + 1);
  const order = compareInternal(
    separator,
    0,
    separator.length,
    part.seqAt(last),
    next,
    0,
    next.length,
    top.seqAt(number + 1),
  );
  const end = part.offsetAt(last) + part.sizeAt(last);
  if (order >= 0 || end > top.dataOffsetAt(number + 1)) throw fail();
}
