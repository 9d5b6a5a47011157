import { Prng } from '../../src/base/prng.js';
import { isLsmError } from '../../src/base/errors.js';
import type {
  AsyncEntryIterator,
  BatchOperation,
  Durability,
  Snapshot,
  SyncEntryIterator,
} from '../../src/index.js';
import { Mismatch } from '../model/mismatch.js';
import { ModelIterator } from '../model/model.js';
import { randomKeyspaceSettings } from '../support/random-options.js';
import { valueOf } from '../support/universe.js';
import type { State, Write } from './history.js';
import type { OpenPlace, Session } from './session.js';
import { numberOf } from './survivor.js';

const durabilities: readonly Durability[] = ['none', 'os', 'os', 'disk'];
const names = ['first', 'second', 'third'];

/** Lets a client act again and again, each time when it is its turn, until the session is over. */
export async function runClient(
  session: Session,
  name: string,
  seed: number,
  act: (session: Session, random: Prng) => Promise<void> | void,
): Promise<void> {
  const pending: Promise<void>[] = [];
  for (let i = 0; !session.isOver; i++) {
    await session.scheduler.turn(name);
    if (session.isOver) break;
    session.observe();
    const random = new Prng(seed + i * 7919);
    const done = Promise.resolve(act(session, random));
    if (random.chance(0.6)) await done;
    else pending.push(done);
    if (pending.length >= 6) await Promise.all(pending.splice(0));
  }
  await Promise.all(pending);
}

function anyPlace(session: Session, random: Prng): OpenPlace {
  const { places } = session;
  return places[random.chance(0.4) ? 0 : random.below(places.length)];
}

function anyWrites(session: Session, random: Prng): Write[] {
  const home = anyPlace(session, random);
  const isLarge = random.chance(0.4);
  const length = isLarge ? 2 + random.below(6) : random.below(random.chance(0.6) ? 2 : 6);
  return Array.from({ length }, () => ({
    place: (random.chance(0.7) ? home : anyPlace(session, random)).place,
    key: random.below(session.universe.size),
    value: random.chance(isLarge ? 0.1 : 0.3)
      ? 0
      : isLarge
        ? session.values.nextLarge()
        : session.values.next(),
  }));
}

function operationsOf(
  { places, universe }: Session,
  writes: readonly Write[],
): BatchOperation<Uint8Array, Uint8Array>[] {
  return writes.map(({ place, key: number, value }) => {
    const { keyspace } = places.find((each) => each.place === place)!;
    const key = universe.keys[number];
    return value === 0
      ? { type: 'delete', key, keyspace }
      : { type: 'put', key, value: valueOf(value), keyspace };
  });
}

export async function write(session: Session, random: Prng): Promise<void> {
  const { db, history, scheduler, disk } = session;
  const writes = anyWrites(session, random);
  const operations = operationsOf(session, writes);
  const durability = durabilities[random.below(durabilities.length)];
  const batch = history.issue(writes);
  const wasFailed = db.stats().failure !== undefined;
  const isDropped = writes.find(({ place }) => place.status === 'dropping')?.place;
  scheduler.note(
    `write ${durability} ${JSON.stringify(writes.map(({ key, value }) => [key, value]))}`,
  );
  try {
    if (disk.hasSync && random.chance(0.2)) db.batchSync(operations, { durability });
    else await db.batch(operations, { durability });
    scheduler.note(`written ${writes.map(({ value }) => value).join()}`);
    session.acknowledged(batch, durability);
  } catch (error) {
    if (wasFailed || !mayHaveTakenEffect(session, error)) batch.isRefused = true;
    const dropped = writes.find(({ place }) => place.status.startsWith('drop'))?.place;
    session.expectError(error, isDropped ?? dropped);
  }
}

function mayHaveTakenEffect({ isCrashed }: Session, error: unknown): boolean {
  return isCrashed || isLsmError(error, 'LSM_FAILED');
}

export async function read(session: Session, random: Prng): Promise<void> {
  const open = anyPlace(session, random);
  const { keyspace, place } = open;
  const state = session.stateOf(open);
  const isSync = session.disk.hasSync && random.chance(0.3);
  const keys = Array.from({ length: random.chance(0.2) ? random.below(8) : 1 }, () =>
    random.below(session.universe.size),
  );
  const bytes = keys.map((key) => session.universe.keys[key]);
  try {
    const values =
      bytes.length !== 1
        ? isSync
          ? keyspace.getManySync(bytes)
          : await keyspace.getMany(bytes)
        : [isSync ? keyspace.getSync(bytes[0]) : await keyspace.get(bytes[0])];
    keys.forEach((key, i) => checkValue(session, `get ${place.name}`, key, values[i], state));
  } catch (error) {
    session.expectError(error, place);
  }
}

function checkValue(
  { scheduler }: Session,
  what: string,
  key: number,
  value: Uint8Array | undefined,
  state: State,
): void {
  const found = value === undefined ? 0 : numberOf(value);
  scheduler.note(`${what} ${key}: ${found}`);
  if (found !== state[key]) {
    throw new Mismatch(`${what} ${key}: value ${found} instead of ${state[key]}`);
  }
}

type AnyIterator =
  SyncEntryIterator<[Uint8Array, Uint8Array]> | AsyncEntryIterator<[Uint8Array, Uint8Array]>;

interface OpenIterator {
  readonly open: OpenPlace;
  readonly iterator: AnyIterator;
  readonly model: ModelIterator;
}

