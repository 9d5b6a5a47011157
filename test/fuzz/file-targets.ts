import { compareBytes } from '../../src/base/bytes.js';
import type { FileId } from '../../src/base/checksum.js';
import type { Entry } from '../../src/base/entry.js';
import { parseFileName } from '../../src/base/file-names.js';
import { maxSeq } from '../../src/base/internal-key.js';
import { Prng } from '../../src/base/prng.js';
import { runAsync, runSync } from '../../src/base/task.js';
import type { File, FileSystem } from '../../src/fs/file-system.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open, repair, type Database } from '../../src/index.js';
import { inspectDirectory, inspectFile, verifyDatabase } from '../../src/inspect.js';
import { VersionSet } from '../../src/manifest/version-set.js';
import { findBlock } from '../../src/inspect/find-block.js';
import type { BlockHandle } from '../../src/sstable/format.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { BatchReader } from '../../src/wal/batch-reader.js';
import type { CleanClose } from '../../src/wal/log-claims.js';
import { recoverLogs } from '../../src/wal/recover-logs.js';
import { current, getSync, settle } from '../sstable/table-model.js';
import { mustHold } from './block-targets.js';
import { databaseDirectory, readSeedTable, tablePath, type SeedTable } from './corpus.js';
import { sealBlock, sealHeader, sealLog, sealTable } from './seal.js';
import type { Target } from './target.js';

/** As much as reading takes: windows of 1 MiB, blocks and caches, pages of the file system in memory. */
const readingMemory = { fixed: 12 * 1024 * 1024, perByte: 200 };
/** A database takes arenas and codecs besides. */
const openMemory = { fixed: 64 * 1024 * 1024, perByte: 400 };

/**
 * A file system that gives up when it is called more often than `bytes` of files
 * can explain: what loops, loops through here.
 */
function budgeted(inner: FileSystem, bytes: number, calls: number): FileSystem {
  const most = calls + bytes;
  return new RecordingFileSystem(inner, {
    beforeCall: (operation, path, index) => {
      if (index > most) throw new TypeError(`call ${index}: ${operation} ${path}`);
    },
  });
}

/** A whole table, opened, searched, scanned both ways, and verified. */
export function tableTarget(tables: readonly SeedTable[]): Target {
  const handles = new Map<string, readonly BlockHandle[]>();
  for (const { bytes, blocks } of tables) handles.set(identity(bytes), blocks);
  const probes = tables.flatMap(({ directory }) => {
    const { smallest, largest } = directory.properties;
    return [smallest, largest, new Uint8Array([0x61])];
  });
  return {
    name: 'table file',
    seeds: tables.map(({ bytes }) => bytes),
    seal: (bytes) => sealTable(bytes, handles.get(identity(bytes)) ?? tables[0].blocks),
    inPlace: 0.8,
    memory: readingMemory,
    decode(bytes, random) {
      const memory = MemoryFileSystem.from([[tablePath, bytes]]);
      const fs = budgeted(memory, bytes.length, 200);
      const blockCache = random.chance(0.5)
        ? new BlockCache({ capacityBytes: 2 ** 20 })
        : undefined;
      try {
        useTable(fs, random, probes, blockCache);
      } finally {
        mustHold(memory.openFiles === 0, 'a file that is left open');
      }
      return true;
    },
  };
}

/** What tells the seeds apart; sealing needs to know where the blocks were. */
function identity(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 8)).toString('latin1') + bytes.length;
}

