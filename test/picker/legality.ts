/** What must hold of every plan, found by looking at every entry of every table. */
import { compareBytes } from '../../src/base/bytes.js';
import type { TableMeta } from '../../src/base/table-meta.js';
import { rangeOf, rangesOverlap } from '../../src/compaction/picker-plan.js';
import type { CompactionPlan } from '../../src/compaction/plan.js';
import { isTombstone, keyOf, seqOf, type Simulation } from './simulation.js';

function fail(plan: CompactionPlan, what: string): never {
  const numbers = (tables: readonly TableMeta[]): string =>
    tables.map((table) => table.fileNumber).join(' ');
  throw new Error(
    `${what}: L${plan.level} (${numbers(plan.inputs)}) to L${plan.outputLevel} ` +
      `(${numbers(plan.overlapping)}), ${plan.reason}`,
  );
}

export function checkPlan(plan: CompactionPlan, simulation: Simulation): void {
  const { version, contents } = simulation;
  const { level, outputLevel, inputs } = plan;
  if (inputs.length === 0) fail(plan, 'no inputs');
  if (outputLevel !== level && outputLevel !== level + 1) fail(plan, 'skips a level');
  if (outputLevel >= simulation.options.compaction.maxLevels) fail(plan, 'too deep');

  const taken = new Set([...inputs, ...plan.overlapping]);
  const tables = [...version.tables()];
  for (const table of taken) {
    if (!tables.includes(table)) fail(plan, `table ${table.fileNumber} is not in the version`);
  }
  for (const other of simulation.state.running) {
    for (const table of [...other.inputs, ...other.overlapping]) {
      if (taken.has(table)) fail(plan, `table ${table.fileNumber} is busy`);
    }
  }

  const sortedBy = level === 0 ? version.tablesAt(0) : version.tablesAt(level);
  const inOrder = sortedBy.filter((table) => inputs.includes(table));
  if (inOrder.some((table, i) => table !== inputs[i])) fail(plan, 'inputs out of order');

  const newest = new Map<number, number>();
  for (const table of taken) {
    for (const entry of contents.get(table.fileNumber)!) {
      const key = keyOf(entry);
      newest.set(key, Math.max(newest.get(key) ?? 0, seqOf(entry)));
    }
  }
  for (const table of tables) {
    if (taken.has(table)) continue;
    const isDeclared = plan.olderOutside.includes(table);
    for (const entry of contents.get(table.fileNumber)!) {
      const seq = newest.get(keyOf(entry));
      if (seq === undefined) continue;
      const isOlder = seqOf(entry) < seq;
      if (isOlder && !isDeclared) fail(plan, `older entry in undeclared ${table.fileNumber}`);
      if (isOlder && table.level <= level) fail(plan, `sinks below older ${table.fileNumber}`);
      if (table.level === outputLevel) fail(plan, `shares a key with ${table.fileNumber}`);
    }
  }

  if (plan.isTrivialMove) {
    if (inputs.length > 1 || plan.overlapping.length > 0) fail(plan, 'not a trivial move');
    if (level === outputLevel) fail(plan, 'a move to the same level');
  }
}

/** Every key reads as the newest thing written to it, as far as it is in tables. */
export function checkReads(simulation: Simulation): void {
  const found = new Map<number, number>();
  // In the order of reads, so the first entry found of a key is what a get returns.
  for (const table of simulation.version.tables()) {
    for (const entry of simulation.contents.get(table.fileNumber)!) {
      const key = keyOf(entry);
      const newer = found.get(key);
      if (newer === undefined) found.set(key, entry);
      else if (seqOf(entry) > seqOf(newer))
        throw new Error(`key ${key}: order of versions is lost`);
    }
  }
  for (const [key, entry] of simulation.model) {
    if (simulation.isInMemory(key)) continue;
    checkRead(key, found.get(key), entry);
  }
}

/** A snapshot at `seq` reads what `model` was at that moment; memtables must be flushed. */
export function checkSnapshot(
  simulation: Simulation,
  seq: number,
  model: ReadonlyMap<number, number>,
): void {
  const found = new Map<number, number>();
  for (const table of simulation.version.tables()) {
    for (const entry of simulation.contents.get(table.fileNumber)!) {
      const key = keyOf(entry);
      if (seqOf(entry) <= seq && !found.has(key)) found.set(key, entry);
    }
  }
  for (const [key, entry] of model) checkRead(key, found.get(key), entry);
}

function checkRead(key: number, read: number | undefined, entry: number): void {
  if (isTombstone(entry) ? read !== undefined && !isTombstone(read) : read !== entry) {
    throw new Error(`key ${key} reads as ${read}, not ${entry}`);
  }
}

/** Nothing but one live entry per key in the tables that touch [lower, upper), and those at one level. */
export function checkCompacted(simulation: Simulation, lower: Uint8Array, upper: Uint8Array): void {
  const { version, contents } = simulation;
  for (const table of version.tables()) {
    if (compareBytes(table.largest, lower) < 0 || compareBytes(table.smallest, upper) >= 0)
      continue;
    if (table.level !== version.deepestLevel) throw new Error(`a table is left at L${table.level}`);
    if (contents.get(table.fileNumber)!.some(isTombstone)) {
      throw new Error(`table ${table.fileNumber} holds a tombstone`);
    }
  }
}

/** What was there before `seq` holds no garbage any more, except where something newer came on top. */
export function checkOldGarbageGone(simulation: Simulation, seq: number): void {
  const { version, contents } = simulation;
  const newest = new Map<number, number>();
  for (const table of version.tables()) {
    for (const entry of contents.get(table.fileNumber)!) {
      const key = keyOf(entry);
      const first = newest.get(key) ?? entry;
      newest.set(key, first);
      if (seqOf(first) > seq) continue;
      if (first !== entry) throw new Error(`an old version of key ${key}`);
      if (isTombstone(entry)) throw new Error(`an old tombstone of key ${key}`);
    }
  }
}

/** No two compactions under way write where the other one does, or take the same table. */
export function checkRunning(simulation: Simulation): void {
  const { running } = simulation;
  for (const [i, a] of running.entries()) {
    for (const b of running.slice(0, i)) {
      const taken = new Set([...a.plan.inputs, ...a.plan.overlapping]);
      if ([...b.plan.inputs, ...b.plan.overlapping].some((table) => taken.has(table))) {
        fail(a.plan, 'two plans take one table');
      }
      if (a.plan.outputLevel !== b.plan.outputLevel) continue;
      if (a.outputs.length === 0 || b.outputs.length === 0) continue;
      // Not table by table: where one ends and the next begins is up to the job.
      if (rangesOverlap(rangeOf(a.outputs), rangeOf(b.outputs))) {
        fail(a.plan, 'two plans write to one place');
      }
    }
  }
}
