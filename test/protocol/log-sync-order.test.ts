import { expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { runAsync } from '../../src/base/task.js';
import { LogSet, noPreviousLog } from '../../src/db/log-set.js';
import { RecordingFileSystem, type FileSystem } from '../../src/fs.js';
import { WriteBatch } from '../../src/wal/write-batch.js';
import { LateDisk, turns } from './late-disk.js';
import { expectInOrder } from './stage.js';

/** The logs of a database alone, with their numbers from 1. */
async function startLogs(fs: FileSystem): Promise<LogSet> {
  let number = 0;
  const options = {
    fs,
    directory: 'db',
    databaseId: { low: 1, high: 2 },
    random: new Prng(1),
    preallocate: false,
    takeFileNumber: function* () {
      return ++number;
    },
    manifestClaim: () => ({ number: 1, syncedLength: 56 }),
    onFailure: (error: unknown) => expect.unreachable(String(error)),
    onSpareReady: () => undefined,
    onSpareFailed: (error: unknown) => expect.unreachable(String(error)),
    removeFile: () => undefined,
  };
  const logs = new LogSet(options, []);
  await runAsync(logs.start(noPreviousLog, 0));
  logs.prepareSpare();
  await turns();
  return logs;
}

function appendOne(logs: LogSet): void {
  const batch = new WriteBatch();
  batch.put(0, Uint8Array.of(1), Uint8Array.of(2));
  logs.append(logs.appendedSeq + 1, batch.count, batch);
}

it('logs are synced oldest first: none before all of the one that it continues', async () => {
  const disk = new LateDisk();
  await disk.makeDirectory('db');
  const calls = new RecordingFileSystem(disk, { root: 'db' });
  const logs = await startLogs(calls);
  appendOne(logs);
  calls.clear();

  const synced = runAsync(logs.sync());
  // Before the sync has begun, the log goes on, and on to the next one; the disk is slow.
  const write = disk.hold('write', /000001\.log$/);
  const sync = disk.hold('sync', /000001\.log$/);
  appendOne(logs);
  logs.switchLog();
  appendOne(logs);
  const written = runAsync(logs.write());
  await turns();
  write.letGo();
  await written;
  await turns();
  sync.letGo();
  await synced;
  await runAsync(logs.sync());
  expectInOrder(
    calls.changes.slice(calls.changes.findLastIndex((line) => line.startsWith('write 000001.log'))),
    /^write 000002\.log 0/,
    /^sync 000002\.log/,
    /^write 000002\.log 104/,
    /^sync 000001\.log/,
    /^sync 000002\.log/,
  );
  const recordSyncs = calls.changes.filter((line) => line === 'sync 000002.log');
  expect(recordSyncs.length, calls.changes.join('\n')).toBe(2);
  await runAsync(logs.close());
});
