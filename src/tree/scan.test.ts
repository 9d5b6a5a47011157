import { describe, expect, it } from 'vitest';
import { compareBytes } from '../base/bytes.js';
import type { Entry } from '../base/entry.js';
import { kindDelete, kindPut, type EntryKind } from '../base/internal-key.js';
import { Prng } from '../base/prng.js';
import type { TableMeta } from '../base/table-meta.js';
import { waitable, type Waitable } from '../base/task.js';
import type { TableOpener } from '../iterator/concat-iterator.js';
import { CompactionIterator } from '../iterator/compaction-iterator.js';
import type { Cursor } from '../iterator/cursor.js';
import { EmptyRanges } from '../iterator/empty-ranges.js';
import { mergeCursors } from '../iterator/merging-iterator.js';
import type { ScanCounters, VisibleIterator } from '../iterator/visible-iterator.js';
import { Version } from '../manifest/version.js';
import { ArenaPool, minArenaBytes } from '../memtable/arena-pool.js';
import { Memtable } from '../memtable/memtable.js';
import {
  ArrayCursor,
  drain,
  entryOf,
  StutteringCursor,
  textKey,
} from '../../test/compaction/cursors.js';
import { forEachSeed } from '../../test/compaction/seeds.js';
import { ReadView } from './read-view.js';
import { openScan } from './scan.js';

/*
 * A keyspace of memtables and tables against a plain model: scans that jump over
 * what others found empty must show what a reader of their moment sees.
 */
const keyCount = 260;
const operations = 20_000;

const keys = Array.from({ length: keyCount }, (_, i) =>
  i === 0 ? textKey('') : textKey(`k${String(i).padStart(3, '0')}`),
);
/** Keys that are never written, between those that are. */
const between = keys.map((key, i) => (i === 0 ? textKey('a') : Uint8Array.from([...key, 0x78])));

/** Tables that are arrays, to be opened and waited for now and then. */
class ArrayTables implements TableOpener {
  readonly #random: Prng;
  readonly #entries = new Map<number, readonly Entry[]>();
  readonly #open = new Set<number>();

  constructor(random: Prng) {
    this.#random = random;
  }

  add(entries: readonly Entry[], level: number, fileNumber: number): TableMeta {
    this.#entries.set(fileNumber, entries);
    return {
      keyspaceId: 0,
      level,
      run: 0,
      fileNumber,
      tableId: { low: fileNumber, high: 0 },
      size: 1,
      checksum: 0,
      smallest: entries[0].key,
      largest: entries[entries.length - 1].key,
      smallestSeq: Math.min(...entries.map((entry) => entry.seq)),
      largestSeq: Math.max(...entries.map((entry) => entry.seq)),
      entries: entries.length,
      tombstones: 0,
      superseded: 0,
      rawBytes: 0,
    };
  }

