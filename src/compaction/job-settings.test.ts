import { describe, expect, it } from 'vitest';
import type { TableMeta } from '../base/table-meta.js';
import { textKey } from '../../test/compaction/cursors.js';
import { compactionOf } from '../../test/compaction/tables.js';
import { compactionSettings, countOutputs } from './job-settings.js';
import type { CompactionPlan } from './plan.js';

describe('settings of a compaction', () => {
  const table = (fileNumber: number, change: Partial<TableMeta> = {}): TableMeta => ({
    keyspaceId: 0,
    level: 0,
    run: 0,
    fileNumber,
    tableId: { low: 0, high: 0 },
    size: 1000,
    checksum: 0,
    smallest: textKey('a'),
    largest: textKey('z'),
    smallestSeq: 1,
    largestSeq: 2,
    entries: 10,
    tombstones: 0,
    superseded: 0,
    rawBytes: 1000,
    ...change,
  });
  const planOf = (change: Partial<CompactionPlan>): CompactionPlan => ({
    keyspaceId: 0,
    reason: 'test',
    level: 0,
    outputLevel: 1,
    inputs: [table(3), table(2)],
    overlapping: [table(1), table(4)],
    grandparents: [],
    cutAfter: undefined,
    olderOutside: [table(9)],
    isTrivialMove: false,
    nextCursor: undefined,
    ...change,
  });
  const base = compactionOf([]);
  const runsOf = (plan: CompactionPlan): number[][] =>
    compactionSettings(base, plan, 100).runs.map((run) => run.map((meta) => meta.fileNumber));

  it('make each L0 table a run of its own, newest first, and a level one run', () => {
    expect(runsOf(planOf({}))).toEqual([[3], [2], [1, 4]]);
    expect(runsOf(planOf({ level: 1, outputLevel: 2 }))).toEqual([
      [3, 2],
      [1, 4],
    ]);
    expect(runsOf(planOf({ level: 1, overlapping: [] }))).toEqual([[3, 2]]);
  });

  it('name the older tables outside when an input holds a tombstone', () => {
    expect(compactionSettings(base, planOf({}), 100).olderOutside).toEqual([]);
    const plan = planOf({ overlapping: [table(1, { tombstones: 1 })] });
    expect(compactionSettings(base, plan, 100).olderOutside.length).toBe(1);
  });

  it('reserve enough names for the smallest outputs there can be', () => {
    expect(countOutputs(planOf({}), 1000)).toBeGreaterThanOrEqual(8);
    const wide = planOf({ grandparents: [table(7, { size: 1_000_000 })] });
    expect(countOutputs(wide, 1000)).toBeGreaterThanOrEqual(100);
  });
});
