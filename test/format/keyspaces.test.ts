import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { runAsync, runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, repair, type Database, type Keyspace } from '../../src/index.js';
import { inspectFile, verifyDatabase, type FileFact } from '../../src/inspect.js';
import { VersionSet } from '../../src/manifest/version-set.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { logHeaderBytes } from '../../src/wal/log-format.js';
import { reportCounts } from '../support/counts.js';
import { databasesOf, loadDatabase, versions as databaseVersions } from './fixtures.js';

/*
 * T11: a committed database of each format version with all that a small one can
 * have: keyspaces stored in different ways, levels, versions kept for snapshots,
 * logs after a crash. What it holds stands beside it, as it was known when it was made.
 */
const home = new URL('keyspaces/fixtures/', import.meta.url);
const versions = readdirSync(home).sort();
const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

type Entries = Readonly<Record<string, readonly (readonly [string, string, number?])[]>>;

function load(version: string): MemoryFileSystem {
  const directory = new URL(`${version}/db/`, home);
  return MemoryFileSystem.from(
    readdirSync(directory).map(
      (name) => [`/db/${name}`, new Uint8Array(readFileSync(new URL(name, directory)))] as const,
    ),
  );
}

function expectedOf(version: string): Map<string, [string, string][]> {
  const stored = JSON.parse(
    readFileSync(new URL(`${version}/expected.json`, home), 'utf8'),
  ) as Entries;
  return new Map(
    Object.entries(stored).map(([name, entries]) => [
      name,
      entries.map(([key, value, times]): [string, string] => [key, value.repeat(times ?? 1)]),
    ]),
  );
}

async function handleOf(
  db: Database<string, string>,
  name: string,
): Promise<Keyspace<string, string>> {
  return name === 'default' ? db : db.keyspace(name, text);
}

async function contentOf(db: Database<string, string>): Promise<Map<string, [string, string][]>> {
  const content = new Map<string, [string, string][]>();
  for (const name of db.keyspaces()) {
    const keyspace = await handleOf(db, name);
    const entries = [...keyspace.entriesSync()];
    expect([...keyspace.entriesSync({ reverse: true })]).toEqual(entries.toReversed());
    content.set(name, entries);
  }
  return content;
}

async function factsOf(fs: MemoryFileSystem, path: string): Promise<FileFact[]> {
  const facts: FileFact[] = [];
  for await (const fact of inspectFile(path, { fs })) facts.push(fact);
  return facts;
}

const pathsOf = (fs: MemoryFileSystem, pattern: RegExp): string[] =>
  [...fs.snapshotFiles().keys()].filter((path) => pattern.test(path)).sort();

