import { Prng } from '../../src/base/prng.js';
import type { FileSystem } from '../../src/fs.js';
import { open, type Database, type SyncEntryIterator } from '../../src/index.js';
import { JumpingClock } from '../support/jumping-clock.js';
import type { RandomSettings } from '../support/random-options.js';
import { isValueOf, valueOf, type Universe } from '../support/universe.js';
import type { Ledger, State, Writes } from './ledger.js';
import type { Step, Workload } from './workload.js';

export const directory = '/db';

/** Opens the database of a workload, as a function of the seed and nothing else. */
export async function openDatabase(
  fs: FileSystem,
  settings: RandomSettings,
  seed: number,
): Promise<Database> {
  return open(directory, {
    ...settings,
    keyEncoding: 'view',
    valueEncoding: 'view',
    fs,
    executor: 'inline',
    clock: new JumpingClock(),
    random: new Prng(seed),
  });
}

/** Does the steps of a workload and keeps the ledger, until the end or the first error. */
export class Worker {
  readonly #fs: FileSystem;
  readonly #workload: Workload;
  readonly #ledger: Ledger;
  readonly #pending: Promise<void>[] = [];
  #db: Database | undefined;
  #opens = 0;
  #iterators: SyncEntryIterator<Uint8Array>[] = [];

  constructor(fs: FileSystem, workload: Workload, ledger: Ledger) {
    this.#fs = fs;
    this.#workload = workload;
    this.#ledger = ledger;
  }

  get opens(): number {
    return this.#opens;
  }

  /** Rejects with the error that ended the work; the database is closed then, as far as that goes. */
  async run(): Promise<void> {
    try {
      await this.#open();
      for (const step of this.#workload.steps) await this.#do(step);
      await this.#close();
    } finally {
      await Promise.allSettled(this.#pending);
      await this.#db?.close().catch(() => undefined);
    }
  }

  async #open(): Promise<void> {
    const { settings, seed } = this.#workload;
    this.#opens++;
    this.#db = await openDatabase(this.#fs, settings, seed * 100 + this.#opens);
  }

  async #close(): Promise<void> {
    // Closing turns writes away that wait for room.
    await this.#settle();
    const { issued } = this.#ledger;
    this.#iterators = [];
    await this.#db!.close();
    await this.#settle();
    this.#ledger.acknowledge(issued, 'disk');
  }

  async #do(step: Step): Promise<void> {
    const db = this.#db!;
    // Writes that wait for room have no effect yet: what is asked for now does not cover them.
    const issued = this.#ledger.issued - db.stats().stalls.waiting;
    switch (step.type) {
      case 'write':
        await this.#write(step);
        break;
      case 'flush':
        await db.flush();
        this.#ledger.acknowledge(issued, 'disk');
        break;
      case 'compact':
        await db.compactRange();
        this.#ledger.acknowledge(issued, 'disk');
        break;
      case 'sync':
        await db.sync();
        this.#ledger.acknowledge(issued, 'disk');
        break;
      case 'reopen':
        await this.#close();
        await this.#open();
        break;
      case 'turn':
        await new Promise((resolve) => void setImmediate(resolve));
        break;
      case 'settle':
        await this.#settle();
        break;
      case 'hold':
        if (this.#fs.hasSync) this.#iterators.push(db.keysSync());
        break;
      case 'release':
        for (const iterator of this.#iterators.splice(0)) iterator.close();
        break;
    }
  }

  async #write(step: Step & { type: 'write' }): Promise<void> {
    const { writes, durability, isSync, isAwaited } = step;
    const batch = this.#ledger.issue(writes);
    if (isSync) {
      writeSync(this.#db!, this.#workload.universe, writes, durability);
      this.#ledger.acknowledge(batch, durability);
      return;
    }
    const done = writeBatch(this.#db!, this.#workload.universe, writes, durability).then(() =>
      this.#ledger.acknowledge(batch, durability),
    );
    this.#pending.push(done);
    if (isAwaited) await done;
    else done.catch(() => undefined);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }
}

export async function writeBatch(
  db: Database,
  universe: Universe,
  writes: Writes,
  durability: 'none' | 'os' | 'disk',
): Promise<void> {
  const [[key, value]] = writes;
  const bytes = universe.keys[key];
  if (writes.length > 1) await db.batch(operationsOf(universe, writes), { durability });
  else if (value === 0) await db.delete(bytes, { durability });
  else await db.put(bytes, valueOf(value), { durability });
}

function writeSync(
  db: Database,
  universe: Universe,
  writes: Writes,
  durability: 'none' | 'os' | 'disk',
): void {
  db.batchSync(operationsOf(universe, writes), { durability });
}

function operationsOf(
  universe: Universe,
  writes: Writes,
): ({ type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'delete'; key: Uint8Array })[] {
  return writes.map(([key, value]) =>
    value === 0
      ? { type: 'delete', key: universe.keys[key] }
      : { type: 'put', key: universe.keys[key], value: valueOf(value) },
  );
}

/** Everything in the database; `candidates` are the states whose values it may hold. */
export async function readState(
  db: Database,
  universe: Universe,
  candidates: readonly State[],
): Promise<State> {
  const state = new Int32Array(universe.size);
  for await (const [key, value] of db.entries()) {
    const at = universe.lowerBound(key);
    const isKnown = at < universe.size && Buffer.compare(universe.keys[at], key) === 0;
    if (!isKnown)
      throw new Error(`a key that was never written: ${Buffer.from(key).toString('hex')}`);
    const found = candidates.findLast(
      (candidate) => candidate[at] !== 0 && isValueOf(candidate[at], value),
    );
    if (found === undefined) throw new Error(`key ${at} has a value that was never written to it`);
    state[at] = found[at];
  }
  return state;
}