function useTable(
  fs: FileSystem,
  random: Prng,
  probes: readonly Uint8Array[],
  blockCache: BlockCache | undefined,
): void {
  const cached = blockCache === undefined ? {} : { blockCache };
  const table = runSync(TableReader.open({ fs, path: tablePath, ...cached }));
  try {
    table.acquire();
    const { damages } = runSync(table.verify());
    for (let i = 0; i < 3; i++) getSync(table, probes[random.below(probes.length)], maxSeq);
    const entries = scan(table, false);
    mustHold(scan(table, true).length === entries.length, 'other entries backward than forward');
    if (damages.length > 0) throw damages[0];
    mustHold(entries.length === table.entries, 'a table without damage, and other entries');
    for (let i = 1; i < entries.length; i++) {
      const order = compareBytes(entries[i - 1].key, entries[i].key);
      mustHold(order <= 0, 'a table without damage, out of order');
    }
  } finally {
    table.release();
    runSync(table.close());
  }
}

interface Loaded {
  /** Of the file that is the input. */
  readonly path: string;
  /** Which of the databases it belongs to. */
  readonly database: number;
  readonly memory: MemoryFileSystem;
  /** Of all files. */
  readonly bytes: number;
}

function scan(table: TableReader, isReverse: boolean): Entry[] {
  const cursor = table.cursor();
  const entries: Entry[] = [];
  try {
    settle(cursor, () => (isReverse ? cursor.last() : cursor.first()));
    for (let entry = current(cursor); entry !== undefined; entry = current(cursor)) {
      entries.push(entry);
      settle(cursor, () => (isReverse ? cursor.prev() : cursor.next()));
    }
  } finally {
    cursor.close();
  }
  return entries;
}

/** Files of databases, of which one is replaced by the input: its first byte says which. */
class Databases {
  readonly #databases: readonly ReadonlyMap<string, Uint8Array>[];
  readonly #files: (readonly [database: number, path: string])[] = [];
  readonly #blocks = new Map<Uint8Array, readonly BlockHandle[]>();