/** Walks over the database while it changes: iterators see what there was when they were made. */
export class Scanner {
  readonly #iterators: OpenIterator[] = [];
  readonly #snapshots: {
    readonly snapshot: Snapshot;
    readonly states: ReadonlyMap<OpenPlace, State>;
  }[] = [];

  async act(session: Session, random: Prng): Promise<void> {
    const choice = random.below(12);
    if (choice === 0) this.#changeSnapshots(session, random);
    else if (choice === 1) await this.#readSnapshot(session, random);
    else if (choice < 5 && this.#iterators.length < 4) this.#open(session, random);
    else if (this.#iterators.length > 0) await this.#step(session, random);
  }

  #changeSnapshots(session: Session, random: Prng): void {
    if (this.#snapshots.length < 2 && random.chance(0.6)) {
      const states = new Map(session.places.map((open) => [open, session.stateOf(open)] as const));
      this.#snapshots.push({ snapshot: session.db.snapshot(), states });
    } else this.#snapshots.shift()?.snapshot.close();
  }

  async #readSnapshot(session: Session, random: Prng): Promise<void> {
    const found = this.#snapshots.at(random.below(2));
    if (found === undefined) return;
    const { snapshot, states } = found;
    const [open, state] = [...states][random.below(states.size)];
    const key = random.below(session.universe.size);
    try {
      const value = await open.keyspace.get(session.universe.keys[key], { snapshot });
      checkValue(session, `snapshot ${snapshot.seq} ${open.place.name}`, key, value, state);
    } catch (error) {
      if (isLsmError(error, 'LSM_CLOSED') && snapshot.isClosed) return;
      session.expectError(error, open.place);
    }
  }

  #open(session: Session, random: Prng): void {
    const open = anyPlace(session, random);
    if (open.place.status !== 'live') return;
    const reverse = random.chance(0.5);
    const isSync = session.disk.hasSync && random.chance(0.3);
    const snapshot = this.#snapshots.at(0);
    const old = random.chance(0.3) ? snapshot?.states.get(open) : undefined;
    const state = old ?? session.stateOf(open);
    const { universe } = session;
    const span = { low: 0, high: universe.size };
    const model = new ModelIterator(universe, state, span, { reverse, limit: Infinity });
    const options = { reverse, snapshot: old === undefined ? undefined : snapshot?.snapshot };
    const iterator = isSync ? open.keyspace.entriesSync(options) : open.keyspace.entries(options);
    this.#iterators.push({ open, iterator, model });
  }

  async #step(session: Session, random: Prng): Promise<void> {
    // Not there while it is being used: an iterator takes one call at a time.
    const [used] = this.#iterators.splice(random.below(this.#iterators.length), 1);
    const { open, iterator, model } = used;
    const count = 1 + random.below(6);
    try {
      if (random.chance(0.1)) return void (await iterator.close());
      const entries = await iterator.nextMany(count);
      for (const [key, value] of entries) {
        const at = model.next();
        if (at < 0 || Buffer.compare(key, session.universe.keys[at]) !== 0) {
          throw new Mismatch(`an iterator stands at another key than ${at}`);
        }
        checkNumber(session, open, at, numberOf(value), model.valueAt(at));
      }
      if (entries.length === count) this.#iterators.push(used);
      else if (model.next() >= 0) throw new Mismatch('an iterator ended early');
    } catch (error) {
      session.expectError(error, open.place);
    }
  }
}

function checkNumber(
  { scheduler }: Session,
  { place }: OpenPlace,
  key: number,
  found: number,
  expected: number,
): void {
  scheduler.note(`scan ${place.name} ${key}: ${found}`);
  if (found !== expected) throw new Mismatch(`scan: value ${found} of ${key} is not ${expected}`);
}

/** Calls that concern the whole database. */
export async function maintain(session: Session, random: Prng): Promise<void> {
  const { db, history, scheduler } = session;
  const choice = random.below(20);
  const open = anyPlace(session, random);
  const barrier = history.barrier;
  scheduler.note(`maintain ${choice}`);
  try {
    if (choice < 6) await db.flush();
    else if (choice < 10) await open.keyspace.compactRange();
    else if (choice < 16) await db.sync();
    else return void (await open.keyspace.approximateSize({}));
    scheduler.note(`maintained ${choice}`);
    session.passed(barrier);
  } catch (error) {
    session.expectError(error, open.place);
  }
}

/** Makes a keyspace, or drops one. */
export async function changeKeyspaces(session: Session, random: Prng): Promise<void> {
  const { db, history, scheduler } = session;
  if (!random.chance(0.3)) return;
  const name = names[random.below(names.length)];
  const found = session.places.find((each) => each.place.name === name);
  // Another change of it is under way, or has failed.
  const isKnown = history.places.every(
    ({ name: other, status }) =>
      other !== name || status === 'dropped' || (found !== undefined && status === 'live'),
  );
  if (!isKnown) return;
  try {
    if (found === undefined) {
      const place = history.addPlace(name, 'making');
      const keyspace = await db.keyspace(name, {
        ...randomKeyspaceSettings(random),
        memtableBytes: 64 * 1024,
      });
      place.status = 'live';
      session.places.push({ place, keyspace });
    } else {
      found.place.status = 'dropping';
      session.places = session.places.filter((each) => each !== found);
      await db.dropKeyspace(name);
      found.place.status = 'dropped';
    }
    scheduler.note(`changed ${name}`);
  } catch (error) {
    session.expectError(error);
  }
}
