import { isLsmError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, type FileSystem } from '../../src/fs.js';
import {
  open,
  type BatchOperation,
  type Database,
  type Durability,
  type KeyspaceStats,
  type RangeOptions,
  type Snapshot,
} from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { JumpingClock } from '../support/jumping-clock.js';
import {
  randomKeyspaceSettings,
  randomSettings,
  type RandomSettings,
} from '../support/random-options.js';
import { isValueOf, Universe, valueOf } from '../support/universe.js';
import { Mismatch } from './mismatch.js';
import { OpenIterator } from './open-iterator.js';
import { spanOf, type ModelRange, type State } from './model.js';
import { Place, plainForm, randomForm } from './place.js';

export type SessionSettings = RandomSettings & { readonly preset?: 'recipe' };

export interface SessionOptions {
  /** What is done: keys, operations, their order. */
  readonly seed: number;
  readonly operations: number;
  /** Only these steps, by their numbers; default all. */
  readonly steps?: readonly number[] | undefined;
  /** Hears in words of each step and, behind a space, of each write of it. */
  readonly say?: (words: string) => void;
  /** Settings for the `n`-th opening; default random ones. */
  readonly settings?: (n: number) => SessionSettings;
  /** Default a new one in memory. */
  readonly fs?: FileSystem;
  readonly path?: string;
  /** Whether the process dies now and then; default true. Only in memory. */
  readonly kills?: boolean;
  /** Hears of every result, in order. */
  readonly onResult?: (line: string) => void;
}

interface OpenSnapshot {
  readonly snapshot: Snapshot<unknown, unknown>;
  /** Of the keyspaces that were there; in those that were made later it sees nothing. */
  readonly states: ReadonlyMap<Place, State>;
}

interface PlacedIterator {
  readonly place: Place;
  readonly iterator: OpenIterator;
}

interface Write {
  readonly place: Place;
  readonly key: number;
  /** 0 deletes. */
  readonly value: number;
}

type AnySnapshotOptions = { readonly snapshot: Snapshot<unknown, unknown> } | undefined;

const noKey = new Uint8Array(0);

/** More than any step writes. */
const valuesPerStep = 4096;

