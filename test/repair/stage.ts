import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, type FileSystem } from '../../src/fs.js';
import { open, type Database, type OpenOptions } from '../../src/index.js';

/** Where the database is, in the memory of the test. */
export const directory = 'db';

/** One write, as it was made: its sequence number is its place in the list, from 1 on. */
export interface Write {
  readonly keyspace: string;
  readonly key: string;
  /** Undefined: a delete. */
  readonly value: string | undefined;
}

export interface Stage {
  readonly disk: MemoryFileSystem;
  readonly writes: readonly Write[];
  readonly keyspaces: readonly string[];
  /** Tables that compactions have replaced, by path. */
  readonly obsolete: ReadonlyMap<string, Uint8Array>;
}

export const smallOptions = {
  memtableBytes: 64 * 1024,
  tableBytes: 16 * 1024,
  blockSizeBytes: 512,
  l0CompactionTrigger: 2,
  baseLevelBytes: 64 * 1024,
  levelSizeMultiplier: 2,
  maxCompactions: 1,
  syncIntervalMs: 0,
} as const satisfies OpenOptions;

export async function openStage(
  disk: MemoryFileSystem,
  seed: number,
  fs: FileSystem = disk,
): Promise<Database<string, string>> {
  return await open(directory, {
    ...smallOptions,
    fs,
    executor: 'inline',
    random: new Prng(seed),
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  });
}

/**
 * A database with three keyspaces, several levels, tombstones, several logs, and
 * a part that is in logs only. Everything is a function of the seed.
 */
export async function makeStage(seed: number, size: 'small' | 'large' = 'small'): Promise<Stage> {
  const disk = new MemoryFileSystem();
  const random = new Prng(seed);
  const keyspaces = ['default', 'users', 'rare'];
  const writes: Write[] = [];
  const tables = new Map<string, Uint8Array>();
  const noteTables = (): void => {
    for (const [path, bytes] of disk.snapshotFiles()) {
      if (path.endsWith('.sst')) tables.set(path, bytes);
    }
  };
  const db = await openStage(disk, seed);
  const users = await db.keyspace('users');
  const rare = await db.keyspace('rare');
  const rounds = size === 'small' ? 5 : 9;
  const perRound = size === 'small' ? 60 : 250;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < perRound; i++) {
      const pick = random.below(10);
      const keyspace = pick < 6 ? 'default' : pick < 9 ? 'users' : 'rare';
      const target = keyspace === 'default' ? db : keyspace === 'users' ? users : rare;
      const key = `key-${String(random.below(size === 'small' ? 120 : 600)).padStart(4, '0')}`;
      const isDelete = random.chance(0.25);
      const value = isDelete ? undefined : `${writes.length + 1}:${'v'.repeat(random.below(60))}`;
      writes.push({ keyspace, key, value });
      const done = value === undefined ? target.delete(key) : target.put(key, value);
      if (i % 20 === 0) await done;
      else void done.catch(() => undefined);
    }
    await db.sync();
    // The last two rounds stay in logs: one closed cleanly, one not at all.
    if (round < rounds - 2) {
      await db.flush();
      noteTables();
      if (round === 1) await db.compactRange();
      if (round === 2) await users.compactRange();
    }
  }
  await db.close();
  for (const path of disk.snapshotFiles().keys()) tables.delete(path);
  return { disk, writes, keyspaces, obsolete: tables };
}

export type Contents = ReadonlyMap<string, ReadonlyMap<string, string>>;

export async function readAll(db: Database<string, string>): Promise<Contents> {
  const contents = new Map<string, Map<string, string>>();
  for (const name of db.keyspaces()) {
    const keyspace = await db.keyspace(name);
    const entries = new Map<string, string>();
    for await (const [key, value] of keyspace.entries()) entries.set(key, value);
    contents.set(name, entries);
  }
  return contents;
}

/** What there should be after all writes, or after those that `counts` says yes to. */
export function modelOf(
  writes: readonly Write[],
  counts: (seq: number) => boolean = () => true,
): Contents {
  const contents = new Map<string, Map<string, string>>();
  for (const [i, { keyspace, key, value }] of writes.entries()) {
    if (!counts(i + 1)) continue;
    let entries = contents.get(keyspace);
    if (entries === undefined) contents.set(keyspace, (entries = new Map()));
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  }
  return contents;
}
