import { describe, expect, test } from 'vitest';
import { bytes, statesOf, describeState, table, workload } from '../../test/manifest/fixtures.js';
import {
  applyAll,
  createSet,
  describeSet,
  directory,
  emptyDisk,
  openSet,
  recoverSet,
  rejection,
} from '../../test/manifest/manifest-stage.js';
import { runAsync, runSync, Task } from '../base/task.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { RecordingFileSystem } from '../fs/recording-file-system.js';
import { systemError } from '../fs/system-error.js';

const edits = workload(12);
const states = statesOf(edits).map(describeState);

describe('VersionSet', () => {
  test('a new database has the default keyspace and nothing else', async () => {
    const set = await createSet(await emptyDisk());
    expect(describeSet(set)).toBe(states[0]);
    expect(set.manifestNumber).toBe(1);
    expect(set.previousManifest).toBeUndefined();
    expect(set.keyspaces.get(0)!.name).toBe('default');
    expect(set.nextKeyspaceId).toBe(1);
  });

  test('what was applied is recovered', async () => {
    const disk = await emptyDisk();
    const set = await createSet(disk);
    await applyAll(set, edits);
    expect(describeSet(set)).toBe(states[12]);
    const recovered = await recoverSet(disk);
    expect(describeSet(recovered!.set)).toBe(states[12]);
    expect(recovered!.report).toEqual({
      manifestNumber: 1,
      records: 13,
      tornTail: undefined,
      currentProblem: undefined,
    });
    expect(recovered!.set.syncedLength).toBe(set.syncedLength);
    expect(recovered!.set.databaseId).toEqual(set.databaseId);
  });

  test('reading changes nothing', async () => {
    const disk = await emptyDisk();
    await applyAll(await createSet(disk), edits);
    const recording = new RecordingFileSystem(disk);
    await recoverSet(recording);
    expect(recording.changes).toEqual([]);
    expect(disk.openFiles).toBe(2);
  });

  test('writes go on after a reopening, synchronously too', async () => {
    const disk = await emptyDisk();
    const first = await createSet(disk);
    await applyAll(first, edits.slice(0, 5));
    await runAsync(first.close());
    const second = await openSet(disk);
    for (const edit of edits.slice(5)) runSync(second.apply(edit));
    await runAsync(second.close());
    expect(disk.openFiles).toBe(0);
    expect(describeSet((await recoverSet(disk))!.set)).toBe(states[12]);
  });

  test('an edit is visible only once it is durable', async () => {
    const disk = await emptyDisk();
    const set = await createSet(disk);
    const steps = set.apply(edits[0]);
    for (let step = steps.next(); !step.done; step = steps.next()) {
      expect(describeSet(set)).toBe(states[0]);
      await step.value.wait();
    }
    expect(describeSet(set)).toBe(states[1]);
  });

  test('an edit that a synchronous caller takes over halfway stands once', async () => {
    for (let waits = 0; waits < 3; waits++) {
      const disk = await emptyDisk();
      const set = await createSet(disk, { rollBytes: 1 });
      const late: unknown[] = [];
      for (const edit of edits) {
        const task = new Task(set.apply(edit), (error) => late.push(error));
        for (let i = 0; i < waits; i++) await Promise.resolve();
        task.finishSync();
        await task.quiesce();
      }
      expect(late).toEqual([]);
      expect(describeSet((await recoverSet(disk))!.set)).toBe(states[12]);
    }
  });

  test('two edits at once are a bug', async () => {
    const set = await createSet(await emptyDisk());
    const first = set.apply(edits[0]);
    first.next();
    expect(() => set.apply(edits[1]).next()).toThrow('one after the other');
  });

  test('an edit that does not fit is refused before anything is written', async () => {
    const disk = await emptyDisk();
    const set = await createSet(disk);
    const before = disk.readBytes(`${directory}/MANIFEST-000001`);
    expect(() => runSync(set.apply({ droppedKeyspaces: [9] }))).toThrow('no keyspace 9 to drop');
    expect(disk.readBytes(`${directory}/MANIFEST-000001`)).toEqual(before);
    runSync(set.apply(edits[0]));
    expect(describeSet(set)).toBe(states[1]);
  });

  test('nothing is written before openForWriting', async () => {
    const disk = await emptyDisk();
    await createSet(disk);
    const { set } = (await recoverSet(disk))!;
    expect(() => runSync(set.apply({}))).toThrow('openForWriting comes before the first edit');
  });

  test('without synchronous calls an edit says so', async () => {
    const disk = new MemoryFileSystem({ sync: false });
    await disk.makeDirectory(directory);
    const set = await createSet(disk);
    expect(() => runSync(set.apply(edits[0]))).toThrow('no synchronous calls');
  });
});

