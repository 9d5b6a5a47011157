import { beforeAll, describe, expect, it } from 'vitest';
import { compareBytes } from '../base/bytes.js';
import { Entry } from '../base/entry.js';
import { isLsmError } from '../base/errors.js';
import { joinPath, tableName } from '../base/file-names.js';
import { maxSeq } from '../base/internal-key.js';
import type { Prng } from '../base/prng.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync, runSync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { VisibleIterator } from '../iterator/visible-iterator.js';
import { loadCodecs } from '../sstable/codecs.js';
import {
  ArrayCursor,
  compareEntries,
  deal,
  drain,
  randomEntries,
  show,
  textKey,
} from '../../test/compaction/cursors.js';
import { forEachSeed } from '../../test/compaction/seeds.js';
import {
  compactionOf,
  componentsOf,
  cutIntoTables,
  directory,
  flushOf,
  freeze,
  namesFrom,
  readTable,
  writeTable,
} from '../../test/compaction/tables.js';
import { runJob } from './job.js';
import {
  compactionSettings,
  countOutputs,
  type JobResult,
  type JobSettings,
} from './job-settings.js';
import type { CompactionPlan } from './plan.js';

const never = { isCancelled: () => false };

beforeAll(() => loadCodecs());

async function newDisk(): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  await fs.makeDirectory(directory);
  return fs;
}

function run(fs: FileSystem, settings: JobSettings, control = never): JobResult {
  return runSync(runJob(settings, componentsOf(fs), control));
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return isLsmError(error) ? error.code : String(error);
  }
  return 'no error';
}

function contentOf(fs: FileSystem, result: JobResult): string[] {
  return result.tables.flatMap((meta) => readTable(fs, meta)).map(show);
}

function readAt(entries: readonly Entry[], seq: number): string[] {
  const sorted = [...entries].sort(compareEntries);
  return drain(new VisibleIterator(new ArrayCursor(sorted), { seq })).map(show);
}

/** Many keys of text, in order, with one version each. */
function manyEntries(count: number, valueBytes = 20): Entry[] {
  return Array.from({ length: count }, (_, i) =>
    Entry.put(`key${String(i).padStart(6, '0')}`, 'x'.repeat(valueBytes), i + 1),
  );
}

interface RandomJob {
  readonly settings: JobSettings;
  readonly inputs: Entry[];
  readonly outside: Entry[];
}

/** L0 tables and a level below as inputs, some tables left outside, some snapshots. */
function randomJob(random: Prng, fs: MemoryFileSystem): RandomJob {
  const [below, ...others] = deal(random, randomEntries(random, random.below(300)), 6);
  const level0 = others.slice(0, 1 + random.below(5)).filter((table) => table.length > 0);
  const outside = others.slice(5 - random.below(3)).filter((table) => !level0.includes(table));
  let fileNumber = 1;
  const runs = level0.map((entries) => [writeTable(fs, fileNumber++, entries, 0)]);
  runs.push(
    cutIntoTables(below, 1 + random.below(20)).map((entries) =>
      writeTable(fs, fileNumber++, entries, 1),
    ),
  );
  const older = outside
    .filter((table) => table.length > 0)
    .map((table) => ({
      smallest: table[0].key,
      largest: table.at(-1)!.key,
      smallestSeq: Math.min(...table.map((entry) => entry.seq)),
    }));
  const seqs = Array.from({ length: random.below(4) }, () => random.below(300));
  const settings = compactionOf(runs, {
    snapshotSeqs: [...new Set(seqs)].sort((a, b) => a - b),
    targetTableBytes: 500 + random.below(4000),
    olderOutside: older,
    outputs: namesFrom(100, 400),
  });
  return { settings, inputs: [...level0.flat(), ...below], outside: outside.flat() };
}