  constructor(databases: readonly ReadonlyMap<string, Uint8Array>[]) {
    this.#databases = databases;
    databases.forEach((files, i) => {
      for (const [path, bytes] of files) if (bytes.length > 0) this.#files.push([i, path]);
    });
    mustHold(this.#files.length < 256, 'more files than a byte can name');
  }

  /** The files whose path matches, each behind its number. */
  seeds(pattern: RegExp): Uint8Array[] {
    return this.#files.flatMap(([database, path], i) => {
      if (!pattern.test(path)) return [];
      return [Uint8Array.of(i, ...this.#databases[database].get(path)!)];
    });
  }

  /** The path that the input stands for, and the database with it in place. */
  load(input: Uint8Array): Loaded {
    const [database, path] = this.#files[(input[0] ?? 0) % this.#files.length];
    const files = new Map(this.#databases[database]);
    files.set(path, input.subarray(1));
    let bytes = 0;
    for (const content of files.values()) bytes += content.length;
    return { path, database, memory: MemoryFileSystem.from(files), bytes };
  }

  /** Mends checksums by the kind of file that the input begins like; of tables header and footer only. */
  readonly seal = (input: Uint8Array): void => {
    const bytes = input.subarray(1);
    const kind = Buffer.from(bytes.subarray(0, 8)).toString('latin1');
    if (kind === 'noriCurr') sealHeader(bytes);
    else if (kind !== 'noriSSTb') sealLog(bytes);
    else sealTable(bytes, this.#handlesOf(input));
  };

  /** Where the blocks of the table were that the input stands for. */
  #handlesOf(input: Uint8Array): readonly BlockHandle[] {
    const [database, path] = this.#files[(input[0] ?? 0) % this.#files.length];
    const bytes = this.#databases[database].get(path)!;
    if (!path.endsWith('.sst')) return [{ offset: 0, size: 0 }];
    let blocks = this.#blocks.get(bytes);
    if (blocks === undefined) this.#blocks.set(bytes, (blocks = readSeedTable(bytes).blocks));
    return blocks;
  }
}

/** What opens, recovers, looks at and verifies directories. */
export async function databaseTargets(
  files: readonly ReadonlyMap<string, Uint8Array>[],
  tables: readonly SeedTable[],
): Promise<Target[]> {
  const places = await Promise.all(files.map(logPlaceOf));
  const databases = new Databases(files);
  const { seal } = databases;
  const all = databases.seeds(/./);
  return [
    {
      name: 'VersionSet.recover',
      seeds: databases.seeds(/CURRENT|MANIFEST/),
      seal,
      inPlace: 0.5,
      memory: readingMemory,
      async decode(input) {
        const { memory, bytes } = databases.load(input);
        const fs = budgeted(memory, bytes, 200);
        const options = { random: new Prng(1) };
        const recovered = await runAsync(VersionSet.recover(fs, databaseDirectory, options));
        mustHold(memory.openFiles === 0, 'a file that is left open');
        return recovered !== undefined;
      },
    },
    {
      name: 'recoverLogs',
      seeds: databases.seeds(/\.log$/),
      seal,
      inPlace: 0.5,
      memory: readingMemory,
      decode(input) {
        const { memory, database, bytes } = databases.load(input);
        replay(budgeted(memory, bytes, 200), places[database]);
        mustHold(memory.openFiles === 0, 'a file that is left open');
        return true;
      },
    },
    {
      name: 'inspectFile',
      seeds: all,
      seal,
      inPlace: 0.5,
      memory: readingMemory,
      codes: ['LSM_UNSUPPORTED_FORMAT', 'LSM_NOT_A_DATABASE'],
      async decode(input) {
        const { memory, path, bytes } = databases.load(input);
        let facts = 0;
        let damages = 0;
        for await (const fact of inspectFile(path, { fs: budgeted(memory, bytes, 200) })) {
          mustHold(++facts <= input.length + 50, 'more facts than bytes');
          if (fact.type === 'end') damages = fact.damages;
        }
        mustHold(memory.openFiles === 0, 'a file that is left open');
        return damages === 0;
      },
    },
    {
      name: 'search for blocks',
      seeds: tables.flatMap(({ bytes, blocks, directory }) =>
        blocks.map(({ offset, size }) => {
          const rest = bytes.slice(offset);
          sealBlock(rest.subarray(0, size), directory.tableId, 0);
          return rest;
        }),
      ),
      memory: readingMemory,
      async decode(bytes) {
        const memory = MemoryFileSystem.from([['f', bytes]]);
        const file: File = await memory.open('f');
        const id = tables[0].directory.tableId;
        return (await findBlock(file, id, 0, bytes.length)) !== undefined;
      },
    },
    {
      name: 'inspectDirectory',
      seeds: all,
      seal,
      inPlace: 0.5,
      memory: readingMemory,
      codes: ['LSM_UNSUPPORTED_FORMAT'],
      async decode(input) {
        const { memory, bytes } = databases.load(input);
        const overview = await inspectDirectory(databaseDirectory, {
          fs: budgeted(memory, bytes, 200),
        });
        return overview.problem === undefined;
      },
    },
    {
      name: 'verifyDatabase',
      seeds: all,
      seal,
      inPlace: 0.6,
      memory: readingMemory,
      codes: ['LSM_UNSUPPORTED_FORMAT'],
      async decode(input) {
        const { memory, bytes } = databases.load(input);
        const report = await verifyDatabase(databaseDirectory, {
          fs: budgeted(memory, bytes, 500),
        });
        mustHold(memory.openFiles === 0, 'a file that is left open');
        return report.damages.length === 0;
      },
    },
    {
      name: 'open, read-only',
      seeds: all,
      seal,
      inPlace: 0.6,
      memory: openMemory,
      async decode(input) {
        const { memory, bytes } = databases.load(input);
        const before = memory.snapshotFiles();
        const fs = budgeted(memory, bytes, 1000);
        const db = await open(databaseDirectory, { fs, readOnly: true });
        try {
          await readAll(db);
        } finally {
          await db.close();
        }
        mustHold(memory.openFiles === 0, 'a file that is left open');
        const after = memory.snapshotFiles();
        for (const [path, content] of before) {
          mustHold(compareBytes(content, after.get(path)!) === 0, `${path} is not as it was`);
        }
        return true;
      },
    },
    {
      name: 'repair',
      seeds: all,
      seal,
      inPlace: 0.6,
      memory: openMemory,
      async decode(input) {
        const { memory, bytes } = databases.load(input);
        const fs = budgeted(memory, 8 * bytes, 10_000);
        await repair(databaseDirectory, { fs, random: new Prng(7) });
        mustHold(memory.openFiles === 0, 'a file that is left open');
        // Whatever it was: now it is sound.
        const { damages } = await verifyDatabase(databaseDirectory, { fs });
        mustHold(damages.length === 0, `damage after a repair: ${damages[0]?.what}`);
        const db = await open(databaseDirectory, { fs, random: new Prng(8) });
        await db.put('written', 'after the repair');
        await readAll(db);
        await db.close();
        return true;
      },
    },
    {
      name: 'open, write, and compact',
      seeds: all,
      seal,
      inPlace: 0.6,
      memory: openMemory,
      // Compactions and flushes that met damage before are told about by what waits for them.
      codes: ['LSM_CORRUPTION', 'LSM_UNSUPPORTED_FORMAT'],
      async decode(input) {
        const { memory, bytes } = databases.load(input);
        const fs = budgeted(memory, 4 * bytes, 5000);
        const db = await open(databaseDirectory, { fs, random: new Prng(7), syncIntervalMs: 0 });
        try {
          await db.put('written', 'behind what was there');
          await readAll(db);
          await db.flush();
          await db.compactRange();
          await readAll(db);
        } finally {
          await db.close();
        }
        mustHold(memory.openFiles === 0, 'a file that is left open');
        const again = await open(databaseDirectory, { fs, random: new Prng(8) });
        mustHold(
          (await again.get('written')) !== undefined,
          'a write that was acknowledged is gone',
        );
        await again.close();
        return true;
      },
    },
  ];
}

async function readAll(db: Database): Promise<void> {
  for (const name of db.keyspaces()) {
    const keyspace = await db.keyspace(name);
    // Who made the checksums right may have put entries out of order, so that scans differ.
    let bytes = 0;
    for await (const [key, value] of keyspace.entries()) bytes += key.length + value.length;
    for (const [key] of keyspace.entriesSync({ reverse: true })) bytes += key.length;
    mustHold(bytes >= 0, 'less than nothing');
    await keyspace.get('user:7');
  }
  JSON.stringify(db.stats());
}

/** What a recovery of the logs is told by the manifest. */
interface LogPlace {
  readonly databaseId: FileId;
  readonly manifestLogNumber: number;
  readonly cleanClose: CleanClose | undefined;
  readonly logNumbers: readonly number[];
}

async function logPlaceOf(files: ReadonlyMap<string, Uint8Array>): Promise<LogPlace> {
  const fs = MemoryFileSystem.from(files);
  const recovered = await runAsync(
    VersionSet.recover(fs, databaseDirectory, { random: new Prng(1) }),
  );
  const { databaseId, logNumber, cleanClose } = recovered!.set;
  const logNumbers = (await fs.list(databaseDirectory)).flatMap((name) => {
    const file = parseFileName(name);
    return file?.kind === 'log' ? [file.number] : [];
  });
  return { databaseId, manifestLogNumber: logNumber, cleanClose, logNumbers };
}

function replay(fs: FileSystem, place: LogPlace): void {
  const reader = new BatchReader();
  runSync(
    recoverLogs({
      fs,
      directory: databaseDirectory,
      ...place,
      replay: ({ bytes, start, end, count, path, offset }) => {
        reader.reset(bytes, start, end, count, path, offset);
        while (reader.next()) mustHold(reader.valueEnd <= bytes.length, 'a value beyond the end');
        return undefined;
      },
    }),
  );
}
