import { Prng } from '../../src/base/prng.js';
import type { Durability, Snapshot } from '../../src/index.js';
import {
  accounts,
  accountsPerKeyspace,
  balanceOf,
  Bank,
  keyOf,
  keyspaceNames,
  mustBe,
  placeOf,
  total,
  valueAt,
  type BankDatabase,
  type BankKeyspace,
  type Moment,
} from './bank.js';
import { checkNow, checkSnapshot, LongIterator } from './views.js';

/** What a session has done. */
export interface SessionCounts {
  transfers: number;
  reads: number;
  iterated: number;
  snapshots: number;
  flushes: number;
  compactions: number;
  drops: number;
}

export function newCounts(): SessionCounts {
  return {
    transfers: 0,
    reads: 0,
    iterated: 0,
    snapshots: 0,
    flushes: 0,
    compactions: 0,
    drops: 0,
  };
}

/** Small, so that flushes and compactions run all the time, and writes never have to wait for room. */
export const bankSettings = {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  memtableBytes: 64 * 1024,
  tableBytes: 16 * 1024,
  blockSizeBytes: 512,
  l0CompactionTrigger: 1,
  l0SlowdownTables: 900,
  l0StopTables: 1000,
  maxImmutableMemtables: 16,
  memtableBudgetBytes: 64 * 1024 * 1024,
  levelSizeMultiplier: 2,
  baseLevelBytes: 64 * 1024,
  blockCacheBytes: 128 * 1024,
  maxOpenTables: 16,
  syncIntervalMs: 0,
} as const;

const durabilities: readonly Durability[] = ['none', 'os', 'os', 'disk'];

/** The bank's keyspaces, made where they are missing. */
export async function keyspacesOf(db: BankDatabase): Promise<BankKeyspace[]> {
  const { keyEncoding, valueEncoding, memtableBytes, tableBytes, l0CompactionTrigger } =
    bankSettings;
  const options = { keyEncoding, valueEncoding, memtableBytes, tableBytes, l0CompactionTrigger };
  const keyspaces: BankKeyspace[] = [db];
  for (const name of keyspaceNames.slice(1)) keyspaces.push(await db.keyspace(name, options));
  return keyspaces;
}

interface OpenSnapshot {
  readonly snapshot: Snapshot<string, string>;
  readonly moment: Moment;
}

/**
 * Transfers between accounts, and readers of all kinds among them, in an order
 * that follows from the seed. Nothing is waited for but what an operation waits
 * for itself: flushes, compactions and writes go on beside.
 */
class BankSession {
  readonly counts: SessionCounts;
  readonly #random: Prng;
  readonly #db: BankDatabase;
  readonly #keyspaces: readonly BankKeyspace[];
  readonly #bank: Bank;
  readonly #pending: Promise<unknown>[] = [];
  readonly #iterators: LongIterator[] = [];
  readonly #snapshots: OpenSnapshot[] = [];
  /** A keyspace that takes part in batches, and is dropped again. */
  #spare: BankKeyspace | undefined;
  #lastSeq = 0;

  private constructor(
    seed: number,
    db: BankDatabase,
    keyspaces: readonly BankKeyspace[],
    bank: Bank,
    counts: SessionCounts,
  ) {
    this.#random = new Prng(seed);
    this.#db = db;
    this.#keyspaces = keyspaces;
    this.#bank = bank;
    this.counts = counts;
    db.on('flush', () => counts.flushes++);
    db.on('compaction', () => counts.compactions++);
  }

  static async begin(seed: number, db: BankDatabase, counts: SessionCounts): Promise<BankSession> {
    const keyspaces = await keyspacesOf(db);
    const bank = new Bank();
    for (const operations of bank.open(keyspaces)) await db.batch(operations);
    return new BankSession(seed, db, keyspaces, bank, counts);
  }

