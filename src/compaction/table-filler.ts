import type { CompactionIterator } from '../iterator/compaction-iterator.js';
import type { TableWriter } from '../sstable/table-writer.js';
import type { OutputCutter } from './output-cutter.js';

export const needsInput = 0;
export const needsDrain = 1;
export const isTableFull = 2;
export const needsPause = 3;
export const isAtEnd = 4;

/** Why the filler stopped. */
export type FillerStop =
  typeof needsInput | typeof needsDrain | typeof isTableFull | typeof needsPause | typeof isAtEnd;

/** What is read between two pauses: 1–2 ms with small entries. */
const entriesPerTurn = 2048;
const bytesPerTurn = 1 << 20;

/**
 * The inner loop of a job: moves entries from the merge to a table until
 * something has to be waited for. Plain code beside the job's generator, which
 * only does the waiting.
 */
export class TableFiller {
  readonly #iterator: CompactionIterator;
  readonly #cutter: OutputCutter | undefined;
  /** The iterator's entry has been written: a step comes first. */
  #isWritten = false;
  #pauseAtEntries = entriesPerTurn;
  #pauseAtBytes = bytesPerTurn;

  /** `iterator` stands on its first entry. Without `cutter` one table takes all. */
  constructor(iterator: CompactionIterator, cutter: OutputCutter | undefined) {
    this.#iterator = iterator;
    this.#cutter = cutter;
  }

  /** Goes on where the last call stopped. `mayCut` false makes this the last table. */
  fill(writer: TableWriter, mayCut: boolean): FillerStop {
    const iterator = this.#iterator;
    const cutter = mayCut ? this.#cutter : undefined;
    for (;;) {
      if (iterator.entriesIn >= this.#pauseAtEntries || iterator.rawBytesIn >= this.#pauseAtBytes) {
        this.#pauseAtEntries = iterator.entriesIn + entriesPerTurn;
        this.#pauseAtBytes = iterator.rawBytesIn + bytesPerTurn;
        return needsPause;
      }
      if (this.#isWritten) {
        if (!iterator.next()) return needsInput;
        this.#isWritten = false;
      }
      if (!iterator.valid) return isAtEnd;
      const entry = iterator.entry;
      if (
        cutter !== undefined &&
        iterator.isNewKey &&
        writer.entries > 0 &&
        cutter.isDue(entry, writer.estimatedBytes)
      ) {
        return isTableFull;
      }
      const { keyStart, keyEnd, valueStart, valueEnd } = entry;
      writer.add(
        entry.keyBytes,
        keyStart,
        keyEnd,
        entry.seq,
        entry.kind,
        entry.valueBytes,
        valueStart,
        valueEnd,
      );
      this.#isWritten = true;
      if (writer.needsDrain) return needsDrain;
    }
  }
}
