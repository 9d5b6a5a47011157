/**
 * When a writer splits a table's index and filter into parts, and how large the
 * parts are. An open table keeps an index or filter in one piece as long as it is
 * open; parts go through the block cache, and only the top that leads to them stays.
 *
 * The default splits above what tables of 16 MiB have with 4 KiB blocks (280 KiB
 * of index, 300 KiB of filter at 100-byte values that compress to half): in one piece a lookup costs one
 * search and one look into the cache less for each, 150–220 ns of a random one's
 * 0.9–1.5 µs, and 65–140 of one of an absent key. Whatever its size, a table then
 * pins less than 1 MiB; of 10 GB some 300 KiB.
 *
 * Smaller parts make a miss cheaper and the tops larger. 16 KiB are the handles of
 * about 500 blocks, 32 KiB of filter 26,000 keys at 10 bits: at 10 GB the tops have
 * 6,000 entries.
 */
export interface TableLayout {
  /** Raw bytes of index above which it is split, and of each part. */
  readonly indexSplitBytes: number;
  readonly indexPartBytes: number;
  /** The same for the filter. */
  readonly filterSplitBytes: number;
  readonly filterPartBytes: number;
}

export const defaultTableLayout: TableLayout = Object.freeze({
  indexSplitBytes: 512 * 1024,
  indexPartBytes: 16 * 1024,
  filterSplitBytes: 512 * 1024,
  filterPartBytes: 32 * 1024,
});
