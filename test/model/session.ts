import { isLsmError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, type FileSystem } from '../../src/fs.js';
import {
  open,
  type BatchOperation,
  type Database,
  type Durability,
  type Snapshot,
} from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { JumpingClock } from '../support/jumping-clock.js';
import { randomSettings, type RandomSettings } from '../support/random-options.js';
import { isValueOf, Universe, valueOf } from '../support/universe.js';
import { Mismatch } from './mismatch.js';
import { OpenIterator } from './open-iterator.js';
import { spanOf, type ModelRange, type State } from './model.js';

export interface SessionOptions {
  /** What is done: keys, operations, their order. */
  readonly seed: number;
  readonly operations: number;
  /** Settings for the `n`-th opening; default random ones. */
  readonly settings?: (n: number) => RandomSettings;
  /** Default a new one in memory. */
  readonly fs?: FileSystem;
  readonly path?: string;
  /** Whether the process dies now and then; default true. Only in memory. */
  readonly kills?: boolean;
  /** Hears of every result, in order. */
  readonly onResult?: (line: string) => void;
}

interface OpenSnapshot {
  readonly snapshot: Snapshot;
  readonly state: State;
}

const noKey = new Uint8Array(0);

const durabilities: readonly Durability[] = ['none', 'none', 'os', 'os', 'os', 'disk'];

/**
 * Random operations on a database, each result held against a model. What is
 * done depends on the seed only, never on what the database answers, so that one
 * seed under other settings is the same list of operations.
 */