  read(table: TableMeta): Cursor {
    return new ArrayCursor(this.#entries.get(table.fileNumber)!);
  }

  openCursor(table: TableMeta): Cursor | undefined {
    if (!this.#open.has(table.fileNumber)) return undefined;
    return new StutteringCursor(this.read(table), this.#random);
  }

  request(table: TableMeta): Waitable {
    const open = (): void => void this.#open.add(table.fileNumber);
    return waitable(() => Promise.resolve().then(open), open);
  }
}

interface ModelVersion {
  readonly seq: number;
  readonly kind: EntryKind;
}

/** A scan under test, and where the model says it is: an index into `keys`, -1 for nowhere. */
interface OpenScan {
  readonly cursor: VisibleIterator;
  readonly seq: number;
  readonly lower: number;
  readonly upper: number;
  at: number;
  /** The call to repeat, and the index that it leads to. */
  pending: { readonly call: () => boolean; readonly expected: number } | undefined;
}

/** Everything a keyspace does to its readers, in miniature. */
class Keyspace {
  readonly counters: ScanCounters = { scans: 0, steppedOver: 0, jumps: 0 };
  readonly emptyRanges = new EmptyRanges();
  readonly snapshotSeqs: number[] = [];
  readonly scans: OpenScan[] = [];
  seq = 0;
  learned = 0;
  readonly #random: Prng;
  readonly #tables: ArrayTables;
  readonly #pool = new ArenaPool({ arenaBytes: minArenaBytes, maxPooledBytes: 0 });
  readonly #versions: ModelVersion[][] = keys.map(() => []);
  /** Newest first. */
  #memtables = [new Memtable(this.#pool)];
  #version = Version.empty();
  #fileNumber = 1;

  constructor(random: Prng) {
    this.#random = random;
    this.#tables = new ArrayTables(random);
  }

  write(index: number, kind: EntryKind): void {
    const key = keys[index];
    const seq = ++this.seq;
    this.#memtables[0].add(
      key,
      0,
      key.length,
      seq,
      kind,
      key,
      0,
      kind === kindPut ? key.length : 0,
    );
    if (kind === kindPut) this.emptyRanges.onPut(key, 0, key.length, seq);
    this.#versions[index].push({ seq, kind });
  }

  isVisible(index: number, seq: number): boolean {
    const versions = this.#versions[index];
    for (let i = versions.length - 1; i >= 0; i--) {
      if (versions[i].seq <= seq) return versions[i].kind === kindPut;
    }
    return false;
  }

  /** The first visible index at or behind `from` and before `end`, or -1. */
  firstVisible(from: number, end: number, seq: number): number {
    for (let i = from; i < end; i++) if (this.isVisible(i, seq)) return i;
    return -1;
  }

  lastVisible(begin: number, before: number, seq: number): number {
    for (let i = before - 1; i >= begin; i--) if (this.isVisible(i, seq)) return i;
    return -1;
  }

  switchMemtable(): void {
    if (this.#memtables[0].entries === 0) return;
    this.#memtables = [new Memtable(this.#pool), ...this.#memtables];
  }

  flush(): void {
    if (this.#memtables.length === 1) return;
    const oldest = this.#memtables[this.#memtables.length - 1];
    this.#install(oldest.cursor(), 0, []);
    this.#memtables = this.#memtables.slice(0, -1);
  }

  /** All tables into one or two of level 1, without what no open reader sees. */
  compact(): void {
    const inputs = this.#version.levels.flat();
    if (inputs.length < 2) return;
    const readers = [...this.snapshotSeqs, ...this.scans.map((scan) => scan.seq)];
    const seqs = [...new Set(readers)].sort((a, b) => a - b);
    const merged = mergeCursors(inputs.map((table) => this.#tables.read(table)));
    this.#install(
      new CompactionIterator(merged, seqs),
      1,
      inputs.map((table) => table.fileNumber),
    );
  }

  openScan(): void {
    const random = this.#random;
    const { snapshotSeqs } = this;
    const isOld = snapshotSeqs.length > 0 && random.chance(0.3);
    const seq = isOld ? snapshotSeqs[random.below(snapshotSeqs.length)] : this.seq;
    const lower = random.chance(0.3) ? random.below(keyCount) : 0;
    const upper = random.chance(0.3) ? random.below(keyCount) : keyCount;
    const view = new ReadView(this.#memtables, this.#version, () => undefined);
    const cursor = openScan(view, this.#tables, {
      seq,
      lower: lower === 0 ? undefined : keys[lower],
      upper: upper === keyCount ? undefined : keys[upper],
      keysOnly: random.chance(0.2),
      emptyRanges: this.emptyRanges,
      counters: this.counters,
    });
    this.scans.push({ cursor, seq, lower, upper, at: -1, pending: undefined });
  }

  closeScan(scan: OpenScan): void {
    scan.cursor.close();
    this.scans.splice(this.scans.indexOf(scan), 1);
  }

  /** Begins a call, or abandons one for another, or repeats it; then compares, unless it has to wait. */
  step(scan: OpenScan): void {
    const { cursor } = scan;
    if (scan.pending === undefined || this.#random.chance(0.02)) scan.pending = this.#choose(scan);
    else cursor.waitSync();
    const { call, expected } = scan.pending;
    while (!call()) {
      if (this.#random.chance(0.2)) return;
      cursor.waitSync();
    }
    scan.pending = undefined;
    scan.at = expected;
    const shown = cursor.valid ? keys.findIndex((key) => this.#shows(cursor, key)) : -1;
    if (shown !== expected) throw new Error(`key ${shown} instead of ${expected} at ${scan.seq}`);
  }

  /** The claim of `EmptyRanges`, in so many words. */
  checkRanges(): void {
    let end: Uint8Array | undefined;
    for (const { from, to, since } of this.emptyRanges.ranges) {
      const isApart = end === undefined || compareBytes(end, from) < 0;
      if (!isApart || compareBytes(from, to) >= 0) throw new Error('ranges touch or are empty');
      end = to;
      for (let i = 0; i < keyCount; i++) {
        if (compareBytes(keys[i], from) < 0 || compareBytes(keys[i], to) >= 0) continue;
        const last = this.#versions[i].findLast((version) => version.kind === kindPut);
        const isPutSince = last !== undefined && last.seq > since;
        if (isPutSince || this.isVisible(i, since)) throw new Error(`key ${i} is not empty`);
      }
    }
    this.learned = Math.max(this.learned, this.emptyRanges.count);
  }

  #install(cursor: CompactionIterator | Cursor, level: number, removed: readonly number[]): void {
    const entries = drain(cursor);
    // Between two keys, as the versions of a key are never spread over tables.
    const cut = entries.findIndex(
      (entry, i) =>
        i > entries.length / 2 && compareBytes(entry.key, entries[i - 1].key) !== 0 && level > 0,
    );
    const parts = cut > 0 ? [entries.slice(0, cut), entries.slice(cut)] : [entries];
    const added = parts
      .filter((part) => part.length > 0)
      .map((part) => this.#tables.add(part, level, this.#fileNumber++));
    this.#version = this.#version.apply(added, removed);
  }

  #shows(cursor: VisibleIterator, key: Uint8Array): boolean {
    return compareBytes(entryOf(cursor.entry).key, key) === 0;
  }

  #choose(scan: OpenScan): { readonly call: () => boolean; readonly expected: number } {
    const random = this.#random;
    const { cursor, seq, lower, upper, at } = scan;
    // A call under way has lost its place: only another positioning call may follow.
    const isOut = at < 0 || scan.pending !== undefined;
    const choice = isOut ? random.below(4) : random.below(12);
    const target = random.below(keyCount);
    const isBetween = random.chance(0.5);
    const source = isBetween ? between[target] : keys[target];
    // A buffer of the caller holds the key only while the call is made.
    const withKey = (call: (key: Uint8Array) => boolean) => (): boolean => {
      const buffer = Uint8Array.from(source);
      const isComplete = call(buffer);
      buffer.fill(0xff);
      return isComplete;
    };
    const edge = isBetween ? target + 1 : target;
    if (choice === 0) {
      return { call: () => cursor.first(), expected: this.firstVisible(lower, upper, seq) };
    }
    if (choice === 1) {
      return { call: () => cursor.last(), expected: this.lastVisible(lower, upper, seq) };
    }
    if (choice === 2) {
      const expected = this.firstVisible(Math.max(lower, edge), upper, seq);
      return { call: withKey((key) => cursor.seek(key)), expected };
    }
    if (choice === 3) {
      const expected = this.lastVisible(lower, Math.min(upper, edge), seq);
      return { call: withKey((key) => cursor.seekBefore(key)), expected };
    }
    return choice % 3 === 0
      ? { call: () => cursor.prev(), expected: this.lastVisible(lower, at, seq) }
      : { call: () => cursor.next(), expected: this.firstVisible(at + 1, upper, seq) };
  }
}

/** One thing that happens to a keyspace. */
function happen(keyspace: Keyspace, random: Prng): void {
  const { scans, snapshotSeqs, seq } = keyspace;
  const choice = random.below(100);
  if (choice < 8) keyspace.write(random.below(keyCount), kindPut);
  else if (choice < 12) keyspace.write(random.below(keyCount), kindDelete);
  else if (choice < 15) {
    const begin = random.below(keyCount);
    const end = Math.min(keyCount, begin + random.below(70));
    for (let i = begin; i < end; i++) keyspace.write(i, kindDelete);
  } else if (choice < 18) {
    for (let i = random.below(30); i > 0; i--) {
      const head = keyspace.firstVisible(0, keyCount, keyspace.seq);
      if (head >= 0) keyspace.write(head, kindDelete);
    }
  } else if (choice < 21) {
    for (let i = random.below(30); i > 0; i--) {
      const top = keyspace.lastVisible(0, keyCount, keyspace.seq);
      if (top >= 0) keyspace.write(top, kindDelete);
    }
  } else if (choice < 22) {
    const begin = random.below(keyCount);
    for (let i = begin; i < Math.min(keyCount, begin + 40); i++) keyspace.write(i, kindPut);
  } else if (choice < 23) keyspace.switchMemtable();
  else if (choice < 25) keyspace.flush();
  else if (choice < 26) keyspace.compact();
  else if (choice < 29) snapshotSeqs.push(seq);
  else if (choice < 32) snapshotSeqs.splice(random.below(4), 1);
  else if (scans.length < 6 && choice < 40) keyspace.openScan();
  else if (scans.length > 0 && choice < 45) keyspace.closeScan(scans[random.below(scans.length)]);
  else if (scans.length > 0) keyspace.step(scans[random.below(scans.length)]);
  if (snapshotSeqs.length > 4) snapshotSeqs.shift();
}

describe('openScan', () => {
  it('shows each reader its moment, whatever others found empty', () => {
    forEachSeed(2, (random) => {
      const keyspace = new Keyspace(random);
      for (let i = 0; i < keyCount; i += 2) keyspace.write(i, kindPut);
      for (let i = 0; i < operations; i++) {
        happen(keyspace, random);
        if (i % 20 === 0) keyspace.checkRanges();
      }
      expect(keyspace.learned).toBeGreaterThan(3);
      while (keyspace.scans.length > 0) keyspace.closeScan(keyspace.scans[0]);
      expect(keyspace.counters.jumps).toBeGreaterThan(100);
      expect(keyspace.counters.steppedOver).toBeGreaterThan(keyspace.counters.jumps);
    });
  });

  it('finds the first key of a queue, and the last of a stack, at a cost that does not grow', () => {
    const jobs = Array.from({ length: 30_000 }, (_, i) =>
      textKey(`job${String(i).padStart(6, '0')}`),
    );
    for (const takes of ['first', 'last'] as const) {
      const pool = new ArenaPool({ arenaBytes: minArenaBytes });
      const emptyRanges = new EmptyRanges();
      let memtables = [new Memtable(pool)];
      let seq = 0;
      const write = (key: Uint8Array, kind: EntryKind): void => {
        memtables[0].add(key, 0, key.length, ++seq, kind, key, 0, 0);
        if (kind === kindPut) emptyRanges.onPut(key, 0, key.length, seq);
        if (seq % 4000 === 0) memtables = [new Memtable(pool), ...memtables];
      };
      const ordered = takes === 'first' ? jobs : [...jobs].reverse();
      const tables = new ArrayTables(new Prng(1));
      for (const job of ordered.slice(0, 20)) write(job, kindPut);
      let most = 0;
      ordered.forEach((job, i) => {
        if (i + 20 < ordered.length) write(ordered[i + 20], kindPut);
        const view = new ReadView(memtables, Version.empty(), () => undefined);
        const cursor = openScan(view, tables, { seq, emptyRanges });
        cursor[takes]();
        if (compareBytes(entryOf(cursor.entry).key, job) !== 0) throw new Error(`not job ${i}`);
        write(job, kindDelete);
        most = Math.max(most, cursor.steppedOver);
        cursor.close();
      });
      // The entries of up to 16 tombstones, each with what it hides.
      expect(most).toBeLessThanOrEqual(32);
      expect(emptyRanges.count).toBe(1);
    }
  });
});