/** Something that a step may do: with a chance of the difference to the one before, in thousandths. */
interface Act {
  readonly below: number;
  readonly name: string;
  readonly act: () => Promise<void> | void;
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Names of keyspaces that come and go beside the default one. */
const names: readonly string[] = ['first', 'second', 'third'];

const durabilities: readonly Durability[] = ['none', 'none', 'os', 'os', 'os', 'disk'];

/**
 * Random operations on a database, each result held against a model. What is
 * done depends on the seed only, never on what the database answers, so that one
 * seed under other settings is the same list of operations.
 */
export class Session {
  /** Calls of the database's API so far. */
  operations = 0;
  /** Steps so far, the one under way included. */
  steps = 0;
  opens = 0;
  kills = 0;
  flushes = 0;
  compactions = 0;
  /** Ranges of deleted keys that scans knew, and passed over at once. */
  jumps = 0;
  /** Keyspaces made and dropped. */
  made = 0;
  dropped = 0;
  readonly #options: SessionOptions;
  /** Of the step under way: each has its own, so that leaving one out changes no other. */
  #random: Prng;
  #settingsRandom: Prng;
  readonly #universe: Universe;
  readonly #path: string;
  #fs: FileSystem;
  #db!: Database;
  /** The default keyspace first, the others by age. */
  readonly #places: Place[];
  #seq = 0;
  #nextValue = 1;
  #snapshots: OpenSnapshot[] = [];
  #iterators: PlacedIterator[] = [];
  #errors: unknown[] = [];
  readonly #acts: readonly Act[] = [
    { below: 320, name: 'write', act: () => this.#write() },
    { below: 330, name: 'consume the end of a range', act: () => this.#consume() },
    { below: 400, name: 'write a batch', act: () => this.#writeBatch() },
    { below: 620, name: 'read', act: () => this.#read() },
    { below: 640, name: 'read many', act: () => this.#readMany() },
    { below: 900, name: 'open or step an iterator', act: () => this.#iterate() },
    { below: 930, name: 'make or close a snapshot', act: () => this.#changeSnapshots() },
    { below: 955, name: 'many calls at once', act: () => this.#burst() },
    { below: 982, name: 'let the event loop turn', act: () => turn() },
    { below: 984, name: 'sync', act: () => this.#db.sync() },
    { below: 988, name: 'flush', act: () => this.#flush() },
    { below: 990, name: 'compact a range', act: () => this.#compact() },
    { below: 993, name: 'ask for a size', act: () => this.#askSize() },
    { below: 994, name: 'verify, or look at the files', act: () => this.#checkFiles() },
    { below: 995, name: 'close and open', act: () => this.#reopen() },
    { below: 996, name: 'kill and open', act: () => this.#kill() },
    { below: 1000, name: 'make or drop a keyspace', act: () => this.#changeKeyspaces() },
  ];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#random = new Prng(options.seed);
    this.#settingsRandom = this.#random;
    this.#universe = new Universe(this.#random, 20 + this.#random.below(300));
    this.#places = [new Place('default', plainForm, this.#universe.size)];
    this.#path = options.path ?? '/db';
    // Without synchronous calls now and then: the asynchronous paths have no net then.
    this.#fs = options.fs ?? new MemoryFileSystem({ sync: options.seed % 8 !== 0 });
  }

  async run(): Promise<void> {
    this.#beginStep(-1);
    await this.#open();
    const { operations, steps } = this.#options;
    if (steps !== undefined) for (const step of steps) await this.#step(step);
    else while (this.operations < operations) await this.#step(this.steps);
    // The end is the same, whatever steps there were.
    this.#beginStep(-1);
    await this.#checkEverything();
    await this.#close();
    const report = await verifyDatabase(this.#path, { fs: this.#fs });
    if (report.damages.length > 0) throw new Mismatch(`damage: ${report.damages[0].what}`);
    await this.#open();
    await this.#checkEverything();
    await this.#close();
  }

  async #step(step: number): Promise<void> {
    this.#beginStep(step);
    this.steps++;
    const choice = this.#random.below(1000);
    const { name, act } = this.#acts.find(({ below }) => choice < below)!;
    this.#options.say?.(`${step}: ${name}`);
    await act();
    this.operations++;
    if (this.#errors.length > 0)
      throw new Mismatch('the database reported an error', this.#errors[0]);
  }

  /** What a step draws, and which values it writes, depends on its number only. */
  #beginStep(step: number): void {
    const seed = Math.imul(this.#options.seed, 0x9e37_79b1) + Math.imul(step + 2, 0x85eb_ca6b);
    this.#random = new Prng(seed);
    this.#settingsRandom = new Prng(seed ^ 0x5e77);
    this.#nextValue = 1 + (step + 1) * valuesPerStep;
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
    await this.#openPlaces();
  }

  async #openPlaces(): Promise<void> {
    const expected = this.#places.map(({ name }) => name).join();
    this.#check('keyspaces', this.#db.keyspaces().join(), expected);
    for (const place of this.#places) {
      const isChanged = place.name !== 'default' && this.#settingsRandom.chance(0.2);
      await place.open(this.#db, isChanged ? this.#keyspaceSettings() : {});
    }
  }

  #keyspaceSettings(): RandomSettings {
    return this.#options.settings === undefined ? randomKeyspaceSettings(this.#settingsRandom) : {};
  }

  async #close(): Promise<void> {
    const { background, scans } = this.#db.stats();
    const { flushes, compactions } = background;
    this.jumps += scans.jumps;
    this.flushes += flushes;
    this.compactions += compactions;
    await this.#db.close();
    this.#snapshots = [];
    for (const { iterator } of this.#iterators) await iterator.checkClosedEarly();
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
      await this.#openPlaces();
      await this.#checkEverything();
      await this.#db.close();
    }
    await this.#open();
    if (this.#random.chance(0.2)) await this.#checkEverything();
  }

  /** The process dies: whatever was handed to the operating system stays. */
  async #kill(): Promise<void> {
    if (this.#options.kills === false || !(this.#fs instanceof MemoryFileSystem)) return;
    const write = { place: this.#anyPlace(), key: this.#anyKey(), value: this.#nextValue++ };
    await this.#put(write, { durability: 'os' });
    this.#apply(write);
    const dead = this.#db;
    this.#fs = this.#fs.crash({ keep: 1, random: this.#random });
    await dead.close().catch(() => undefined);
    this.#snapshots = [];
    this.#iterators = [];
    this.kills++;
    await this.#open();
  }

  async #write(): Promise<void> {
    const place = this.#anyPlace();
    const { keyspace, form } = place;
    const key = this.#anyKey();
    const value = this.#random.chance(0.35) ? 0 : this.#nextValue++;
    const bytes = form.keyIn(this.#universe.keys[key]);
    const isSync = this.#isSync(0.9);
    const options = this.#writeOptions();
    if (value === 0) {
      if (isSync) keyspace.deleteSync(bytes, options);
      else await keyspace.delete(bytes, options);
    } else if (isSync) keyspace.putSync(bytes, form.valueIn(valueOf(value)), options);
    else await keyspace.put(bytes, form.valueIn(valueOf(value)), options);
    this.#apply({ place, key, value });
  }

  #put(
    { place, key, value }: Write,
    options: { durability: Durability } | undefined,
  ): Promise<void> {
    const { keyspace, form } = place;
    const bytes = this.#universe.keys[key];
    return keyspace.put(form.keyIn(bytes), form.valueIn(valueOf(value)), options);
  }

  async #writeBatch(): Promise<void> {
    const isSync = this.#isSync(0.8);
    const isChained = this.#random.chance(0.3);
    const options = this.#writeOptions();
    const home = this.#anyPlace();
    const writes = this.#someWrites(home);
    if (isChained) {
      const batch = home.keyspace.batch();
      for (const { place, key, value } of writes) {
        const { form, keyspace } = place;
        const bytes = form.keyIn(this.#universe.keys[key]);
        if (value === 0) batch.delete(bytes, { keyspace });
        else batch.put(bytes, form.valueIn(valueOf(value)), { keyspace });
      }
      if (isSync) batch.commitSync(options);
      else await batch.commit(options);
    } else {
      const operations = this.#operationsOf(home, writes);
      if (isSync) home.keyspace.batchSync(operations, options);
      else await home.keyspace.batch(operations, options);
    }
    for (const write of writes) this.#apply(write);
  }

  /** Several calls without waiting, reads among them; all of one tick or more. */
  async #burst(): Promise<void> {
    const pending: Promise<void>[] = [];
    const checks: (() => Promise<void>)[] = [];
    const calls = 1 + this.#random.below(this.#random.chance(0.1) ? 200 : 12);
    for (let i = 0; i < calls; i++) {
      const options = this.#writeOptions();
      const place = this.#anyPlace();
      if (this.#random.chance(0.2)) {
        const writes = this.#someWrites(place);
        pending.push(place.keyspace.batch(this.#operationsOf(place, writes), options));
        for (const write of writes) this.#apply(write);
      } else {
        const write = { place, key: this.#anyKey(), value: this.#nextValue++ };
        pending.push(this.#put(write, options));
        this.#apply(write);
      }
      if (this.#isSync(0.1)) {
        // A synchronous write waits for all before it, so that everything is visible.
        const key = this.#anyKey();
        place.keyspace.deleteSync(place.form.keyIn(this.#universe.keys[key]));
        this.#apply({ place, key, value: 0 });
        const read = this.#anyKey();
        const expected = place.state[read];
        const reading = place.keyspace.get(place.form.keyIn(this.#universe.keys[read]));
        pending.push(reading.then(() => undefined));
        // In the order of the calls, whichever had to wait for the disk.
        checks.push(async () => {
          this.#checkValue('get in a burst', place, read, await reading, expected);
        });
      }
    }
    this.operations += pending.length - 1;
    await Promise.all(pending);
    for (const check of checks) await check();
  }

  /** Makes a keyspace, or drops one, sometimes to make it again at once. */
  async #changeKeyspaces(): Promise<void> {
    const free = names.filter((name) => this.#places.every((place) => place.name !== name));
    const makes = free.length > 0 && this.#random.chance(0.7);
    if (makes) await this.#make(free[this.#random.below(free.length)]);
    else if (this.#places.length > 1) {
      const [place] = this.#places.splice(1 + this.#random.below(this.#places.length - 1), 1);
      const dropped = this.#db.dropKeyspace(place.name);
      this.dropped++;
      const isMadeAgain = this.#random.chance(0.3);
      const made = isMadeAgain ? this.#make(place.name) : undefined;
      await this.#checkDropped(place);
      await Promise.all([dropped, made]);
    }
    if (this.#random.chance(0.1)) await this.#checkEverything();
  }

  async #make(name: string): Promise<void> {
    const place = new Place(name, randomForm(this.#random), this.#universe.size);
    await place.open(this.#db, this.#keyspaceSettings());
    this.#places.push(place);
    this.made++;
  }

  /** What was opened on a keyspace ends with it, visibly. */
  async #checkDropped(place: Place): Promise<void> {
    for (const { iterator } of this.#iterators.filter((each) => each.place === place)) {
      await iterator.checkClosedEarly();
    }
    this.#iterators = this.#iterators.filter((each) => each.place !== place);
    try {
      place.keyspace.getSync(place.form.keyIn(noKey));
    } catch (error) {
      if (isLsmError(error, 'LSM_CLOSED')) return;
      throw error;
    }
    throw new Mismatch('a dropped keyspace was read');
  }

  async #read(): Promise<void> {
    const place = this.#anyPlace();
    const { keyspace, form } = place;
    const { options, state } = this.#readState(place, 0.15);
    const isSync = this.#isSync(0.9);
    if (this.#random.chance(0.1)) return this.#readNear(place, options, state, isSync);
    const key = this.#anyKey();
    const bytes = form.keyIn(this.#universe.keys[key]);
    const kind = this.#random.below(10);
    if (kind === 0) {
      const has = isSync ? keyspace.hasSync(bytes, options) : await keyspace.has(bytes, options);
      this.#options.onResult?.(`has ${key} ${has}`);
      this.#check('has', has, state[key] !== 0);
    } else if (kind === 1) {
      const entry = isSync
        ? keyspace.getEntrySync(bytes, options)
        : await keyspace.getEntry(bytes, options);
      this.#checkValue('getEntry', place, key, entry?.value, state[key]);
      this.#options.onResult?.(`seq ${entry?.seq}`);
      if (options === undefined && entry !== undefined) {
        this.#check('seq of the entry', entry.seq, place.seqs[key]);
      }
    } else {
      const value = isSync ? keyspace.getSync(bytes, options) : await keyspace.get(bytes, options);
      this.#checkValue('get', place, key, value, state[key]);
    }
  }

  /** A key that was never written, or one that was. */
  async #readNear(
    place: Place,
    options: AnySnapshotOptions,
    state: State,
    isSync: boolean,
  ): Promise<void> {
    const { keyspace, form } = place;
    const bytes = this.#universe.nearKey(this.#random);
    const input = form.keyIn(bytes);
    const value = isSync ? keyspace.getSync(input, options) : await keyspace.get(input, options);
    const at = this.#universe.lowerBound(bytes);
    const isKnown =
      at < this.#universe.size && Buffer.compare(this.#universe.keys[at], bytes) === 0;
    if (isKnown) this.#checkValue('get', place, at, value, state[at]);
    else this.#check('get of a key that never was', value, undefined);
  }

  async #readMany(): Promise<void> {
    const place = this.#anyPlace();
    const { keyspace, form } = place;
    const { options, state } = this.#readState(place, 0.3);
    const keys = Array.from({ length: this.#random.below(12) }, () => this.#anyKey());
    const bytes = keys.map((key) => form.keyIn(this.#universe.keys[key]));
    const values = this.#isSync(0.7)
      ? keyspace.getManySync(bytes, options)
      : await keyspace.getMany(bytes, options);
    this.#check('values of getMany', values.length, keys.length);
    keys.forEach((key, i) => this.#checkValue('getMany', place, key, values[i], state[key]));
  }

  async #iterate(): Promise<void> {
    const which = this.#random.below(8);
    if (which >= this.#iterators.length || this.#iterators.length === 0) {
      if (this.#iterators.length < 6) this.#openIterator();
      return;
    }
    const { iterator } = this.#iterators[which];
    if (!(await iterator.step(this.#random))) this.#iterators.splice(which, 1);
    this.#options.onResult?.(`iterator ${iterator.lastKey}`);
  }

  #openIterator(): void {
    const place = this.#anyPlace();
    const range = this.#anyRange(0.5);
    const iterator = this.#makeIterator(place, range, {
      reverse: this.#random.chance(0.5),
      limit: this.#random.chance(0.2) ? this.#random.below(10) : Infinity,
    });
    this.#iterators.push({ place, iterator });
  }

  #makeIterator(
    place: Place,
    range: ModelRange,
    { reverse, limit }: { readonly reverse: boolean; readonly limit: number },
  ): OpenIterator {
    const { options, state } = this.#readState(place, 0.2);
    return new OpenIterator(place, this.#universe, {
      state: Int32Array.from(state),
      span: spanOf(this.#universe, range),
      range: { ...rangeIn(place, range), ...options },
      reverse,
      limit,
      isSync: this.#isSync(0.85),
      part: (['entries', 'entries', 'keys', 'values'] as const)[this.#random.below(4)],
    });
  }

  #changeSnapshots(): void {
    if (this.#snapshots.length < 3 && this.#random.chance(0.5)) {
      const states = new Map(
        this.#places.map((place) => [place, Int32Array.from(place.state)] as const),
      );
      this.#snapshots.push({ snapshot: this.#anyPlace().keyspace.snapshot(), states });
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

  /**
   * A queue's consumer, or a stack's: looks for the first or last entry of a range,
   * deletes it, and again, which leaves ever longer runs of deleted keys at that end.
   */
  async #consume(): Promise<void> {
    const random = this.#random;
    const place = this.#anyPlace();
    const range = this.#anyRange(0.3);
    const reverse = random.chance(0.5);
    for (let left = random.below(60); left > 0; left--) {
      const iterator = this.#makeIterator(place, range, { reverse, limit: 1 });
      await iterator.takeMany(1);
      const key = iterator.lastKey;
      this.#options.onResult?.(`consumed ${key}`);
      this.operations++;
      if (key < 0) return;
      const bytes = place.form.keyIn(this.#universe.keys[key]);
      if (this.#isSync(0.9)) place.keyspace.deleteSync(bytes, { durability: 'none' });
      else await place.keyspace.delete(bytes);
      this.operations++;
      this.#apply({ place, key, value: 0 });
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
    const place = this.#anyPlace();
    await place.keyspace.compactRange(rangeIn(place, range));
    if (!isWhole || this.#snapshots.length > 0) return;
    const { levels } = this.#statsOf(place);
    this.#check('levels in use', levels.filter(({ tables }) => tables > 0).length <= 1, true);
    const entries = levels.reduce((sum, level) => sum + level.entries, 0);
    const live = place.state.reduce<number>((sum, value) => sum + (value === 0 ? 0 : 1), 0);
    this.#check('entries after compacting everything', entries, live);
  }

  async #askSize(): Promise<void> {
    const range = this.#anyRange(0.4);
    const place = this.#anyPlace();
    // Asked first: a compaction may end while the answer is awaited.
    const total = this.#statsOf(place).levels.reduce((sum, level) => sum + level.bytes, 0);
    const size = await place.keyspace.approximateSize(rangeIn(place, range));
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
    for (const place of this.#places) await this.#checkPlace(place);
  }

  async #checkPlace(place: Place): Promise<void> {
    const { keyspace, form, state } = place;
    for (const reverse of [false, true]) {
      let key = reverse ? this.#universe.size : -1;
      const step = reverse ? -1 : 1;
      const nextLive = (): number => {
        do key += step;
        while (key >= 0 && key < this.#universe.size && state[key] === 0);
        return key;
      };
      for await (const [found, value] of keyspace.entries({ reverse })) {
        this.operations++;
        const expected = nextLive();
        if (Buffer.compare(form.keyOut(found), this.#universe.keys[expected] ?? noKey) !== 0) {
          throw new Mismatch(`key ${expected} is not where it should be in a scan`);
        }
        this.#checkValue('scan', place, expected, value, state[expected]);
      }
      nextLive();
      this.#check('end of the scan', key, reverse ? -1 : this.#universe.size);
    }
    for (let key = 0; key < this.#universe.size; key++) {
      this.operations++;
      const value = await keyspace.get(form.keyIn(this.#universe.keys[key]));
      this.#checkValue('get', place, key, value, state[key]);
    }
  }

  #statsOf({ name }: Place): KeyspaceStats {
    const stats = this.#db.stats().keyspaces.find((each) => each.name === name);
    if (stats === undefined) throw new Mismatch(`stats() does not know ${name}`);
    return stats;
  }

  #apply({ place, key, value }: Write): void {
    this.#options.say?.(` ${place.name}[${key}] = ${value === 0 ? 'deleted' : value}`);
    place.state[key] = value;
    place.seqs[key] = ++this.#seq;
  }

  #checkValue(
    what: string,
    { name, form }: Place,
    key: number,
    found: unknown,
    expected: number,
  ): void {
    const value = found === undefined ? undefined : form.valueOut(found);
    this.#options.onResult?.(
      `${name} ${what} ${key} ${value === undefined ? '-' : Buffer.from(value).toString('latin1')}`,
    );
    if (expected === 0 ? value === undefined : value !== undefined && isValueOf(expected, value))
      return;
    const shown =
      value === undefined
        ? 'nothing'
        : `${value.length} bytes, ${Buffer.from(value.subarray(0, 8)).toString('hex')}`;
    throw new Mismatch(
      `${what} of key ${key} in ${name}: expected value ${expected}, found ${shown}`,
    );
  }

  #check<T>(what: string, found: T, expected: T): void {
    if (found !== expected) {
      throw new Mismatch(`${what}: expected ${String(expected)}, found ${String(found)}`);
    }
  }

  #isSync(share: number): boolean {
    return this.#random.chance(share) && this.#fs.hasSync;
  }

  /** More to the default keyspace than to another one. */
  #anyPlace(): Place {
    return this.#places[this.#random.chance(0.4) ? 0 : this.#random.below(this.#places.length)];
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

  #readState(place: Place, share: number): { options: AnySnapshotOptions; state: State } {
    if (this.#snapshots.length === 0 || !this.#random.chance(share)) {
      return { options: undefined, state: place.state };
    }
    const { snapshot, states } = this.#snapshots[this.#random.below(this.#snapshots.length)];
    const state = states.get(place) ?? new Int32Array(this.#universe.size);
    return { options: { snapshot }, state };
  }

  /** For one keyspace, or for several. */
  #someWrites(home: Place): Write[] {
    const length = this.#random.below(this.#random.chance(0.02) ? 150 : 8);
    return Array.from({ length }, () => ({
      place: this.#random.chance(0.7) ? home : this.#anyPlace(),
      key: this.#anyKey(),
      value: this.#random.chance(0.4) ? 0 : this.#nextValue++,
    }));
  }

  #operationsOf(home: Place, writes: readonly Write[]): BatchOperation<unknown, unknown>[] {
    return writes.map(({ place, key: number, value }) => {
      const key = place.form.keyIn(this.#universe.keys[number]);
      const where = place === home ? {} : { keyspace: place.keyspace };
      return value === 0
        ? { type: 'delete', key, ...where }
        : { type: 'put', key, value: place.form.valueIn(valueOf(value)), ...where };
    });
  }

  #writeOptions(): { durability: Durability } | undefined {
    return this.#random.chance(0.3)
      ? undefined
      : { durability: durabilities[this.#random.below(durabilities.length)] };
  }
}

/** A range as the keyspace takes it. */
function rangeIn({ form }: Place, range: ModelRange): RangeOptions<unknown> {
  const { prefix, ...bounds } = range;
  const inside = Object.entries(bounds).map(([name, key]) => [name, form.keyIn(key)]);
  return {
    ...(Object.fromEntries(inside) as RangeOptions<unknown>),
    ...(prefix === undefined ? {} : { prefix: form.prefixIn(prefix) }),
  };
}
