import { compareBytes, describeKey, equalBytes } from '../base/bytes.js';
import type { Entry } from '../base/entry.js';
import { invalidArgument } from '../base/errors.js';

/** Sorted entries: an array, an `SSTableReader`, a generator. */
export type EntrySource = Iterable<Entry> | AsyncIterable<Entry>;

/** The result of a merge, read anew from its sources by each loop over it. */
export interface MergedEntries extends AsyncIterable<Entry>, Iterable<Entry> {}

/**
 * Merges sorted sources, given newest first, into one entry per key in key
 * order: the newest source's, and of several versions in it the first. Deletions
 * are kept, since older tables may hold the key. Any number of sources, empty
 * ones too. A plain `for` loop needs sources that can be read synchronously.
 * @throws LsmError `LSM_INVALID_ARGUMENT` while reading, when a source is not sorted
 */
export function mergeEntries(sources: readonly EntrySource[]): MergedEntries {
  const fixed = [...sources];
  return {
    [Symbol.iterator]: () => mergeSync(fixed),
    [Symbol.asyncIterator]: () => mergeAsync(fixed),
  };
}

function* mergeSync(sources: readonly EntrySource[]): Generator<Entry, void, void> {
  const iterators = sources.map((source) => {
    if (!(Symbol.iterator in source)) {
      throw invalidArgument('a source can only be read asynchronously: use for await');
    }
    return source[Symbol.iterator]();
  });
  const merge = mergeHeads(iterators.length);
  try {
    let step = merge.next();
    while (!step.done) {
      if (typeof step.value === 'number') {
        const result = iterators[step.value].next();
        step = merge.next(result.done === true ? undefined : result.value);
      } else {
        yield step.value;
        step = merge.next();
      }
    }
  } finally {
    for (const iterator of iterators) iterator.return?.();
  }
}

async function* mergeAsync(sources: readonly EntrySource[]): AsyncGenerator<Entry, void, void> {
  const iterators = sources.map((source) =>
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator](),
  );
  const merge = mergeHeads(iterators.length);
  try {
    let step = merge.next();
    while (!step.done) {
      if (typeof step.value === 'number') {
        const result = await iterators[step.value].next();
        step = merge.next(result.done === true ? undefined : result.value);
      } else {
        yield step.value;
        step = merge.next();
      }
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}

/**
 * The merge itself: yields a source's number to ask for its next entry, and an
 * entry to hand it out.
 */
function* mergeHeads(count: number): Generator<number | Entry, void, Entry | undefined> {
  const heap = new SourceHeap();
  for (let source = 0; source < count; source++) {
    const entry = yield source;
    if (entry !== undefined) heap.push(source, entry);
  }
  while (heap.size > 0) {
    const winner = heap.topEntry;
    yield winner;
    while (heap.size > 0 && equalBytes(heap.topEntry.key, winner.key)) {
      const source = heap.topSource;
      const entry = yield source;
      if (entry === undefined) heap.pop();
      else heap.replaceTop(entry);
    }
  }
}

/** A binary heap of each source's next entry: smallest key first, newest source first among equals. */
class SourceHeap {
  readonly #sources: number[] = [];
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#sources.length;
  }

  get topSource(): number {
    return this.#sources[0];
  }

  get topEntry(): Entry {
    return this.#entries[0];
  }

  push(source: number, entry: Entry): void {
    let at = this.#sources.length;
    this.#sources.push(source);
    this.#entries.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The top source's next entry takes the place of the one handed out. */
  replaceTop(entry: Entry): void {
    const before = this.#entries[0];
    if (compareBytes(entry.key, before.key) < 0) {
      throw invalidArgument(
        `source ${this.topSource} is not sorted: ${describeKey(entry.key)} after ${describeKey(before.key)}`,
      );
    }
    this.#entries[0] = entry;
    this.#sink();
  }

  pop(): void {
    const source = this.#sources.pop();
    const entry = this.#entries.pop();
    if (source === undefined || entry === undefined || this.size === 0) return;
    this.#sources[0] = source;
    this.#entries[0] = entry;
    this.#sink();
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2 && child < this.size; child++) {
        if (this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const order = compareBytes(this.#entries[a].key, this.#entries[b].key);
    return order !== 0 ? order < 0 : this.#sources[a] < this.#sources[b];
  }

  #swap(a: number, b: number): void {
    [this.#sources[a], this.#sources[b]] = [this.#sources[b], this.#sources[a]];
    [this.#entries[a], this.#entries[b]] = [this.#entries[b], this.#entries[a]];
  }
}
