/**
 * An LSM tree without files: tables are sorted arrays of numbers, compactions
 * are carried out in memory and cost nothing but counted entries. It runs the
 * real picker on the real `Version`, so that write amplification and space can
 * be measured in a second, and every decision be checked against all contents.
 *
 * The unit of size is one entry; all puts are equally long.
 */
import { Prng } from '../../src/base/prng.js';
import type { TableMeta } from '../../src/base/table-meta.js';
import { CursorEntry } from '../../src/iterator/cursor.js';
import type { CompactionOptions } from '../../src/compaction/level-targets.js';
import { OutputCutter } from '../../src/compaction/output-cutter.js';
import { pickCompaction } from '../../src/compaction/picker.js';
import { pickGarbage } from '../../src/compaction/picker-garbage.js';
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
  /** Size of a tombstone. Default 1. */
  readonly tombstoneSize?: number;
  /** Entries a compaction reads while one is put. Default Infinity: compactions keep up with any load. */
  readonly speed?: number;
  /** Follows `pickGarbage` when nothing else is due, as the engine does. Default true. */
  readonly collectsGarbage?: boolean;
  /** Compactions at a time. Default 1. With 0 only the test begins and ends them. */
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

/** A compaction under way: carried out, and not yet to be seen. */
export interface Job {
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
  /** Sequence numbers of open snapshots, ascending. */
  readonly snapshots: number[] = [];
  readonly #prng: Prng;
  /** The newest entry of each key. */
  #memtable = new Map<number, number>();
  /** What snapshots need besides. */
  #memtableOlder: number[] = [];
  #memtableSize = 0;
  #nextFile = 1;
  #running: Job[] = [];
  /** The time up to which compactions have been played, in entries put. */
  #now = 0;

  putEntries = 0;
  flushedEntries = 0;
  /** Entries written by compactions, by output level. */
  readonly written: number[] = [];
  compactions = 0;
  /** Entries read by compactions that were picked to give space back. */
  garbageRead = 0;
  moves = 0;
  largestL0 = 0;

  constructor(options: SimulationOptions) {
    this.options = options;
    this.#prng = new Prng(options.seed);
  }