describe('file numbers', () => {
  test('are durable before they are used, and never come again', async () => {
    const disk = await emptyDisk();
    let highest = 0;
    for (let opening = 0; opening < 4; opening++) {
      const set = opening === 0 ? await createSet(disk) : await openSet(disk);
      expect(set.manifestNumber).toBeGreaterThan(highest);
      highest = set.manifestNumber;
      for (let i = 0; i < 30; i++) {
        const first = set.takeFileNumbers(40);
        expect(first).toBe(highest + 1);
        highest = first + 39;
        await runAsync(set.apply({}));
        expect(set.freeFileNumbers).toBe(1000);
      }
    }
  });

  test('the reserve is renewed without a sync of its own, and on demand', async () => {
    const set = await createSet(await emptyDisk());
    expect(set.freeFileNumbers).toBe(1000);
    const first = set.takeFileNumbers(1000);
    expect(set.takeFileNumbers(0)).toBe(first + 1000);
    expect(() => set.takeFileNumbers()).toThrow('1 file numbers are not reserved');
    await runAsync(set.ensureFileNumbers(5000));
    expect(set.freeFileNumbers).toBe(6000);
    const before = set.syncedLength;
    await runAsync(set.ensureFileNumbers(5000));
    expect(set.syncedLength).toBe(before);
  });

  test('continue past every file that is there', async () => {
    const disk = await emptyDisk();
    await createSet(disk);
    disk.writeBytes(`${directory}/123456.sst`, bytes('x'));
    expect((await openSet(disk)).manifestNumber).toBe(123457);
  });
});

describe('rolling', () => {
  test('keeps the state, and one manifest besides the current one', async () => {
    const disk = await emptyDisk();
    const set = await createSet(disk, { rollBytes: 1 });
    const seen = new Set<number>();
    for (const [i, edit] of edits.entries()) {
      await runAsync(set.apply(edit));
      seen.add(set.manifestNumber);
      expect(describeSet((await recoverSet(disk))!.set)).toBe(states[i + 1]);
      const obsolete = set.obsoleteManifests();
      for (const number of obsolete) {
        expect([set.manifestNumber, set.previousManifest]).not.toContain(number);
        await disk.remove(`${directory}/MANIFEST-${String(number).padStart(6, '0')}`);
      }
      set.forgetManifests(obsolete);
    }
    expect(seen.size).toBeGreaterThan(2);
    expect(set.obsoleteManifests()).toEqual([]);
    const manifests = (await disk.list(directory)).filter((name) => name.startsWith('MANIFEST'));
    expect(manifests).toHaveLength(2);
  });

  test('waits for the size that was asked for', async () => {
    const set = await createSet(await emptyDisk(), { rollBytes: 5000 });
    const sizes: number[] = [];
    for (let i = 0; i < 300; i++) {
      const before = set.manifestNumber;
      const size = set.syncedLength;
      await runAsync(set.apply({ lastSeq: i, settings: [{ keyspaceId: 0, settings: { i } }] }));
      if (set.manifestNumber !== before) sizes.push(size);
    }
    expect(sizes.length).toBeGreaterThan(0);
    for (const size of sizes) expect(size).toBeGreaterThan(5000);
    for (const size of sizes) expect(size).toBeLessThan(5200);
  });
});

