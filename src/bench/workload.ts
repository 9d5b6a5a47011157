import type { DataSet } from './data-set.js';
import type { Meter } from './meter.js';
import type { BenchDurability, BenchStore } from './store.js';

/** One kind of load, under the name by which db_bench or YCSB know it. */
export interface Workload {
  /** As db_bench or YCSB call it. */
  readonly name: string;
  /** For a table: what an operation is. */
  readonly title: string;
  /** `fresh`: an empty store of its own. `loaded`: all entries, put in random order, as the load has left them. */
  readonly needs: 'fresh' | 'loaded';
  /** Whether it writes to the loaded entries: those come last. */
  readonly changes: boolean;
  /** What an acknowledgement of its writes means. */
  readonly durability: BenchDurability;
  /** Operations of a timed part, at most; from the number of entries. */
  readonly mostOperations: (entries: number) => number;
  /** Milliseconds of a timed part, at most. */
  readonly milliseconds: number;
  /**
   * Makes what the timed part needs.
   * @returns undefined when the store lacks a call for it
   */
  readonly prepare: (store: BenchStore, data: DataSet, operations: number) => Part | undefined;
}

/** The operations of one workload, in a fixed order. */
export interface Part {
  /** Does operations from `from` to before `to`, or until the meter's deadline. */
  run(meter: Meter, from: number, to: number): Promise<Progress>;
  /** What is said beside the rate, from the last run. */
  notes?(): { readonly [name: string]: number };
}

/** How far a run came, and what it has read. */
export interface Progress {
  /** The first operation not done. */
  readonly reached: number;
  /** The sum of what all values (and keys, in walks) weigh that were handed out. */
  readonly consumed: number;
  /** What it must be. */
  readonly expected: number;
}

/** Calls between two that are timed. */
export const unsampled = 31;

/** One turn of the event loop: timers and finished reads have their say. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