export class Session {
  /** Calls of the database's API so far. */
  operations = 0;
  opens = 0;
  kills = 0;
  flushes = 0;
  compactions = 0;
  readonly #options: SessionOptions;
  readonly #random: Prng;
  readonly #settingsRandom: Prng;
  readonly #universe: Universe;
  readonly #path: string;
  #fs: FileSystem;
  #db!: Database;
  #state: State;
  #seq = 0;
  #nextValue = 1;
  #seqs: Float64Array;
  #snapshots: OpenSnapshot[] = [];
  #iterators: OpenIterator[] = [];
  #errors: unknown[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#random = new Prng(options.seed);
    this.#settingsRandom = new Prng(options.seed ^ 0x5e77);
    this.#universe = new Universe(this.#random, 20 + this.#random.below(300));
    this.#state = new Int32Array(this.#universe.size);
    this.#seqs = new Float64Array(this.#universe.size);
    this.#path = options.path ?? '/db';
    // Without synchronous calls now and then: the asynchronous paths have no net then.
    this.#fs = options.fs ?? new MemoryFileSystem({ sync: options.seed % 8 !== 0 });
  }

  async run(): Promise<void> {
    await this.#open();
    while (this.operations < this.#options.operations) await this.#step();
    await this.#checkEverything();
    await this.#close();
    const report = await verifyDatabase(this.#path, { fs: this.#fs });
    if (report.damages.length > 0) throw new Mismatch(`damage: ${report.damages[0].what}`);
    await this.#open();
    await this.#checkEverything();
    await this.#close();
  }

  async #step(): Promise<void> {
    const choice = this.#random.below(1000);
    if (choice < 330) await this.#write();
    else if (choice < 400) await this.#writeBatch();
    else if (choice < 620) await this.#read();
    else if (choice < 640) await this.#readMany();
    else if (choice < 900) await this.#iterate();
    else if (choice < 930) this.#changeSnapshots();
    else if (choice < 955) await this.#burst();
    else if (choice < 985) await new Promise((resolve) => void setImmediate(resolve));
    else if (choice < 987) await this.#db.sync();
    else if (choice < 991) await this.#flush();
    else if (choice < 993) await this.#compact();
    else if (choice < 996) await this.#askSize();
    else if (choice < 997) await this.#checkFiles();
    else if (choice < 998) await this.#reopen();
    else if (choice < 999) await this.#kill();
    this.operations++;
    if (this.#errors.length > 0)
      throw new Mismatch('the database reported an error', this.#errors[0]);
  }

  async #open(): Promise<void> {
    const settings = this.#options.settings?.(this.opens) ?? randomSettings(this.#settingsRandom);
    this.opens++;
    this.#db = await open(this.#path, {
      ...settings,
      keyEncoding: 'view',
      valueEncoding: 'view',
      fs: this.#fs,
      executor: 'inline',
      clock: new JumpingClock(),
      random: new Prng(this.#options.seed ^ this.opens),
    });
    // A list of its own: what a killed database still says does not count.
    const errors: unknown[] = [];
    this.#errors = errors;
    this.#db.on('backgroundError', (event) => void errors.push(event.error));
    this.#check('seq', this.#db.stats().seq, this.#seq);
  }

  async #close(): Promise<void> {
    const { flushes, compactions } = this.#db.stats().background;
    this.flushes += flushes;
    this.compactions += compactions;
    await this.#db.close();
    this.#snapshots = [];
    for (const iterator of this.#iterators) await iterator.checkClosedWithDatabase();
    this.#iterators = [];
    if (this.#fs instanceof MemoryFileSystem) this.#check('open files', this.#fs.openFiles, 0);
  }

  async #reopen(): Promise<void> {
    await this.#close();
    if (this.#random.chance(0.3)) {
      this.#db = await open(this.#path, {
        fs: this.#fs,
        keyEncoding: 'view',
        readOnly: true,
        blockCacheBytes: 0,
      });
      this.#check('seq read-only', this.#db.stats().seq, this.#seq);
      await this.#checkEverything();
      await this.#db.close();
    }
    await this.#open();
    if (this.#random.chance(0.2)) await this.#checkEverything();
  }

  /** The process dies: whatever was handed to the operating system stays. */
  async #kill(): Promise<void> {
    if (this.#options.kills === false || !(this.#fs instanceof MemoryFileSystem)) return;
    const key = this.#anyKey();
    const value = this.#nextValue++;
    await this.#db.put(this.#universe.keys[key], valueOf(value), { durability: 'os' });
    this.#apply(key, value);
    const dead = this.#db;
    this.#fs = this.#fs.crash({ keep: 1, random: this.#random });
    await dead.close().catch(() => undefined);
    this.#snapshots = [];
    this.#iterators = [];
    this.kills++;
    await this.#open();
  }

  async #write(): Promise<void> {
    const key = this.#anyKey();
    const value = this.#random.chance(0.35) ? 0 : this.#nextValue++;
    const bytes = this.#universe.keys[key];
    const isSync = this.#isSync(0.9);
    const options = this.#writeOptions();
    if (value === 0) {
      if (isSync) this.#db.deleteSync(bytes, options);
      else await this.#db.delete(bytes, options);
    } else if (isSync) this.#db.putSync(bytes, valueOf(value), options);
    else await this.#db.put(bytes, valueOf(value), options);
    this.#apply(key, value);
  }

  async #writeBatch(): Promise<void> {
    const isSync = this.#isSync(0.8);
    const isChained = this.#random.chance(0.3);
    const options = this.#writeOptions();
    const writes = this.#someWrites();
    if (isChained) {
      const batch = this.#db.batch();
      for (const { type, key, value } of writes.map(toNumbers)) {
        if (type === 'put') batch.put(this.#universe.keys[key], valueOf(value));
        else batch.delete(this.#universe.keys[key]);
      }
      if (isSync) batch.commitSync(options);
      else await batch.commit(options);
    } else {
      const operations = this.#operationsOf(writes);
      if (isSync) this.#db.batchSync(operations, options);
      else await this.#db.batch(operations, options);
    }
    for (const [key, value] of writes) this.#apply(key, value);
  }

  /** Several calls without waiting, reads among them; all of one tick or more. */
  async #burst(): Promise<void> {
    const pending: Promise<void>[] = [];
    const calls = 1 + this.#random.below(this.#random.chance(0.1) ? 200 : 12);
    for (let i = 0; i < calls; i++) {
      const options = this.#writeOptions();
      if (this.#random.chance(0.2)) {
        const writes = this.#someWrites();
        pending.push(this.#db.batch(this.#operationsOf(writes), options));
        for (const [key, value] of writes) this.#apply(key, value);
      } else {
        const key = this.#anyKey();
        const value = this.#nextValue++;
        pending.push(this.#db.put(this.#universe.keys[key], valueOf(value), options));
        this.#apply(key, value);
      }
      if (this.#isSync(0.1)) {
        // A synchronous write waits for all before it, so that everything is visible.
        const key = this.#anyKey();
        this.#db.deleteSync(this.#universe.keys[key]);
        this.#apply(key, 0);
        const read = this.#anyKey();
        const expected = this.#state[read];
        const reading = this.#db.get(this.#universe.keys[read]);
        pending.push(
          reading.then((value) => this.#checkValue('get in a burst', read, value, expected)),
        );
      }
    }
    this.operations += pending.length - 1;
    await Promise.all(pending);
  }

  async #read(): Promise<void> {
    const { options, state } = this.#readState(0.15);
    const isSync = this.#isSync(0.9);
    if (this.#random.chance(0.1)) return this.#readNear(options, state, isSync);
    const key = this.#anyKey();
    const bytes = this.#universe.keys[key];
    const kind = this.#random.below(10);
    if (kind === 0) {
      const has = isSync ? this.#db.hasSync(bytes, options) : await this.#db.has(bytes, options);
      this.#options.onResult?.(`has ${key} ${has}`);
      this.#check('has', has, state[key] !== 0);
    } else if (kind === 1) {
      const entry = isSync
        ? this.#db.getEntrySync(bytes, options)
        : await this.#db.getEntry(bytes, options);
      this.#checkValue('getEntry', key, entry?.value, state[key]);
      this.#options.onResult?.(`seq ${entry?.seq}`);
      if (options === undefined && entry !== undefined) {
        this.#check('seq of the entry', entry.seq, this.#seqs[key]);
      }
    } else {
      const value = isSync ? this.#db.getSync(bytes, options) : await this.#db.get(bytes, options);
      this.#checkValue('get', key, value, state[key]);
    }
  }

  /** A key that was never written, or one that was. */
  async #readNear(
    options: { snapshot: Snapshot } | undefined,
    state: State,
    isSync: boolean,
  ): Promise<void> {
    const bytes = this.#universe.nearKey(this.#random);
    const value = isSync ? this.#db.getSync(bytes, options) : await this.#db.get(bytes, options);
    const at = this.#universe.lowerBound(bytes);
    const isKnown =
      at < this.#universe.size && Buffer.compare(this.#universe.keys[at], bytes) === 0;
    if (isKnown) this.#checkValue('get', at, value, state[at]);
    else this.#check('get of a key that never was', value, undefined);
  }

  async #readMany(): Promise<void> {
    const { options, state } = this.#readState(0.3);
    const keys = Array.from({ length: this.#random.below(12) }, () => this.#anyKey());
    const bytes = keys.map((key) => this.#universe.keys[key]);
    const values = this.#isSync(0.7)
      ? this.#db.getManySync(bytes, options)
      : await this.#db.getMany(bytes, options);
    this.#check('values of getMany', values.length, keys.length);
    keys.forEach((key, i) => this.#checkValue('getMany', key, values[i], state[key]));
  }

  async #iterate(): Promise<void> {
    const which = this.#random.below(8);
    if (which >= this.#iterators.length || this.#iterators.length === 0) {
      if (this.#iterators.length < 6) this.#openIterator();
      return;
    }
    const iterator = this.#iterators[which];
    if (!(await iterator.step(this.#random))) this.#iterators.splice(which, 1);
    this.#options.onResult?.(`iterator ${iterator.lastKey}`);
  }

  #openIterator(): void {
    const { options, state } = this.#readState(0.2);
    const range = this.#anyRange(0.5);
    this.#iterators.push(
      new OpenIterator(this.#db, this.#universe, {
        state: Int32Array.from(state),
        span: spanOf(this.#universe, range),
        range: { ...range, ...options },
        reverse: this.#random.chance(0.5),
        limit: this.#random.chance(0.2) ? this.#random.below(10) : Infinity,
        isSync: this.#isSync(0.85),
        part: (['entries', 'entries', 'keys', 'values'] as const)[this.#random.below(4)],
      }),
    );
  }

  #changeSnapshots(): void {
    if (this.#snapshots.length < 3 && this.#random.chance(0.5)) {
      this.#snapshots.push({ snapshot: this.#db.snapshot(), state: Int32Array.from(this.#state) });
    } else if (this.#snapshots.length > 0) {
      const [{ snapshot }] = this.#snapshots.splice(this.#random.below(this.#snapshots.length), 1);
      snapshot.close();
      try {
        this.#db.getSync('', { snapshot });
      } catch (error) {
        if (isLsmError(error, 'LSM_CLOSED')) return;
      }
      throw new Mismatch('a closed snapshot was read');
    }
  }

  async #flush(): Promise<void> {
    await this.#db.flush();
    const { activeEntries, immutable } = this.#db.stats().memtables;
    this.#check('entries in memtables after a flush', activeEntries + immutable, 0);
  }

  async #compact(): Promise<void> {
    const isWhole = this.#random.chance(0.5);
    const range = isWhole ? {} : this.#anyRange(0.5);
    await this.#db.compactRange(range);
    if (!isWhole || this.#snapshots.length > 0) return;
    const { levels } = this.#db.stats();
    this.#check('levels in use', levels.filter(({ tables }) => tables > 0).length <= 1, true);
    const entries = levels.reduce((sum, level) => sum + level.entries, 0);
    const live = this.#state.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
    this.#check('entries after compacting everything', entries, live);
  }

  async #askSize(): Promise<void> {
    const range = this.#anyRange(0.4);
    // Asked first: a compaction may end while the answer is awaited.
    const total = this.#db.stats().levels.reduce((sum, level) => sum + level.bytes, 0);
    const size = await this.#db.approximateSize(range);
    const { low, high } = spanOf(this.#universe, range);
    const isSane = Number.isInteger(size) && size >= 0 && size <= total;
    this.#check(`approximate size ${size} of ${total}, keys ${low} to ${high}`, isSane, true);
  }

  /** No table is on disk that nobody needs, once readers have let go. */
  async #checkFiles(): Promise<void> {
    const { levels, tables, failure } = this.#db.stats();
    this.#check('failure', failure, undefined);
    const named = levels.reduce((sum, level) => sum + level.tables, 0);
    this.#check('tables set aside', tables.lost.files, 0);
    if (this.#random.chance(0.2)) {
      const report = await this.#db.verify();
      this.#check('damages', report.damages.map(({ what }) => what).join(), '');
    } else if (this.#iterators.length === 0 && tables.obsolete === 0) {
      const running = this.#db.stats().background.running.length > 0;
      const names = await this.#fs.list(this.#path);
      const onDisk = names.filter((name) => name.endsWith('.sst')).length;
      if (!running) this.#check('tables on disk', onDisk, named);
    }
  }

  async #checkEverything(): Promise<void> {
    for (const reverse of [false, true]) {
      let key = reverse ? this.#universe.size : -1;
      const step = reverse ? -1 : 1;
      const nextLive = (): number => {
        do key += step;
        while (key >= 0 && key < this.#universe.size && this.#state[key] === 0);
        return key;
      };
      for await (const [found, value] of this.#db.entries({ reverse })) {
        this.operations++;
        const expected = nextLive();
        if (Buffer.compare(found, this.#universe.keys[expected] ?? noKey) !== 0) {
          throw new Mismatch(`key ${expected} is not where it should be in a scan`);
        }
        this.#checkValue('scan', expected, value, this.#state[expected]);
      }
      nextLive();
      this.#check('end of the scan', key, reverse ? -1 : this.#universe.size);
    }
    for (let key = 0; key < this.#universe.size; key++) {
      this.operations++;
      const value = await this.#db.get(this.#universe.keys[key]);
      this.#checkValue('get', key, value, this.#state[key]);
    }
  }

  #apply(key: number, value: number): void {
    this.#state[key] = value;
    this.#seqs[key] = ++this.#seq;
  }

  #checkValue(what: string, key: number, value: Uint8Array | undefined, expected: number): void {
    this.#options.onResult?.(
      `${what} ${key} ${value === undefined ? '-' : Buffer.from(value).toString('latin1')}`,
    );
    if (expected === 0 ? value === undefined : value !== undefined && isValueOf(expected, value))
      return;
    const found =
      value === undefined
        ? 'nothing'
        : `${value.length} bytes, ${Buffer.from(value.subarray(0, 8)).toString('hex')}`;
    throw new Mismatch(`${what} of key ${key}: expected value ${expected}, found ${found}`);
  }

  #check<T>(what: string, found: T, expected: T): void {
    if (found !== expected) {
      throw new Mismatch(`${what}: expected ${String(expected)}, found ${String(found)}`);
    }
  }

  #isSync(share: number): boolean {
    return this.#random.chance(share) && this.#fs.hasSync;
  }

  /** Half of the calls go to a tenth of the keys. */
  #anyKey(): number {
    const { size } = this.#universe;
    return this.#random.chance(0.5)
      ? this.#random.below(size)
      : (this.#random.below(Math.ceil(size / 10)) * 7) % size;
  }

  #anyRange(share: number): ModelRange {
    const random = this.#random;
    const key = (): Uint8Array => this.#universe.nearKey(random);
    if (random.chance(0.2)) return { prefix: key() };
    const lower = random.chance(share) ? (random.chance(0.5) ? { gt: key() } : { gte: key() }) : {};
    const upper = random.chance(share) ? (random.chance(0.5) ? { lt: key() } : { lte: key() }) : {};
    return { ...lower, ...upper };
  }

  #readState(share: number): { options: { snapshot: Snapshot } | undefined; state: State } {
    if (this.#snapshots.length === 0 || !this.#random.chance(share)) {
      return { options: undefined, state: this.#state };
    }
    const { snapshot, state } = this.#snapshots[this.#random.below(this.#snapshots.length)];
    return { options: { snapshot }, state };
  }

  #someWrites(): [number, number][] {
    const length = this.#random.below(this.#random.chance(0.02) ? 150 : 8);
    return Array.from({ length }, () => [
      this.#anyKey(),
      this.#random.chance(0.4) ? 0 : this.#nextValue++,
    ]);
  }

  #operationsOf(writes: readonly [number, number][]): BatchOperation<Uint8Array, Uint8Array>[] {
    return writes.map(([key, value]) => {
      const bytes = this.#universe.keys[key];
      return value === 0
        ? { type: 'delete', key: bytes }
        : { type: 'put', key: bytes, value: valueOf(value) };
    });
  }

  #writeOptions(): { durability: Durability } | undefined {
    return this.#random.chance(0.3)
      ? undefined
      : { durability: durabilities[this.#random.below(durabilities.length)] };
  }
}

function toNumbers([key, value]: readonly [number, number]): {
  type: 'put' | 'delete';
  key: number;
  value: number;
} {
  return { type: value === 0 ? 'delete' : 'put', key, value };
}