describe.each(versions)('the keyspaces of %s', (version) => {
  it('are all there, read-only, and stay as they were', async () => {
    const fs = load(version);
    const before = fs.snapshotFiles();
    const db = await open('/db', { ...text, fs, readOnly: true });
    const expected = expectedOf(version);
    expect(expected.size).toBe(4);
    expect(await contentOf(db)).toEqual(expected);
    expect(db.keyspaces()).not.toContain('dropped');
    await db.close();
    expect(fs.snapshotFiles()).toEqual(before);
  });

  it('have the settings that they were made with', async () => {
    const fs = load(version);
    const recovered = await runAsync(VersionSet.recover(fs, '/db', { random: new Prng(1) }));
    const states = [...recovered!.set.keyspaces.values()];
    expect(states.map(({ id, name }) => [id, name])).toEqual([
      [0, 'default'],
      [1, 'by levels, é 日本'],
      [2, 'packed'],
      [3, 'empty'],
    ]);
    expect(recovered!.set.nextKeyspaceId).toBe(5);
    expect({ ...states[1].settings }).toMatchObject({
      levelSizing: 'static',
      maxLevels: 4,
      baseLevelBytes: 65_536,
      levels: [
        { compression: 'none' },
        { compression: 'lz4', bloomBitsPerKey: 0, blockSizeBytes: 1024 },
        { compression: 'zstd', cachePriority: 'high' },
      ],
    });
    expect({ ...states[2].settings }).toMatchObject({ compression: 'zstd', bloomBitsPerKey: 20 });
  });

  it('can be written, compacted, and read again', async () => {
    const fs = load(version);
    const expected = expectedOf(version);
    const db = await open('/db', { ...text, fs });
    expect(db.recovery).toMatchObject({ logsReplayed: 3 });
    expect(await contentOf(db)).toEqual(expected);
    for (const [name, entries] of expected) {
      const keyspace = await handleOf(db, name);
      await keyspace.put('zz: new', 'by the writer of today');
      entries.push(['zz: new', 'by the writer of today']);
      await keyspace.compactRange();
    }
    expect(await contentOf(db)).toEqual(expected);
    await db.close();
    const again = await open('/db', { ...text, fs });
    expect(await contentOf(again)).toEqual(expected);
    await again.close();
    expect((await verifyDatabase('/db', { fs })).damages).toEqual([]);
  });

  it('verify clean, and survive a repair', async () => {
    const fs = load(version);
    const report = await verifyDatabase('/db', { fs });
    expect(report.damages).toEqual([]);
    expect([report.tables, report.logs]).toEqual([pathsOf(fs, /\.sst$/).length, 3]);
    await repair('/db', { fs });
    const db = await open('/db', { ...text, fs });
    expect(await contentOf(db)).toEqual(expectedOf(version));
    await db.close();
  });

  it('come with everything that the format has', async () => {
    await loadCodecs();
    const fs = load(version);
    const edits = new Set<string>();
    const manifests = [
      ...pathsOf(fs, /MANIFEST/).map((path) => [fs, path] as const),
      // Clean closes are in the fixtures that were closed.
      ...databaseVersions.flatMap((each) =>
        databasesOf(each).map((name) => [loadDatabase(each, name), '/db/MANIFEST-000001'] as const),
      ),
    ];
    for (const [disk, path] of manifests) {
      for (const fact of await factsOf(disk, path)) {
        if (fact.type === 'edit') for (const name of Object.keys(fact.edit)) edits.add(name);
      }
    }
    expect([...edits].sort()).toEqual([
      'addedKeyspaces',
      'addedTables',
      'cleanClose',
      'counters',
      'cursors',
      'droppedKeyspaces',
      'flushedSeqs',
      'isSnapshotEnd',
      'lastSeq',
      'logNumber',
      'nextFileNumber',
      'nextKeyspaceId',
      'removedTables',
      'settings',
    ]);
    const seen = {
      levels: new Set<number>(),
      codecs: new Set<string>(),
      superseded: 0,
      tombstones: 0,
    };
    for (const path of pathsOf(fs, /\.sst$/)) {
      const { level, superseded, tombstones } = runSync(TableReader.open({ fs, path })).properties;
      seen.levels.add(level);
      seen.superseded += superseded;
      seen.tombstones += tombstones;
      for (const fact of await factsOf(fs, path)) {
        if (fact.type === 'block' && fact.role === 'data') seen.codecs.add(fact.codec);
      }
    }
    expect([...seen.codecs].sort()).toEqual(['lz4', 'none', 'zstd']);
    expect(seen.levels.size).toBeGreaterThanOrEqual(3);
    expect(seen.superseded).toBeGreaterThan(0);
    expect(seen.tombstones).toBeGreaterThan(0);
    const logs = pathsOf(fs, /\.log$/).filter((path) => fs.readBytes(path).length > logHeaderBytes);
    const kinds = new Set(logs.flatMap((path) => fragmentKinds(fs.readBytes(path))));
    expect([...kinds].sort()).toEqual([1, 2, 3, 4]);
    const batches = (await Promise.all(logs.map((path) => factsOf(fs, path)))).flat();
    const keyspaceIds = batches.flatMap((fact) =>
      fact.type === 'operation' ? [fact.keyspaceId] : [],
    );
    expect(new Set(keyspaceIds).size).toBeGreaterThanOrEqual(3);
    reportCounts(
      'T11',
      `fixtures of ${version}`,
      {
        databases: databaseVersions.flatMap(databasesOf).length + 1,
        keyspaces: expectedOf(version).size,
        tables: pathsOf(fs, /\.sst$/).length,
        logs: logs.length,
        editKinds: edits.size,
      },
      { databases: 9, keyspaces: 4, tables: 5, logs: 3, editKinds: 14 },
    );
  });
});

/** The kinds of fragments in a log that is whole. */
function fragmentKinds(bytes: Uint8Array): number[] {
  const kinds: number[] = [];
  const view = Buffer.from(bytes);
  for (let at = view.readUInt16LE(10); at + 7 < bytes.length;) {
    const room = 32_768 - (at % 32_768);
    const length = view.readUInt16LE(at + 4);
    if (room < 16 || length === 0) {
      if (room >= 16) break;
      at += room;
      continue;
    }
    kinds.push(bytes[at + 6]);
    at += 7 + length;
  }
  return kinds;
}
