import type { BlockHandle } from './format.js';
import { IndexBlockWriter } from './index-block-writer.js';
import type { TableLayout } from './table-layout.js';

/**
 * The index of a table being written: separators and handles of all data blocks,
 * and where it is cut if it becomes too large for one piece.
 */
export class IndexWriter {
  readonly #entries = new IndexBlockWriter();
  /** Number of the first data block of each part. */
  readonly #cuts: number[] = [0];
  readonly #layout: TableLayout;

  constructor(layout: TableLayout) {
    this.#layout = layout;
  }

  /** Data blocks so far. */
  get count(): number {
    return this.#entries.count;
  }

  get rawBytes(): number {
    return this.#entries.rawBytes;
  }

  get isSplit(): boolean {
    return this.#cuts.length > 1 && this.rawBytes > this.#layout.indexSplitBytes;
  }

  get parts(): number {
    return this.#cuts.length;
  }

  /** As `IndexBlockWriter.add`. */
  add(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    seq: number,
    offset: number,
    size: number,
    rawLength: number,
  ): void {
    const entries = this.#entries;
    const lastCut = this.#cuts[this.#cuts.length - 1];
    if (entries.rawBytesFrom(lastCut) >= this.#layout.indexPartBytes) {
      this.#cuts.push(entries.count);
    }
    entries.add(key, keyStart, keyEnd, seq, offset, size, rawLength);
  }

  /** The index in one piece. */
  build(): Uint8Array {
    return this.#entries.build();
  }

  buildPart(part: number): Uint8Array {
    return this.#entries.build(this.#cuts[part], this.#cuts[part + 1] ?? this.count);
  }

  /** Adds the part, which stands at `handle`, to the top. */
  addPartTo(
    top: IndexBlockWriter,
    part: number,
    { offset, size }: BlockHandle,
    rawLength: number,
  ): void {
    const first = this.#cuts[part];
    const separator = this.#entries.separatorAt(first);
    const seq = this.#entries.seqAt(first);
    const dataOffset = this.#entries.offsetAt(first);
    top.add(separator, 0, separator.length, seq, offset, size, rawLength, dataOffset);
  }
}
