/**
 * An LSM tree without files: tables are sorted arrays of numbers, compactions
 * are carried out in memory and cost nothing but counted entries. It runs the
 * real picker on the real `Version`, so that write amplification and space can
 * be measured in a second, and every decision be checked against all contents.
 *
 * The unit of size is one entry; all entries are equally long.
 */
import { Prng } from '../../src/base/prng.js';
import type { TableMeta } from '../../src/base/table-meta.js';
import { CursorEntry } from '../../src/iterator/cursor.js';
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import { OutputCutter } from '../../src/compaction/output-cutter.js';
import { pickCompaction } from '../../src/compaction/picker.js';
import type { PickerState } from '../../src/compaction/picker-plan.js';
import type { CompactionPlan } from '../../src/compaction/plan.js';
import { Version } from '../../src/manifest/version.js';

export interface SimulationOptions {
  readonly compaction: CompactionOptions;
  /** Entries put per memtable. */
  readonly memtableEntries: number;
  /** Keys are 0 … keyCount - 1; at most 2^20. */
  readonly keyCount: number;
  readonly seed: number;
  /** Which key `churn` writes next. Default: any, all equally likely. */
  readonly nextKey?: (prng: Prng) => number;
  /** Share of `churn` that deletes. Default 0. */
  readonly deleteShare?: number;
  /** Entries a compaction reads while one is put. Default Infinity: compactions keep up with any load. */
  readonly speed?: number;
  /** Compactions at a time. Default 1. */
  readonly jobs?: number;
  /** Outputs end at borders of the level below. Default true. */
  readonly isAligned?: boolean;
  /** Sees every decision before it is carried out. */
  readonly onPlan?: (plan: CompactionPlan, simulation: Simulation) => void;
}

/*
 * An entry is one number, so that numeric order is key ascending, seq
 * descending: 20 bits of key, 32 of inverted seq, one for tombstones.
 */
const seqSpace = 2 ** 32;
const entrySpace = 2 * seqSpace;

function packEntry(key: number, seq: number, asDelete: boolean): number {
  return key * entrySpace + (seqSpace - 1 - seq) * 2 + (asDelete ? 1 : 0);
}
export function keyOf(entry: number): number {
  return Math.floor(entry / entrySpace);
}
export function seqOf(entry: number): number {
  return seqSpace - 1 - Math.floor((entry % entrySpace) / 2);
}
export function isTombstone(entry: number): boolean {
  return entry % 2 === 1;
}

const keyBytes = 3;
function writeKey(bytes: Uint8Array, key: number): void {
  bytes[0] = key >>> 16;
  bytes[1] = key >>> 8;
  bytes[2] = key;
}
export function encodeKey(key: number): Uint8Array {
  const bytes = new Uint8Array(keyBytes);
  writeKey(bytes, key);
  return bytes;
}
export function decodeKey(bytes: Uint8Array): number {
  return bytes[0] * 2 ** 16 + bytes[1] * 2 ** 8 + bytes[2];
}

interface Job {
  readonly plan: CompactionPlan;
  readonly outputs: readonly TableMeta[];
  /** In entries put. */
  readonly endsAt: number;
}

export class Simulation {
  readonly options: SimulationOptions;
  version = Version.empty();
  readonly contents = new Map<number, Float64Array>();
  /** The newest entry of every key ever written. */
  readonly model = new Map<number, number>();
  readonly #cursors = new Map<number, Uint8Array>();
  readonly #prng: Prng;
  #memtable = new Map<number, number>();
  #memtablePuts = 0;
  #nextFile = 1;
  readonly #running: Job[] = [];
  /** The time up to which compactions have been played, in entries put. */
  #now = 0;

  putEntries = 0;
  flushedEntries = 0;
  /** Entries written by compactions, by output level. */
  readonly written: number[] = [];
  compactions = 0;
  moves = 0;
  largestL0 = 0;

  constructor(options: SimulationOptions) {
    this.options = options;
    this.#prng = new Prng(options.seed);
  }

