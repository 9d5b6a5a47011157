import type { BlockHandle } from './format.js';
import type { CachedBlocks } from './block-cache.js';

export const dataBlockKind = 0;
export const indexPartKind = 1;
/** A whole filter too. */
export const filterPartKind = 2;

/** A block to be read: what it is, where it stands, and where the cache keeps it. */
export interface BlockPlace extends BlockHandle {
  readonly kind: typeof dataBlockKind | typeof indexPartKind | typeof filterPartKind;
  /** As what leads to the block says; -1 where nothing says it. */
  readonly rawLength: number;
  /** Undefined for what stays with the open table. */
  readonly owner: CachedBlocks | undefined;
  /** Its number with the owner. */
  readonly number: number;
}