describe('a compaction job', () => {
  it('changes nothing for any reader, and does the same synchronously and asynchronously', async () => {
    const disks: [MemoryFileSystem, JobSettings, JobResult][] = [];
    const base = await newDisk();
    forEachSeed(25, (random) => {
      const fs = base.clone();
      const { settings, inputs, outside } = randomJob(random, fs);
      const untouched = fs.clone();
      const before = fs.snapshotFiles();
      const result = run(fs, settings);
      disks.push([untouched, settings, result]);
      const output = result.tables.flatMap((meta) => readTable(fs, meta));
      for (const seq of [...settings.snapshotSeqs, maxSeq]) {
        expect(readAt([...output, ...outside], seq)).toEqual(readAt([...inputs, ...outside], seq));
      }
      // Inputs are as they were, outputs took the reserved names in order.
      for (const [path, bytes] of before) expect(fs.readBytes(path)).toEqual(bytes);
      expect(result.tables.map((meta) => meta.fileNumber)).toEqual(
        result.tables.map((_, i) => settings.outputs[i].fileNumber),
      );
      expect(fs.snapshotFiles().size).toBe(before.size + result.tables.length);
      // Disjoint and in order: no user key in two tables.
      for (let i = 1; i < result.tables.length; i++) {
        const [a, b] = result.tables.slice(i - 1, i + 1);
        expect(compareBytes(a.largest, b.smallest)).toBeLessThan(0);
      }
      const { counters } = result;
      expect(counters.entriesIn).toBe(inputs.length);
      expect(counters.entriesOut).toBe(output.length);
      expect(counters.droppedSuperseded + counters.droppedTombstones).toBe(
        inputs.length - output.length,
      );
    });
    for (const [fs, settings, expected] of disks) {
      const result = await runAsync(runJob(settings, componentsOf(fs), never));
      expect(result.tables).toEqual(expected.tables);
    }
  });

  it('leaves outputs that survive a power cut', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(500));
    const result = run(fs, compactionOf([[meta]], { targetTableBytes: 4096 }));
    expect(result.tables.length).toBeGreaterThan(3);
    const after = fs.crash({ keep: 0, random: { u32: () => 0 } });
    expect(contentOf(after, result)).toEqual(manyEntries(500).map(show));
  });

  it('drops a tombstone above the last level when nothing older is left outside', async () => {
    const fs = await newDisk();
    const newer = writeTable(fs, 2, [Entry.delete('k', 9), Entry.put('m', 'x', 8)], 0);
    const older = writeTable(fs, 1, [Entry.put('k', 'old', 3)]);
    const elsewhere = { smallest: textKey('l'), largest: textKey('z'), smallestSeq: 1 };
    const result = run(fs, compactionOf([[newer], [older]], { olderOutside: [elsewhere] }));
    expect(contentOf(fs, result)).toEqual(['m@8=x']);
    expect(result.counters).toMatchObject({ droppedTombstones: 1, droppedSuperseded: 1 });
  });

  it('writes no table, and syncs no directory, when nothing is left', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, [Entry.delete('k', 9)], 0);
    let syncs = 0;
    const counting = changed(fs, { syncDirectorySync: () => void syncs++ });
    expect(run(counting, compactionOf([[meta]])).tables).toEqual([]);
    expect(fs.snapshotFiles().size).toBe(1);
    expect(syncs).toBe(0);
  });

  it('keeps all versions of a key in one table, however many snapshots need', async () => {
    const fs = await newDisk();
    const versions = Array.from({ length: 400 }, (_, i) => Entry.put('m', 'x'.repeat(50), 400 - i));
    const entries = [Entry.put('a', 'x', 401), ...versions, Entry.put('z', 'x', 402)];
    const meta = writeTable(fs, 1, entries);
    const snapshotSeqs = versions.map((entry) => entry.seq).reverse();
    const result = run(fs, compactionOf([[meta]], { snapshotSeqs, targetTableBytes: 1000 }));
    expect(contentOf(fs, result)).toEqual(entries.map(show));
    const holders = result.tables.filter(
      (table) =>
        compareBytes(table.smallest, textKey('m')) <= 0 &&
        compareBytes(table.largest, textKey('m')) >= 0,
    );
    expect(holders.length).toBe(1);
  });

  it('ends tables at the target size, or at borders of the level below', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(2000));
    const plain = run(fs, compactionOf([[meta]], { targetTableBytes: 20_000 }));
    for (const { size } of plain.tables.slice(0, -1)) {
      expect(size).toBeGreaterThan(19_000);
      expect(size).toBeLessThan(24_000);
    }
    const borders = [400, 800, 1200, 1600].map((i) => manyEntries(2000)[i].key);
    const aligned = run(
      fs,
      compactionOf([[meta]], {
        targetTableBytes: 30_000,
        grandparents: borders.map((largest) => ({ largest, size: 10 })),
        outputs: namesFrom(2000, 10),
      }),
    );
    expect(aligned.tables.slice(0, 4).map((table) => show(Entry.delete(table.largest)))).toEqual(
      borders.map((key) => show(Entry.delete(key))),
    );
  });

  it('puts all the rest in the last table when the reserved names are used up', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(2000));
    const result = run(
      fs,
      compactionOf([[meta]], { targetTableBytes: 5000, outputs: namesFrom(50, 3) }),
    );
    expect(result.tables.map((table) => table.fileNumber)).toEqual([50, 51, 52]);
    expect(contentOf(fs, result).length).toBe(2000);
  });

  it('leaves no file when it is cancelled', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(20_000));
    let questions = 0;
    const control = { isCancelled: () => ++questions > 5 };
    const settings = compactionOf([[meta]], { targetTableBytes: 100_000 });
    expect(codeOf(() => run(fs, settings, control))).toBe('LSM_ABORTED');
    await Promise.resolve();
    expect([...fs.snapshotFiles().keys()].length).toBe(1);
    expect(codeOf(() => run(fs, settings))).toBe('no error');
  });

  it('fails on a damaged or missing input instead of skipping it, and leaves no file', async () => {
    for (const damage of ['flip', 'swap', 'remove'] as const) {
      const fs = await newDisk();
      const tables = cutIntoTables(manyEntries(3000), 1000).map((entries, i) =>
        writeTable(fs, i + 1, entries),
      );
      const path = joinPath(directory, tableName(3));
      if (damage === 'remove') await fs.remove(path);
      else if (damage === 'swap')
        fs.writeBytes(path, fs.readBytes(joinPath(directory, tableName(2))));
      else {
        const bytes = fs.readBytes(path).slice();
        bytes[5000] ^= 1;
        fs.writeBytes(path, bytes);
      }
      const before = fs.snapshotFiles().size;
      const settings = compactionOf([tables], { targetTableBytes: 5000 });
      expect(codeOf(() => run(fs, settings))).toBe('LSM_CORRUPTION');
      await Promise.resolve();
      expect(fs.snapshotFiles().size).toBe(before);
      await expect(runAsync(runJob(settings, componentsOf(fs), never))).rejects.toMatchObject({
        code: 'LSM_CORRUPTION',
      });
      expect(fs.snapshotFiles().size).toBe(before);
    }
  });

  it('gives the space back when the disk is full', async () => {
    const source = await newDisk();
    const meta = writeTable(source, 1, manyEntries(20_000, 100));
    const fs = MemoryFileSystem.from(source.snapshotFiles(), {
      capacityBytes: meta.size + 1_500_000,
    });
    const settings = compactionOf([[meta]], { targetTableBytes: 300_000 });
    await expect(runAsync(runJob(settings, componentsOf(fs), never))).rejects.toMatchObject({
      code: 'LSM_NO_SPACE',
    });
    expect(fs.snapshotFiles().size).toBe(1);
  });

  it('reports a directory that cannot be synced as fatal', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(10));
    const failing = changed(fs, {
      syncDirectorySync: () => {
        throw Object.assign(new Error('EIO: broken'), { code: 'EIO' });
      },
    });
    expect(codeOf(() => run(failing, compactionOf([[meta]])))).toBe('LSM_FAILED');
    await Promise.resolve();
    expect(fs.snapshotFiles().size).toBe(1);
  });

  it('needs one descriptor for each run and one for its output', async () => {
    const source = await newDisk();
    const tables = cutIntoTables(manyEntries(3000), 100).map((entries, i) =>
      writeTable(source, i + 1, entries),
    );
    const fs = MemoryFileSystem.from(source.snapshotFiles(), { maxOpenFiles: 2 });
    const settings = compactionOf([tables], { targetTableBytes: 5000 });
    expect(contentOf(fs, run(fs, settings)).length).toBe(3000);
  });

  it('lets the event loop turn while it runs, also when the disk answers at once', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(20_000));
    let turns = 0;
    let isRunning = true;
    const turn = (): void => {
      turns++;
      if (isRunning) setImmediate(turn);
    };
    setImmediate(turn);
    await runAsync(runJob(compactionOf([[meta]]), componentsOf(fs), never));
    isRunning = false;
    expect(turns).toBeGreaterThan(8);
  });
});

