import { kindDelete, SSTableReader, type Entry } from '../../src/sstable.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open, type Database, type OpenOptions } from '../../src/index.js';

export type TextDatabase = Database<string, string>;

/** The page's trigger, on sizes at which a few hundred entries make three levels. */
export const recipeOptions = {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  memtableBytes: 64 * 1024,
  tableBytes: 32 * 1024,
  blockSizeBytes: 2048,
  compression: 'none',
  l0CompactionTrigger: 4,
  levelSizeMultiplier: 10,
} as const satisfies OpenOptions;

export const directory = '/db';

/** Disks with a filled database, by the options that it was filled under. */
const filledImages = new Map<string, MemoryFileSystem>();

/** How many keys `openFilled` puts in. */
export const filledCount = 400;

/** One database on a disk in memory whose calls are written down. */
export class Engine {
  readonly memory: MemoryFileSystem;
  readonly recording: RecordingFileSystem;
  /** Called before each call to the disk; what it throws, the call throws. */
  beforeCall: ((operation: string, path: string) => void) | undefined;
  readonly #options: OpenOptions;
  #db: TextDatabase | undefined;

  private constructor(memory: MemoryFileSystem, options: OpenOptions) {
    this.memory = memory;
    this.#options = options;
    this.recording = new RecordingFileSystem(memory, {
      root: directory,
      beforeCall: (operation, path) => this.beforeCall?.(operation, path),
    });
  }

  /** `memory` may hold a database already. */
  static async open(
    options: OpenOptions = {},
    memory: MemoryFileSystem = new MemoryFileSystem(),
  ): Promise<Engine> {
    const engine = new Engine(memory, options);
    await engine.#open();
    return engine;
  }

  /** As `open`, with 400 keys `key0000`, … of about 2 KB each in L2 and nothing above. */
  static async openFilled(options: OpenOptions = {}): Promise<Engine> {
    const name = JSON.stringify(options);
    let image = filledImages.get(name);
    if (image === undefined) {
      const engine = await Engine.open(options);
      await engine.#fill();
      await engine.close();
      image = engine.memory;
      filledImages.set(name, image);
    }
    return Engine.open(options, image.clone());
  }

  get db(): TextDatabase {
    return this.#db!;
  }

  /** A new session: nothing is cached, no table is open. */
  async reopen(): Promise<void> {
    await this.db.close();
    await this.#open();
  }

  /** Writes these entries (undefined deletes) and makes one L0 table of them. */
  async flush(entries: Readonly<Record<string, string | undefined>>): Promise<void> {
    for (const [key, value] of Object.entries(entries)) {
      if (value === undefined) this.db.deleteSync(key);
      else this.db.putSync(key, value);
    }
    await this.db.flush();
  }

  /** Waits until no flush and no compaction is under way or due, and what they replaced is gone. */
  async settle(): Promise<void> {
    for (let idleTurns = 0; idleTurns < 3;) {
      const { background, tables } = this.db.stats();
      const isIdle = background.running.length === 0 && tables.obsolete === 0;
      idleTurns = isIdle ? idleTurns + 1 : 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** How many tables each level holds, without the empty levels at the end. */
  get shape(): number[] {
    const tables = this.db.stats().levels.map((level) => level.tables);
    while (tables.at(-1) === 0) tables.pop();
    return tables;
  }

  tablePaths(): string[] {
    return [...this.memory.snapshotFiles().keys()].filter((path) => path.endsWith('.sst')).sort();
  }

  async #fill(): Promise<void> {
    for (let i = 0; i < filledCount; i++) this.db.putSync(keyAt(i), valueAt(i));
    await this.db.flush();
    await this.settle();
    const isDown = (): boolean => this.shape.length === 3 && this.shape[0] + this.shape[1] === 0;
    for (let tries = 0; !isDown(); tries++) {
      if (tries === 3) throw new Error(`not everything is in L2: ${this.shape.join()}`);
      await this.db.compactRange();
      await this.settle();
    }
  }

  async close(): Promise<void> {
    this.beforeCall = undefined;
    await this.db.close();
  }

  async #open(): Promise<void> {
    this.#db = (await open(directory, {
      ...recipeOptions,
      ...this.#options,
      fs: this.recording,
    })) as TextDatabase;
  }
}

export function keyAt(index: number): string {
  return `key${String(index).padStart(4, '0')}`;
}

export function valueAt(index: number, bytes = 2000): string {
  return `${index}:`.padEnd(bytes, 'x');
}

/** Everything in a table, through the table layer alone. */
export async function readTable(fs: MemoryFileSystem, path: string): Promise<Entry[]> {
  const reader = await SSTableReader.open(path, { fs });
  try {
    return [...reader];
  } finally {
    await reader.close();
  }
}

/** `key=value`, or `key deleted`. */
export function show(entry: Entry): string {
  const key = text(entry.key);
  return entry.kind === kindDelete ? `${key} deleted` : `${key}=${text(entry.value)}`;
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** How many tables `read` asks, as `stats()` counts them. */
export function countProbes(db: TextDatabase, read: () => void): number {
  const before = db.stats();
  if (before.readAmplification !== undefined) {
    throw new Error('probes can only be counted for the first reads of a session');
  }
  read();
  return db.stats().readAmplification ?? 0;
}

/** Smallest and largest keys of the tables, by key. */
export async function rangesOf(
  fs: MemoryFileSystem,
  paths: readonly string[],
): Promise<{ smallest: string; largest: string; fileSize: number }[]> {
  const ranges: { smallest: string; largest: string; fileSize: number }[] = [];
  for (const path of paths) {
    const reader = await SSTableReader.open(path, { fs });
    const { smallest, largest, fileSize } = reader.metadata;
    ranges.push({ smallest: text(smallest!), largest: text(largest!), fileSize });
    await reader.close();
  }
  return ranges.sort((a, b) => (a.smallest < b.smallest ? -1 : 1));
}
