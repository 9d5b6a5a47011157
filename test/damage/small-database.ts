import { Prng } from '../../src/base/prng.js';
import type { FileSystem } from '../../src/fs.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database, type Keyspace, type OpenOptions } from '../../src/index.js';
import { JumpingClock } from '../support/jumping-clock.js';

export const directory = '/db';

/** By keyspace, what every key must read as; keys of deleted entries are `undefined`. */
export type Expected = ReadonlyMap<string, ReadonlyMap<string, string | undefined>>;

/** Files by path. */
export type Image = ReadonlyMap<string, Uint8Array>;

export interface SmallDatabase {
  readonly image: Image;
  /** What it may read as: one state when closed, else those from the last sync on, oldest first. */
  readonly states: readonly Expected[];
}

export type SmallHandle = Database<string, string>;

/** The default keyspace and two others: one for each way to store a block. */
export const compressions = { default: 'none', light: 'lz4', dense: 'zstd' } as const;
const keyspaceNames = Object.keys(compressions) as (keyof typeof compressions)[];

export async function openSmall(
  fs: FileSystem,
  seed: number,
  options: OpenOptions = {},
  path = directory,
): Promise<SmallHandle> {
  return open(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    blockSizeBytes: 128,
    // Logs of small memtables are not extended ahead.
    memtableBytes: 64 * 1024,
    compression: compressions.default,
    syncIntervalMs: 0,
    fs,
    executor: 'inline',
    clock: new JumpingClock(),
    random: new Prng(seed),
    ...options,
  }) as Promise<SmallHandle>;
}

export async function keyspacesOf(db: SmallHandle): Promise<Keyspace<string, string>[]> {
  const named = db.keyspaces().filter((name) => name !== 'default');
  const encodings = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
  return [db, ...(await Promise.all(named.map((name) => db.keyspace(name, encodings))))];
}

/** Writes into all keyspaces, and keeps what must be there. */
export class SmallWriter {
  readonly expected = new Map<string, Map<string, string | undefined>>();
  readonly #db: SmallHandle;
  readonly #random: Prng;
  readonly #keyspaces: Keyspace<string, string>[] = [];

  private constructor(db: SmallHandle, random: Prng, before?: Expected) {
    this.#db = db;
    this.#random = random;
    for (const [name, entries] of before ?? []) this.expected.set(name, new Map(entries));
  }

  static async over(db: SmallHandle, random: Prng, before?: Expected): Promise<SmallWriter> {
    const writer = new SmallWriter(db, random, before);
    for (const name of keyspaceNames) {
      const encodings = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
      const settings = { compression: compressions[name], blockSizeBytes: 128 } as const;
      writer.#keyspaces.push(
        name === 'default' ? db : await db.keyspace(name, { ...encodings, ...settings }),
      );
      if (!writer.expected.has(name)) writer.expected.set(name, new Map());
    }
    return writer;
  }

  /** One batch over the keyspaces: about a quarter of its operations are deletes. */
  async writeBatch(operations: number): Promise<void> {
    const batch = this.#db.batch();
    for (let i = 0; i < operations; i++) {
      const keyspace = this.#keyspaces[this.#random.below(this.#keyspaces.length)];
      const key = `key ${this.#random.below(18).toString().padStart(2, '0')}`;
      if (this.#random.chance(0.25)) {
        batch.delete(key, { keyspace });
        this.expected.get(keyspace.name)!.set(key, undefined);
      } else {
        const value = `${this.#random.below(1000)} `.repeat(1 + this.#random.below(4));
        batch.put(key, value, { keyspace });
        this.expected.get(keyspace.name)!.set(key, value);
      }
    }
    await batch.commit();
  }

  copyExpected(): Expected {
    return new Map([...this.expected].map(([name, entries]) => [name, new Map(entries)]));
  }
}

/**
 * Two sessions, so that there is a previous manifest: tables in L0 and below,
 * tombstones in both, each codec, a log with records. At most 16 KiB.
 */
export async function makeSmallDatabase(seed: number, closed: boolean): Promise<SmallDatabase> {
  const fs = new MemoryFileSystem();
  const random = new Prng(seed);
  const first = await openSmall(fs, seed);
  let writer = await SmallWriter.over(first, random);
  for (let i = 0; i < 5; i++) await writer.writeBatch(12);
  await first.flush();
  for (const keyspace of await keyspacesOf(first)) await keyspace.compactRange();
  await first.close();
  const db = await openSmall(fs, seed + 1);
  writer = await SmallWriter.over(db, random, writer.expected);
  await writer.writeBatch(14);
  await db.flush();
  await writer.writeBatch(8);
  await db.sync();
  const states = [writer.copyExpected()];
  for (let i = 0; i < 3; i++) {
    await writer.writeBatch(4);
    states.push(writer.copyExpected());
  }
  if (closed) {
    await db.close();
    return { image: fs.snapshotFiles(), states: states.slice(-1) };
  }
  const image = fs.snapshotFiles();
  await db.close();
  return { image, states };
}
