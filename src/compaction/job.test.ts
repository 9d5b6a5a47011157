import { beforeAll, describe, expect, it } from 'vitest';
import { compareBytes } from '../base/bytes.js';
import { Entry } from '../base/entry.js';
import { joinPath, tableName } from '../base/file-names.js';
import { maxSeq } from '../base/internal-key.js';
import type { Prng } from '../base/prng.js';
import { runAsync } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { loadCodecs } from '../sstable/codecs.js';
import { deal, manyEntries, randomEntries, show, textKey } from '../../test/compaction/cursors.js';
import {
  changed,
  codeOf,
  contentOf,
  never,
  newDisk,
  readAt,
  run,
} from '../../test/compaction/jobs.js';
import { forEachSeed } from '../../test/compaction/seeds.js';
import {
  compactionOf,
  componentsOf,
  cutIntoTables,
  directory,
  namesFrom,
  readTable,
  writeTable,
} from '../../test/compaction/tables.js';
import { removeOutputs } from './job-outputs.js';
import { runJob } from './job.js';
import type { JobResult, JobSettings } from './job-settings.js';

beforeAll(() => loadCodecs());

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

  it('ends a table behind the key where it is told to', async () => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(2000));
    const cutAfter = manyEntries(2000)[700].key;
    const outputs = namesFrom(2000, 10);
    const { tables } = run(fs, compactionOf([[meta]], { cutAfter, outputs }));
    expect(tables.map(({ entries }) => entries)).toEqual([701, 1299]);
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

  it('can be asked to remove its outputs and to say when they are gone', async () => {
    const fs = await newDisk();
    const settings = compactionOf([], { outputs: namesFrom(5, 3) });
    for (const fileNumber of [4, 5, 7]) writeTable(fs, fileNumber, manyEntries(10));
    const failing = changed(fs, { remove: () => Promise.reject(new Error('not now')) });
    await removeOutputs(failing, settings);
    expect(fs.snapshotFiles().size).toBe(3);
    await removeOutputs(fs, settings);
    expect([...fs.snapshotFiles().keys()]).toEqual([`/${joinPath(directory, tableName(4))}`]);
  });

  it('asks whether it is cancelled after each few thousand entries or some MB', async () => {
    const fs = await newDisk();
    const large = manyEntries(40).map((entry) => ({ ...entry, value: new Uint8Array(500_000) }));
    for (const entries of [manyEntries(20_000), large]) {
      const meta = writeTable(fs, 1, entries);
      let questions = 0;
      const control = { isCancelled: () => ++questions < 0 };
      run(fs, compactionOf([[meta]], { targetTableBytes: 1 << 30 }), control);
      expect(questions).toBeGreaterThan(9);
    }
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

  it.each([
    ['EIO', 'LSM_FAILED'],
    // No descriptor to open it with: no sync was tried.
    ['EMFILE', 'LSM_TOO_MANY_FILES'],
  ])('reports a directory that cannot be synced because of %s as %s', async (code, expected) => {
    const fs = await newDisk();
    const meta = writeTable(fs, 1, manyEntries(10));
    const failing = changed(fs, {
      syncDirectorySync: () => {
        throw Object.assign(new Error(`${code}: broken`), { code });
      },
    });
    expect(codeOf(() => run(failing, compactionOf([[meta]])))).toBe(expected);
    await Promise.resolve();
    expect(fs.snapshotFiles().size).toBe(1);
  });

  it('needs one descriptor for each run and one for its output, and gives all back', async () => {
    const source = await newDisk();
    const tables = cutIntoTables(manyEntries(3000), 100).map((entries, i) =>
      writeTable(source, i + 1, entries),
    );
    const fs = MemoryFileSystem.from(source.snapshotFiles(), { maxOpenFiles: 2 });
    const settings = compactionOf([tables], { targetTableBytes: 5000 });
    let questions = 0;
    const cancelsLate = { isCancelled: () => ++questions > 20 };
    expect(codeOf(() => run(fs, settings, cancelsLate))).toBe('LSM_ABORTED');
    for (const first of [2000, 3000]) {
      const result = run(fs, { ...settings, outputs: namesFrom(first, 50) });
      expect(contentOf(fs, result).length).toBe(3000);
    }
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
