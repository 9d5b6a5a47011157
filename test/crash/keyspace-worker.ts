import { Prng } from '../../src/base/prng.js';
import type { FileSystem } from '../../src/fs.js';
import { open, type BatchOperation, type Database, type Keyspace } from '../../src/index.js';
import { JumpingClock } from '../support/jumping-clock.js';
import { isValueOf, valueOf } from '../support/universe.js';
import {
  keyspaceCount,
  keyspaceNames,
  slotOf,
  type KeyspaceStage,
  type KeyspaceStep,
  type KeyspaceWorkload,
} from './keyspace-workload.js';
import type { Ledger, State, Writes } from './ledger.js';
import { directory } from './worker.js';

/** Whether a keyspace is there; undefined while it is being made or dropped. */
export type Presence = (boolean | undefined)[];

export function newPresence(): Presence {
  return keyspaceNames.map((_, keyspace) => keyspace === 0);
}

export async function openWorkload(
  fs: FileSystem,
  { settings }: KeyspaceStage,
  seed: number,
): Promise<Database> {
  return open(directory, {
    ...settings,
    fs,
    executor: 'inline',
    clock: new JumpingClock(),
    random: new Prng(seed),
  });
}

/** Does the steps of a workload over many keyspaces; keeps the ledger, and who is there. */
export class KeyspaceWorker {
  readonly presence = newPresence();
  readonly #fs: FileSystem;
  readonly #workload: KeyspaceWorkload;
  readonly #ledger: Ledger;
  readonly #pending: Promise<void>[] = [];
  #db!: Database;
  #keyspaces: (Keyspace | undefined)[] = [];
  #opens = 0;

  constructor(fs: FileSystem, workload: KeyspaceWorkload, ledger: Ledger) {
    this.#fs = fs;
    this.#workload = workload;
    this.#ledger = ledger;
  }

  /** True while keyspaces are made or dropped. */
  get isChanging(): boolean {
    return this.presence.includes(undefined);
  }

  async run(): Promise<void> {
    await this.#open();
    for (let keyspace = 1; keyspace < keyspaceCount; keyspace++) await this.#make(keyspace);
    for (const step of this.#workload.steps) await this.#do(step);
    await this.#close();
  }

  async #open(): Promise<void> {
    this.#db = await openWorkload(
      this.#fs,
      this.#workload,
      this.#workload.seed * 100 + this.#opens++,
    );
    this.#keyspaces = await handlesOf(this.#db);
  }

  async #close(): Promise<void> {
    await this.#settle();
    await this.#db.close();
    this.#ledger.acknowledge(this.#ledger.issued, 'disk');
  }

  async #do(step: KeyspaceStep): Promise<void> {
    const db = this.#db;
    switch (step.type) {
      case 'write':
        await this.#write(step);
        break;
      case 'make':
        await this.#make(step.keyspace);
        break;
      case 'drop':
        await this.#drop(step.keyspace);
        break;
      case 'compact':
        await this.#durably(() => this.#keyspaces[step.keyspace]?.compactRange());
        break;
      case 'flush':
        await this.#durably(() => db.flush());
        break;
      case 'begin-flush':
        this.#pending.push(this.#durably(() => db.flush()));
        break;
      case 'sync':
        await this.#durably(() => db.sync());
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
    }
  }

  /** What settles is a promise for everything written before the call. */
  async #durably(call: () => Promise<void> | undefined): Promise<void> {
    const { issued } = this.#ledger;
    const done = call();
    if (done === undefined) return;
    await done;
    this.#ledger.acknowledge(issued, 'disk');
  }

  async #make(keyspace: number): Promise<void> {
    this.presence[keyspace] = undefined;
    const settings = this.#workload.keyspaceSettings[keyspace];
    this.#keyspaces[keyspace] = await this.#db.keyspace(keyspaceNames[keyspace], settings);
    this.presence[keyspace] = true;
  }

  async #drop(keyspace: number): Promise<void> {
    // Writes that wait for room have no effect yet; those to a dropped keyspace would have none at all.
    if (this.#db.stats().stalls.waiting > 0) await this.#settle();
    const { size } = this.#workload.universe;
    const batch = this.#ledger.issue(
      Array.from({ length: size }, (_, key) => [slotOf(this.#workload.universe, keyspace, key), 0]),
    );
    this.presence[keyspace] = undefined;
    this.#keyspaces[keyspace] = undefined;
    await this.#db.dropKeyspace(keyspaceNames[keyspace]);
    this.presence[keyspace] = false;
    this.#ledger.acknowledge(batch, 'disk');
  }

  async #write(step: KeyspaceStep & { type: 'write' }): Promise<void> {
    const { writes, durability, isSync, isAwaited } = step;
    const operations = operationsOf(this.#workload, this.#keyspaces, writes);
    const batch = this.#ledger.issue(writes);
    if (isSync) {
      this.#db.batchSync(operations, { durability });
      this.#ledger.acknowledge(batch, durability);
      return;
    }
    const done = this.#db.batch(operations, { durability }).then(() => {
      this.#ledger.acknowledge(batch, durability);
    });
    this.#pending.push(done);
    if (isAwaited) await done;
    else done.catch(() => undefined);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }
}

/** The keyspaces that are there, by number. */
export async function handlesOf(db: Database): Promise<(Keyspace | undefined)[]> {
  const names = db.keyspaces();
  const handles: (Keyspace | undefined)[] = [];
  for (const name of keyspaceNames) {
    handles.push(names.includes(name) ? await db.keyspace(name) : undefined);
  }
  return handles;
}

export function operationsOf(
  { universe }: KeyspaceStage,
  keyspaces: readonly (Keyspace | undefined)[],
  writes: Writes,
): BatchOperation<Uint8Array, Uint8Array>[] {
  return writes.map(([slot, value]) => {
    const number = Math.floor(slot / universe.size);
    const keyspace = keyspaces[number];
    if (keyspace === undefined) throw new Error(`keyspace ${number} is not there`);
    const key = universe.keys[slot % universe.size];
    return value === 0
      ? { type: 'delete', key, keyspace }
      : { type: 'put', key, value: valueOf(value), keyspace };
  });
}

/** Everything in all keyspaces; `candidates` are the states whose values they may hold. */
export async function readKeyspaces(
  db: Database,
  { universe }: KeyspaceStage,
  candidates: readonly State[],
): Promise<State> {
  const state = new Int32Array(keyspaceCount * universe.size);
  for (const [number, keyspace] of (await handlesOf(db)).entries()) {
    if (keyspace === undefined) continue;
    for await (const [key, value] of keyspace.entries()) {
      const slot = slotOf(universe, number, universe.lowerBound(key));
      const found = candidates.findLast(
        (candidate) => candidate[slot] !== 0 && isValueOf(candidate[slot], value),
      );
      if (found === undefined) {
        throw new Error(`${keyspace.name} has a value that was never written to it`);
      }
      state[slot] = found[slot];
    }
  }
  return state;
}

/** Keyspaces that were made are there, those that were dropped are not. */
export function checkPresence(db: Database, presence: Presence): void {
  const names = db.keyspaces();
  for (const [number, isThere] of presence.entries()) {
    const found = names.includes(keyspaceNames[number]);
    if (isThere !== undefined && isThere !== found) {
      throw new Error(`keyspace ${number} is ${found ? 'there, though dropped' : 'gone'}`);
    }
  }
}