  get state(): PickerState {
    return { cursors: this.#cursors, running: this.#running.map((job) => job.plan) };
  }

  get compactedEntries(): number {
    return this.written.reduce((sum, each) => sum + (each ?? 0), 0);
  }

  get storedEntries(): number {
    let sum = 0;
    for (const table of this.version.tables()) sum += table.entries;
    return sum;
  }

  /** Writes `count` times; `afterFlush` runs whenever a memtable was flushed and compactions had their turn. */
  churn(count: number, afterFlush?: () => void): void {
    const { keyCount, deleteShare = 0, nextKey = (prng) => prng.below(keyCount) } = this.options;
    for (let i = 0; i < count; i++) {
      const asDelete = deleteShare > 0 && this.#prng.chance(deleteShare);
      this.put(nextKey(this.#prng), asDelete);
      if (this.#memtablePuts === 0) afterFlush?.();
    }
  }

  put(key: number, asDelete = false): void {
    const entry = packEntry(key, ++this.putEntries, asDelete);
    this.#memtable.set(key, entry);
    this.model.set(key, entry);
    if (++this.#memtablePuts < this.options.memtableEntries) return;
    this.settle();
    this.flush();
    this.settle();
  }

  flush(): void {
    this.#memtablePuts = 0;
    if (this.#memtable.size === 0) return;
    const entries = Float64Array.from(this.#memtable.values()).sort();
    this.#memtable = new Map();
    this.flushedEntries += entries.length;
    this.version = this.version.apply([this.#addTable(0, entries)], []);
    this.largestL0 = Math.max(this.largestL0, this.version.tablesAt(0).length);
  }

  /** Carries out compactions, as far as they get by now. */
  settle(): void {
    const { jobs = 1, speed = Infinity } = this.options;
    for (;;) {
      while (this.#running.length < jobs) {
        const plan = pickCompaction(this.version, this.options.compaction, this.state);
        if (plan === undefined) break;
        const outputs = this.#carryOut(plan);
        const taken = [...plan.inputs, ...plan.overlapping];
        const work = plan.isTrivialMove ? 0 : taken.reduce((sum, table) => sum + table.entries, 0);
        this.#running.push({ plan, outputs, endsAt: this.#now + work / speed });
      }
      this.#running.sort((a, b) => a.endsAt - b.endsAt);
      if (this.#running.length === 0 || this.#running[0].endsAt > this.putEntries) break;
      const [job] = this.#running.splice(0, 1);
      this.#now = job.endsAt;
      this.#install(job.plan, job.outputs);
    }
    this.#now = this.putEntries;
  }

  /** Ends the compactions under way. */
  finishRunning(): void {
    for (const job of this.#running.splice(0)) this.#install(job.plan, job.outputs);
  }

  /** Carries out a plan on the spot. */
  perform(plan: CompactionPlan): void {
    this.#install(plan, this.#carryOut(plan));
  }

  #carryOut(plan: CompactionPlan): TableMeta[] {
    this.options.onPlan?.(plan, this);
    if (plan.isTrivialMove) {
      this.moves++;
      return plan.inputs.map((table) => ({ ...table, level: plan.outputLevel }));
    }
    const merged = this.#merge(plan);
    this.compactions++;
    this.written[plan.outputLevel] = (this.written[plan.outputLevel] ?? 0) + merged.length;
    return this.#cut(merged, plan).map((part) => this.#addTable(plan.outputLevel, part));
  }

  #install(plan: CompactionPlan, outputs: readonly TableMeta[]): void {
    const removed = [...plan.inputs, ...plan.overlapping].map((table) => table.fileNumber);
    this.version = this.version.apply(outputs, removed);
    if (!plan.isTrivialMove) for (const number of removed) this.contents.delete(number);
    if (plan.nextCursor !== undefined) this.#cursors.set(plan.level, plan.nextCursor);
  }

  /** Newest entry of each key; a tombstone only where something older may be outside. */
  #merge(plan: CompactionPlan): Float64Array {
    const inputs = [...plan.inputs, ...plan.overlapping].map((table) =>
      this.contents.get(table.fileNumber)!,
    );
    const all = new Float64Array(inputs.reduce((sum, each) => sum + each.length, 0));
    let at = 0;
    for (const input of inputs) {
      all.set(input, at);
      at += input.length;
    }
    all.sort();
    const older = plan.olderOutside.map((table) => ({
      from: decodeKey(table.smallest),
      to: decodeKey(table.largest),
    }));
    let kept = 0;
    let last = -1;
    for (const entry of all) {
      const key = keyOf(entry);
      if (key === last) continue;
      last = key;
      if (isTombstone(entry) && !older.some(({ from, to }) => from <= key && key <= to)) continue;
      all[kept++] = entry;
    }
    return all.subarray(0, kept);
  }

  #cut(entries: Float64Array, plan: CompactionPlan): Float64Array[] {
    const { isAligned = true, compaction } = this.options;
    const cutter = new OutputCutter(
      compaction.tableTargetBytes,
      isAligned ? plan.grandparents : [],
    );
    const at = new CursorEntry();
    at.keyBytes = new Uint8Array(keyBytes);
    at.keyEnd = keyBytes;
    const parts: Float64Array[] = [];
    let start = 0;
    for (let i = 0; i < entries.length; i++) {
      writeKey(at.keyBytes, keyOf(entries[i]));
      if (i > start && cutter.isDue(at, i - start)) {
        parts.push(entries.subarray(start, i));
        start = i;
      }
      if (i === start) cutter.begin(at);
    }
    if (start < entries.length) parts.push(entries.subarray(start));
    // Copies: the merged array is as large as all parts.
    return parts.map((part) => part.slice());
  }

  #addTable(level: number, entries: Float64Array): TableMeta {
    const fileNumber = this.#nextFile++;
    this.contents.set(fileNumber, entries);
    let smallestSeq = Infinity;
    let largestSeq = 0;
    let tombstones = 0;
    for (const entry of entries) {
      const seq = seqOf(entry);
      if (seq < smallestSeq) smallestSeq = seq;
      if (seq > largestSeq) largestSeq = seq;
      if (isTombstone(entry)) tombstones++;
    }
    return {
      keyspaceId: 0,
      level,
      run: 0,
      fileNumber,
      tableId: { low: fileNumber, high: 0 },
      size: entries.length,
      checksum: 0,
      smallest: encodeKey(keyOf(entries[0])),
      largest: encodeKey(keyOf(entries[entries.length - 1])),
      smallestSeq,
      largestSeq,
      entries: entries.length,
      tombstones,
      superseded: 0,
      rawBytes: entries.length,
    };
  }
}
