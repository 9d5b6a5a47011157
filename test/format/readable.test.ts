import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';
import { verifyDatabase } from '../../src/inspect.js';
import { Entry, SSTableBuilder, SSTableReader } from '../../src/sstable.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import {
  databasesOf,
  entriesOf,
  latin1,
  loadDatabase,
  pathsOf,
  readExpected,
  readFixture,
  versions,
} from './fixtures.js';

const databases = versions.flatMap((version) =>
  databasesOf(version).map((name) => [version, name] as const),
);

it('fixtures are there', () => {
  expect(versions).toContain('v1');
  expect(databases.length).toBeGreaterThanOrEqual(8);
});

describe.each(databases)('the database %s/%s', (version, name) => {
  const expected = readExpected(version, name);

  it('has every entry, read-only, and stays as it was', async () => {
    const fs = loadDatabase(version, name);
    const before = fs.snapshotFiles();
    const db = await open('/db', { fs, readOnly: true });
    expect(entriesOf(db)).toEqual(expected.entries);
    expect(entriesOf(db, { reverse: true })).toEqual(expected.entries.toReversed());
    for (const [key, value] of expected.entries as [string, string][]) {
      expect(latin1(db.getSync(Buffer.from(key, 'latin1'))!), key).toBe(value);
    }
    expect(db.getSync('absent')).toBeUndefined();
    expect(db.stats().levels.map((level) => level.tables)).toEqual(expected.levels);
    await db.close();
    expect(fs.snapshotFiles()).toEqual(before);
  });

  it('can be written, compacted, and read again', async () => {
    const fs = loadDatabase(version, name);
    // After a crash there is an empty one, made ahead; it counts for nothing.
    expect(pathsOf(fs, 'log').length).toBe(expected.isClean ? 1 : 2);
    const logs = pathsOf(fs, 'log').filter((path) => fs.readBytes(path).length > 0).length;
    const db = await open('/db', { fs });
    expect(entriesOf(db)).toEqual(expected.entries);
    const { tornLog, logsReplayed } = db.recovery;
    expect(tornLog?.file).toBe(expected.tornLog && `/db/${expected.tornLog}`);
    expect(logsReplayed).toBe(logs);
    await db.put('zz: new', 'by the writer of today');
    const entries = entriesOf(db);
    expect(entries.length).toBe(expected.entries.length + 1);
    await db.compactRange();
    expect(entriesOf(db)).toEqual(entries);
    await db.close();
    const again = await open('/db', { fs });
    expect(entriesOf(again)).toEqual(entries);
    await again.close();
    expect((await verifyDatabase('/db', { fs })).damages).toEqual([]);
  });

  it('verifies clean', async () => {
    const fs = loadDatabase(version, name);
    const report = await verifyDatabase('/db', { fs });
    expect(report.damages).toEqual([]);
    expect(report.tables).toBe(expected.levels.reduce((sum, tables) => sum + tables, 0));
  });
});

describe.each(versions)('the fixtures of %s', (version) => {
  it('open on a real disk too', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nori-fixture-'));
    try {
      const source = fileURLToPath(new URL(`fixtures/${version}/torn`, import.meta.url));
      cpSync(source, directory, { recursive: true });
      const db = await open(directory, { executor: 'inline' });
      expect(entriesOf(db)).toEqual(readExpected(version, 'torn').entries);
      await db.close();
      expect((await verifyDatabase(directory)).damages).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('hold tables of every codec and a log that is not empty', () => {
    const codecs = new Set<number>();
    for (const name of databasesOf(version)) {
      const fs = loadDatabase(version, name);
      for (const path of pathsOf(fs, 'sst')) {
        const { codecId, rawBytes, storedBytes } = runSync(
          TableReader.open({ fs, path }),
        ).properties;
        if (codecId === 0 || storedBytes < rawBytes) codecs.add(codecId);
      }
    }
    expect([...codecs].sort()).toEqual([0, 1, 2]);
    expect(readFixture(version, 'unflushed/000017.log').length).toBeGreaterThan(200);
    expect(readExpected(version, 'torn').tornLog).toBeDefined();
  });

  it('have a table that stands alone', async () => {
    const bytes = new Uint8Array(readFixture(version, 'standalone.sst'));
    const fs = MemoryFileSystem.from([['t.sst', bytes]]);
    const reader = await SSTableReader.open('t.sst', { fs });
    const shown = [...reader].map(({ key, seq, kind, value }) => [
      latin1(key),
      seq,
      kind,
      latin1(value),
    ]);
    expect(shown).toEqual(readExpected(version, 'standalone').entries);
    expect((await reader.verify()).damages).toEqual([]);
    expect(reader.metadata).toMatchObject({ fileSize: bytes.length, entries: 5, tombstones: 1 });
    await reader.close();
  });

  it('and the writer of today writes the like of it, and reads it', async () => {
    const fs = new MemoryFileSystem();
    const builder = await SSTableBuilder.create({ path: 't.sst', fs });
    const { entries } = readExpected(version, 'standalone') as unknown as {
      entries: [string, number, 0 | 1, string][];
    };
    const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
    for (const [key, seq, kind, value] of entries) {
      const entry = kind === 1 ? Entry.delete(bytesOf(key), seq) : undefined;
      await builder.add(entry ?? Entry.put(bytesOf(key), bytesOf(value), seq));
    }
    await builder.finish();
    const reader = await SSTableReader.open('t.sst', { fs });
    expect([...reader].map(({ key }) => latin1(key))).toEqual(entries.map(([key]) => key));
    await reader.close();
  });

  it('the newest of them is the version that is written today', () => {
    const table = readFileSync(
      new URL(`fixtures/${versions.at(-1)}/standalone.sst`, import.meta.url),
    );
    expect(`v${table.readUInt16LE(8)}`).toBe(versions.at(-1));
  });
});
