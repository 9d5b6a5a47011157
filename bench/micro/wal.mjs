// The write-ahead log: entries of 16 + 100 bytes, encoded, appended, written, replayed.
import { join } from 'node:path';
import { keyForms, layOut, load, makeValue, Random, runAlone } from './harness.mjs';
import { fs, keysOf, runSync, withDirectory } from './tables.mjs';

const { WriteBatch } = await load('wal/write-batch.js');
const { BatchReader } = await load('wal/batch-reader.js');
const { appendBatch } = await load('wal/batch-record.js');
const { LogReader } = await load('wal/log-reader.js');
const { LogWriter } = await load('wal/log-writer.js');
const { logHeaderBytes, encodeLogLinks } = await load('wal/log-format.js');

const id = { low: 1, high: 2 };
const value = makeValue(new Random());
const noLinks = {
  previousLog: 0,
  previousEnd: 0,
  previousSynced: 0,
  firstSeq: 1,
  manifestNumber: 0,
  manifestSynced: 0,
};

export async function define(bench) {
  await encoding(bench);
  await withDirectory((directory) => log(bench, directory));
}

async function encoding({ measure, scaled }) {
  const keys = keysOf(layOut(new Random().order(1000), keyForms.user));
  const batch = new WriteBatch();
  const times = scaled(100);
  await measure('batch: put, 1000 per batch', 1000 * times, () => {
    for (let i = 0; i < times; i++) {
      batch.clear();
      for (const key of keys) batch.put(0, key, value);
    }
    return batch.byteLength;
  });
  const single = new WriteBatch();
  await measure('batch: put, one per batch', 1000, () => {
    let bytes = 0;
    for (const key of keys) {
      single.clear();
      single.put(0, key, value);
      bytes += single.byteLength;
    }
    return bytes;
  });
  await measure('batch: delete, 1000 per batch', 1000, () => {
    single.clear();
    for (const key of keys) single.delete(0, key);
    return single.byteLength;
  });
  const reader = new BatchReader();
  batch.clear();
  for (const key of keys) batch.put(0, key, value);
  await measure('batch: read back', 1000, () => {
    let bytes = 0;
    batch.read(reader);
    while (reader.next()) bytes += reader.valueEnd - reader.valueStart;
    return bytes;
  });
}

async function log({ measure, note, scaled }, directory) {
  let files = 0;
  let writer;
  const fresh = () => {
    if (writer !== undefined) runSync(writer.close());
    const path = join(directory, `${++files}.log`);
    const options = { fs, path, kind: 'log', fileId: id, databaseId: id, preallocate: true };
    writer = runSync(LogWriter.create({ ...options, extension: encodeLogLinks(noLinks) }));
    return writer;
  };
  const keys = keysOf(layOut(new Random().order(1000)));
  const one = new WriteBatch();
  one.put(0, keys[0], value);
  const hundred = new WriteBatch();
  for (let i = 0; i < 100; i++) hundred.put(0, keys[i], value);
  const large = new WriteBatch();
  large.put(0, keys[0], makeValue(new Random(), 1_000_000));
  const append = (batch, records) => (log) => {
    for (let i = 0; i < records; i++) {
      appendBatch(log, { firstSeq: 1 + i, count: batch.count, syncedOffset: log.syncedEnd }, batch);
    }
    return log.end;
  };
  const many = scaled(2000);
  await measure('append a record of one put', many, append(one, many), fresh);
  await measure(
    'append a record of 100 puts, per put',
    100 * scaled(20),
    append(hundred, scaled(20)),
    fresh,
  );
  await measure('append a value of 1 MB, per KiB', 977, append(large, 1), fresh);

  // As the engine groups them: all that one tick has brought in one write.
  for (const group of [1, 64]) {
    const groups = scaled(6400 / group);
    await measure(
      `append and write, ${group} per write`,
      groups * group,
      (log) => {
        for (let i = 0; i < groups; i++) {
          append(one, group)(log);
          log.flush().waitSync();
        }
        return log.end;
      },
      fresh,
    );
  }
  const synced = scaled(100, 4);
  await measure(
    'append, write and sync one record',
    synced,
    (log) => {
      for (let i = 0; i < synced; i++) {
        append(one, 1)(log);
        log.flush().waitSync();
        log.sync().waitSync();
      }
      return log.end;
    },
    fresh,
  );
  note('one put in the log', recordBytes(fresh, append(one, 1000)) / 1000, 'bytes');

  append(one, many)(fresh());
  writer.flush().waitSync();
  const { path } = writer;
  runSync(writer.close({ cutUnused: true }));
  writer = undefined;
  const file = fs.openSync(path);
  for (const [doing, assemble] of [
    ['check', false],
    ['read', true],
  ]) {
    await measure(`${doing} a log, per record of one put`, many, () => {
      const reader = new LogReader(file, { fileId: id, start: logHeaderBytes, assemble });
      let records = 0;
      for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
        if (step === 'wait') reader.waitSync();
        else records++;
      }
      return records;
    });
  }
  file.closeSync();
}

function recordBytes(fresh, append) {
  const log = fresh();
  const before = log.end;
  return append(log) - before;
}

await runAlone(import.meta.url, define);