  get state(): PickerState {
    return { cursors: this.#cursors, running: this.#running.map((job) => job.plan) };
  }

  get running(): readonly Job[] {
    return this.#running;
  }

  /** Whether the newest entry of a key is not in a table yet. */
  isInMemory(key: number): boolean {
    return this.#memtable.has(key);
  }

  get compactedEntries(): number {
    return this.written.reduce((sum, each) => sum + (each ?? 0), 0);
  }

  /** In entries put: tombstones may be smaller. */
  get storedSize(): number {
    let sum = 0;
    for (const table of this.version.tables()) sum += table.size;
    return sum;
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
      if (this.#memtableSize === 0) afterFlush?.();
    }
  }

  put(key: number, asDelete = false): void {
    const entry = packEntry(key, ++this.putEntries, asDelete);
    const before = this.#memtable.get(key);
    const newestSnapshot = this.snapshots.at(-1) ?? 0;
    if (before !== undefined && seqOf(before) <= newestSnapshot) this.#memtableOlder.push(before);
    this.#memtable.set(key, entry);
    this.model.set(key, entry);
    this.#memtableSize += this.#sizeOf(entry);
    if (this.#memtableSize < this.options.memtableEntries) return;
    this.settle();
    this.flush();
    this.settle();
  }

  takeSnapshot(): void {
    if (this.snapshots.at(-1) !== this.putEntries) this.snapshots.push(this.putEntries);
  }

  flush(): void {
    this.#memtableSize = 0;
    if (this.#memtable.size === 0) return;
    const all = [...this.#memtable.values(), ...this.#memtableOlder];
    const entries = Float64Array.from(all).sort();
    this.#memtable = new Map();
    this.#memtableOlder = [];
    this.flushedEntries += entries.length;
    this.version = this.version.apply([this.#addTable(0, entries)], []);
    this.largestL0 = Math.max(this.largestL0, this.version.tablesAt(0).length);
  }

  /** What is most urgent, as the engine asks for it. */
  pick(): CompactionPlan | undefined {
    const { compaction, collectsGarbage = true } = this.options;
    const { version, state, snapshots } = this;
    const urgent = pickCompaction(version, compaction, state);
    if (urgent !== undefined || !collectsGarbage) return urgent;
    return pickGarbage(version, compaction, state, snapshots);
  }

  /** Carries out compactions, as far as they get by now. */
  settle(): void {
    const { jobs = 1 } = this.options;
    if (jobs === 0) return;
    let plans = 0;
    for (;;) {
      while (this.#running.length < jobs) {
        const plan = this.pick();
        if (plan === undefined) break;
        if (++plans > 100_000) throw new Error(`no rest: ${plan.reason}`);
        this.begin(plan);
      }
      const next = this.#running.reduce<Job | undefined>(
        (first, job) => (first === undefined || job.endsAt < first.endsAt ? job : first),
        undefined,
      );
      if (next === undefined || next.endsAt > this.putEntries) break;
      this.#now = next.endsAt;
      this.end(next);
    }
    this.#now = this.putEntries;
  }

  begin(plan: CompactionPlan): Job {
    const { speed = Infinity } = this.options;
    const outputs = this.#carryOut(plan);
    const work = plan.isTrivialMove ? 0 : readEntries(plan);
    const job = { plan, outputs, endsAt: this.#now + work / speed };
    this.#running.push(job);
    return job;
  }

  /** The job's tables take the place of its inputs. */
  end(job: Job): void {
    this.#running = this.#running.filter((other) => other !== job);
    this.#install(job.plan, job.outputs);
  }

  /** Ends the compactions under way. */
  finishRunning(): void {
    for (const job of this.#running) this.end(job);
  }

  /** Carries out a plan on the spot. */
  perform(plan: CompactionPlan): void {
    this.end(this.begin(plan));
  }

  #carryOut(plan: CompactionPlan): TableMeta[] {
    this.options.onPlan?.(plan, this);
    if (plan.isTrivialMove) {
      this.moves++;
      return plan.inputs.map((table) => ({ ...table, level: plan.outputLevel }));
    }
    const merged = this.#merge(plan);
    this.compactions++;
    if (plan.reason.startsWith('more than half')) this.garbageRead += readEntries(plan);
    this.written[plan.outputLevel] = (this.written[plan.outputLevel] ?? 0) + merged.length;
    return this.#cut(merged, plan).map((part) => this.#addTable(plan.outputLevel, part));
  }

  #install(plan: CompactionPlan, outputs: readonly TableMeta[]): void {
    const removed = [...plan.inputs, ...plan.overlapping].map((table) => table.fileNumber);
    this.version = this.version.apply(outputs, removed);
    if (!plan.isTrivialMove) for (const number of removed) this.contents.delete(number);
    if (plan.nextCursor !== undefined) this.#cursors.set(plan.level, plan.nextCursor);
  }

  /** Newest entry of each key in each stripe between snapshots; a tombstone only where something older may be outside. */
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
      seq: table.smallestSeq,
    }));
    const { snapshots } = this;
    const stripeOf = (entry: number): number => {
      let stripe = 0;
      while (stripe < snapshots.length && snapshots[stripe] < seqOf(entry)) stripe++;
      return stripe;
    };
    const mayHide = (entry: number): boolean => {
      const [key, seq] = [keyOf(entry), seqOf(entry)];
      return older.some((range) => range.from <= key && key <= range.to && range.seq <= seq);
    };
    let kept = 0;
    let lastKey = -1;
    let lastStripe = 0;
    for (const entry of all) {
      const key = keyOf(entry);
      const stripe = stripeOf(entry);
      if (key === lastKey && stripe === lastStripe) continue;
      lastKey = key;
      lastStripe = stripe;
      if (isTombstone(entry) && stripe === 0 && !mayHide(entry)) continue;
      all[kept++] = entry;
    }
    return all.subarray(0, kept);
  }

  #cut(entries: Float64Array, plan: CompactionPlan): Float64Array[] {
    const { isAligned = true, compaction } = this.options;
    const cutter = new OutputCutter(
      compaction.tableTargetBytes,
      isAligned ? plan.grandparents : [],
      isAligned ? plan.cutAfter : undefined,
    );
    const at = new CursorEntry();
    at.keyBytes = new Uint8Array(keyBytes);
    at.keyEnd = keyBytes;
    const parts: Float64Array[] = [];
    let start = 0;
    let size = 0;
    for (let i = 0; i < entries.length; i++) {
      writeKey(at.keyBytes, keyOf(entries[i]));
      const isNewKey = i === 0 || keyOf(entries[i]) !== keyOf(entries[i - 1]);
      if (i > start && isNewKey && cutter.isDue(at, size)) {
        parts.push(entries.subarray(start, i));
        start = i;
        size = 0;
      }
      if (i === start) cutter.begin(at);
      size += this.#sizeOf(entries[i]);
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
    let superseded = 0;
    let size = 0;
    let lastKey = -1;
    for (const entry of entries) {
      size += this.#sizeOf(entry);
      if (keyOf(entry) === lastKey) superseded++;
      lastKey = keyOf(entry);
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
      size,
      checksum: 0,
      smallest: encodeKey(keyOf(entries[0])),
      largest: encodeKey(keyOf(entries[entries.length - 1])),
      smallestSeq,
      largestSeq,
      entries: entries.length,
      tombstones,
      superseded,
      rawBytes: size,
    };
  }

  #sizeOf(entry: number): number {
    return isTombstone(entry) ? (this.options.tombstoneSize ?? 1) : 1;
  }
}

function readEntries(plan: CompactionPlan): number {
  return [...plan.inputs, ...plan.overlapping].reduce((sum, table) => sum + table.entries, 0);
}