describe('a flush job', () => {
  it('writes one table of what readers need, tombstones included', async () => {
    const fs = await newDisk();
    const entries = [
      Entry.put('a', 'new', 7),
      Entry.put('a', 'seen', 4),
      Entry.put('a', 'hidden', 2),
      Entry.delete('b', 6),
      Entry.put('b', 'hidden', 1),
    ];
    const result = run(fs, flushOf(freeze(entries), { snapshotSeqs: [5], flushedSeq: 7 }));
    expect(contentOf(fs, result)).toEqual(['a@7=new', 'a@4=seen', 'b@6=deleted', 'b@1=hidden']);
    expect(result.tables[0]).toMatchObject({
      keyspaceId: 3,
      level: 0,
      fileNumber: 1000,
      tombstones: 1,
      smallestSeq: 1,
      largestSeq: 7,
    });
    expect(result.counters).toMatchObject({ entriesIn: 5, entriesOut: 4, fileBytesRead: 0 });
  });

  it('follows the naive model for any memtable', async () => {
    const base = await newDisk();
    forEachSeed(25, (random) => {
      const fs = base.clone();
      const entries = randomEntries(random, 1 + random.below(200));
      const snapshotSeqs = random.chance(0.5) ? [random.below(200)] : [];
      const result = run(fs, flushOf(freeze(entries), { snapshotSeqs }));
      expect(result.tables.length).toBe(1);
      const output = readTable(fs, result.tables[0]);
      for (const seq of [...snapshotSeqs, maxSeq]) {
        expect(readAt(output, seq)).toEqual(readAt(entries, seq));
      }
      // Older tables may lie below, so every key keeps its newest version.
      const keys = new Set(entries.map((entry) => Buffer.from(entry.key).toString('hex')));
      expect(new Set(output.map((entry) => Buffer.from(entry.key).toString('hex')))).toEqual(keys);
    });
  });

  it('writes nothing for an empty memtable', async () => {
    const fs = await newDisk();
    expect(run(fs, flushOf(freeze([]))).tables).toEqual([]);
    expect(fs.snapshotFiles().size).toBe(0);
  });

  it('ends with one table whatever the size', async () => {
    const fs = await newDisk();
    const result = run(fs, flushOf(freeze(manyEntries(5000)), { outputs: namesFrom(9, 1) }));
    expect(result.tables.length).toBe(1);
    expect(contentOf(fs, result).length).toBe(5000);
  });
});

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

/** The file system with some calls replaced. */
function changed(fs: MemoryFileSystem, calls: Partial<FileSystem>): FileSystem {
  return new Proxy(fs, {
    get(target, name) {
      if (name in calls) return calls[name as keyof FileSystem];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}