  /** The state that the next one to open the database must find. */
  get moment(): Moment {
    return this.#bank.now();
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#step();
      // A turn of the loop now and then: what runs beside gets on, at a place that the seed chooses.
      if (this.#random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const iterator of this.#iterators.splice(0)) {
      await iterator.advance(Infinity, false);
      this.counts.iterated += iterator.compared;
      await iterator.close();
    }
    for (const { snapshot, moment } of this.#snapshots.splice(0)) {
      await checkSnapshot(this.#random, snapshot, this.#keyspaces, moment);
      snapshot.close();
    }
    await this.#settle();
    checkNow(this.#keyspaces, this.#bank.now());
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const choice = random.below(100);
    if (choice < 52) return this.#transfer();
    if (choice < 60) return this.#beginRead();
    if (choice < 67) return this.#openIterator();
    if (choice < 82) return this.#advanceIterator();
    if (choice < 85) return this.#openSnapshot();
    if (choice < 89) return this.#checkSnapshot();
    if (choice < 91) this.#keep(this.#db.flush());
    else if (choice < 93) this.#keep(this.#keyspaces[random.below(3)].compactRange());
    else if (choice < 95) return this.#makeOrDropSpare();
    else if (choice < 97) checkNow(this.#keyspaces, this.#bank.now());
    else return this.#settle();
  }

  /** Visible at once, in the order of the calls, whatever the durability. */
  async #transfer(): Promise<void> {
    const random = this.#random;
    const operations = this.#bank.transfer(random, this.#keyspaces);
    const spare = this.#spare;
    const note = String(this.#bank.transfers);
    if (spare !== undefined)
      operations.push({ type: 'put', key: 'note', value: note, keyspace: spare });
    const durability = durabilities[random.below(durabilities.length)];
    this.counts.transfers++;
    if (random.chance(0.2)) this.#db.batchSync(operations, { durability });
    else {
      const stored = this.#db.batch(operations, { durability });
      this.#keep(stored);
      if (random.chance(0.1)) await stored;
    }
    const moment = this.#bank.now();
    for (const { key, keyspace } of operations) {
      if (keyspace === spare) {
        mustBe(spare?.getSync('note'), note, 'what was just written');
        continue;
      }
      const place = this.#keyspaces.indexOf(keyspace as BankKeyspace);
      const account = place * accountsPerKeyspace + Number(String(key).slice(8));
      const entry = this.#keyspaces[place].getEntrySync(String(key));
      mustBe(entry?.value, valueAt(moment, account), `account ${account}, just written`);
      if (entry === undefined) continue;
      if (entry.seq <= this.#lastSeq) mustBe(entry.seq, 'a later one', 'sequence number');
    }
    for (const { key, keyspace } of operations) {
      const entry = (keyspace as BankKeyspace).getEntrySync(String(key));
      this.#lastSeq = Math.max(this.#lastSeq, entry?.seq ?? 0);
    }
  }

  /** Begun now, so it gives what is there now, whenever it ends. */
  #beginRead(): void {
    const random = this.#random;
    const moment = this.#bank.now();
    const place = random.below(this.#keyspaces.length);
    const keyspace = this.#keyspaces[place];
    this.counts.reads++;
    if (random.chance(0.3)) {
      const account = place * accountsPerKeyspace + random.below(accountsPerKeyspace);
      const see = (value: string | undefined): void =>
        mustBe(value, valueAt(moment, account), `get of account ${account}`);
      this.#keep(keyspace.get(keyOf(account)).then(see));
      return;
    }
    if (random.chance(0.5)) {
      const picked = Array.from({ length: 1 + random.below(20) }, () =>
        random.below(accountsPerKeyspace),
      );
      const see = (values: (string | undefined)[]): void =>
        values.forEach((value, i) =>
          mustBe(value, valueAt(moment, place * accountsPerKeyspace + picked[i]), 'getMany'),
        );
      this.#keep(keyspace.getMany(picked.map(keyOf)).then(see));
      return;
    }
    // All keyspaces, begun in one turn: together they have the total.
    const all = this.#keyspaces.map((each) =>
      each.getMany(Array.from({ length: accountsPerKeyspace }, (_, i) => keyOf(i))),
    );
    const see = (values: (string | undefined)[][]): void => {
      const sum = values.flat().reduce((before, value) => before + balanceOf(value), 0);
      mustBe(sum, total, 'total of getMany in all keyspaces');
    };
    this.#keep(Promise.all(all).then(see));
  }

  #openIterator(): void {
    const random = this.#random;
    const place = random.below(this.#keyspaces.length);
    const pinned = random.chance(0.3) ? this.#anySnapshot() : undefined;
    const moment = pinned?.moment ?? this.#bank.now();
    const keyspace = this.#keyspaces[place];
    this.#iterators.push(new LongIterator(random, keyspace, place, moment, pinned?.snapshot));
  }

  async #advanceIterator(): Promise<void> {
    const random = this.#random;
    if (this.#iterators.length === 0) return;
    const at = random.below(this.#iterators.length);
    const iterator = this.#iterators[at];
    await iterator.advance(1 + random.below(12), random.chance(0.5));
    if (!iterator.isOver && !random.chance(0.05)) return;
    this.counts.iterated += iterator.compared;
    await iterator.close();
    this.#iterators.splice(at, 1);
  }

  #anySnapshot(): OpenSnapshot | undefined {
    const { length } = this.#snapshots;
    return length === 0 ? undefined : this.#snapshots[this.#random.below(length)];
  }

  #openSnapshot(): void {
    if (this.#snapshots.length >= 6) return;
    this.#snapshots.push({ snapshot: this.#db.snapshot(), moment: this.#bank.now() });
  }

  async #checkSnapshot(): Promise<void> {
    const random = this.#random;
    const open = this.#anySnapshot();
    if (open === undefined) return;
    await checkSnapshot(random, open.snapshot, this.#keyspaces, open.moment);
    this.counts.snapshots++;
    if (!random.chance(0.4)) return;
    open.snapshot.close();
    this.#snapshots.splice(this.#snapshots.indexOf(open), 1);
  }

  async #makeOrDropSpare(): Promise<void> {
    if (this.#spare === undefined) {
      const { keyEncoding, valueEncoding } = bankSettings;
      this.#spare = await this.#db.keyspace('spare', { keyEncoding, valueEncoding });
      return;
    }
    this.#spare = undefined;
    this.counts.drops++;
    const dropped = this.#db.dropKeyspace('spare');
    if (this.#random.chance(0.5)) this.#keep(dropped);
    await dropped;
  }

  /** To be awaited later; what it rejects with is not lost. */
  #keep(promise: Promise<unknown>): void {
    promise.catch(() => undefined);
    this.#pending.push(promise);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }
}

/** One session from opening to closing; then everything must be sound, and there when it is opened again. */
export async function runBank(
  seed: number,
  openIt: () => Promise<BankDatabase>,
  steps: number,
  counts: SessionCounts,
): Promise<void> {
  const db = await openIt();
  const session = await BankSession.begin(seed, db, counts);
  await session.run(steps);
  const { damages } = await db.verify();
  mustBe(damages.length, 0, `damages, the first ${damages[0]?.what}`);
  await db.close();
  const again = await openIt();
  await checkReopened(again, session.moment);
  await again.close();
}

/** Everything in a database that was opened again. */
async function checkReopened(db: BankDatabase, moment: Moment): Promise<void> {
  const keyspaces = await keyspacesOf(db);
  checkNow(keyspaces, moment);
  mustBe(keyspaces[placeOf(accounts - 1)].name, keyspaceNames.at(-1), 'the last keyspace');
}