describe('order of file operations', () => {
  test('create, apply, roll, open', async () => {
    const disk = await emptyDisk();
    const recording = new RecordingFileSystem(disk, { root: directory });
    const lines: string[] = [];
    const note = (title: string): void => {
      lines.push(`# ${title}`, ...recording.changes);
      recording.clear();
    };
    const set = await createSet(recording, { rollBytes: 700 });
    note('create');
    await applyAll(set, edits.slice(0, 1));
    note('apply');
    await applyAll(set, edits.slice(1, 6));
    recording.clear();
    await applyAll(set, edits.slice(6, 7));
    note('apply with a roll');
    await runAsync(set.close());
    note('close');
    await openSet(recording);
    note('open');
    disk.writeBytes(`${directory}/MANIFEST-009999`, bytes('a roll that was cut off'));
    await openSet(recording);
    note('open above a void manifest');
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "# create
      create MANIFEST-000001
      write MANIFEST-000001 0..56
      sync MANIFEST-000001
      write MANIFEST-000001 56..105
      sync MANIFEST-000001
      sync-directory .
      create CURRENT.tmp
      write CURRENT.tmp 0..72
      truncate CURRENT.tmp 72
      sync CURRENT.tmp
      rename CURRENT.tmp -> CURRENT
      sync-directory .
      # apply
      write MANIFEST-000001 105..128
      sync MANIFEST-000001
      # apply with a roll
      create MANIFEST-000002
      write MANIFEST-000002 0..56
      sync MANIFEST-000002
      write MANIFEST-000002 56..494
      sync MANIFEST-000002
      sync-directory .
      create CURRENT.tmp
      write CURRENT.tmp 0..72
      truncate CURRENT.tmp 72
      sync CURRENT.tmp
      rename CURRENT.tmp -> CURRENT
      sync-directory .
      write MANIFEST-000002 494..659
      sync MANIFEST-000002
      # close
      # open
      sync MANIFEST-000002
      sync CURRENT
      sync-directory .
      create MANIFEST-001003
      write MANIFEST-001003 0..56
      sync MANIFEST-001003
      write MANIFEST-001003 56..563
      sync MANIFEST-001003
      sync-directory .
      create CURRENT.tmp
      write CURRENT.tmp 0..72
      truncate CURRENT.tmp 72
      sync CURRENT.tmp
      rename CURRENT.tmp -> CURRENT
      sync-directory .
      # open above a void manifest
      sync MANIFEST-001003
      sync CURRENT
      sync-directory .
      remove MANIFEST-009999
      sync-directory .
      create MANIFEST-010000
      write MANIFEST-010000 0..56
      sync MANIFEST-010000
      write MANIFEST-010000 56..563
      sync MANIFEST-010000
      sync-directory .
      create CURRENT.tmp
      write CURRENT.tmp 0..72
      truncate CURRENT.tmp 72
      sync CURRENT.tmp
      rename CURRENT.tmp -> CURRENT
      sync-directory ."
    `);
  });
});

describe('a failing disk', () => {
  test.each(['write', 'sync'])('after a failed %s no edit is taken', async (operation) => {
    const disk = await emptyDisk();
    let isFailing = false;
    const recording = new RecordingFileSystem(disk, {
      beforeCall: (name) => {
        if (isFailing && name === operation) throw systemError('ENOSPC', 'write', 'MANIFEST');
      },
    });
    const set = await createSet(recording);
    await applyAll(set, edits.slice(0, 3));
    isFailing = true;
    const first = await rejection(runAsync(set.apply(edits[3])));
    expect(first.code).toBe('LSM_NO_SPACE');
    isFailing = false;
    const later = await rejection(runAsync(set.apply(edits[3])));
    expect(later.code).toBe('LSM_FAILED');
    expect(later.cause).toBe(first);
    expect(set.failure).toBe(first);
    expect(describeSet(set)).toBe(states[3]);
    await runAsync(set.close());
    expect(disk.openFiles).toBe(0);
  });

  test('an error that arrives late forbids edits too', async () => {
    const set = await createSet(await emptyDisk());
    set.fail(systemError('EIO', 'fsync', 'MANIFEST-000001'));
    expect((await rejection(runAsync(set.apply(edits[0])))).code).toBe('LSM_FAILED');
  });

  test('every call of a roll that fails once: the state stays whole, on disk and in memory', async () => {
    for (let n = 0, isReached = true; isReached; n++) {
      const disk = await emptyDisk();
      let failAt = Infinity;
      isReached = false;
      const recording: RecordingFileSystem = new RecordingFileSystem(disk, {
        beforeCall: (operation, _path, index) => {
          if (index !== failAt) return;
          isReached = true;
          if (operation !== 'close') throw systemError('EIO', operation, '');
        },
      });
      const set = await createSet(recording, { rollBytes: 700 });
      await applyAll(set, edits.slice(0, 6));
      const before = set.manifestNumber;
      failAt = recording.calls + n;
      const error = await runAsync(set.apply(edits[6])).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(describeSet(set)).toBe(states[error === undefined ? 7 : 6]);
      expect(set.failure).toBe(error);
      if (!isReached) expect(set.manifestNumber).toBeGreaterThan(before);
      await runAsync(set.close());
      const recovered = describeSet((await recoverSet(disk))!.set);
      expect(error === undefined ? [states[7]] : [states[6], states[7]]).toContain(recovered);
    }
  });
});

test('removed tables are obsolete when no reader holds a version with them', async () => {
  const set = await createSet(await emptyDisk());
  await runAsync(set.apply({ addedTables: [table(5, 0, 'a', 'b')] }));
  const { version } = set.keyspaces.get(0)!;
  set.acquire(version);
  await runAsync(set.apply({ removedTables: [{ keyspaceId: 0, fileNumber: 5 }] }));
  expect(set.hasTable(5)).toBe(false);
  expect(set.obsoleteTables()).toEqual([]);
  expect(set.removedTableCount).toBe(1);
  set.release(version);
  expect(set.obsoleteTables()).toEqual([5]);
  set.forget([5]);
  expect(set.obsoleteTables()).toEqual([]);
});
