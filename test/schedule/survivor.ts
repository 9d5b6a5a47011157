import { Prng } from '../../src/base/prng.js';
import { isLsmError } from '../../src/base/errors.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database } from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import { Mismatch } from '../model/mismatch.js';
import { JumpingClock } from '../support/jumping-clock.js';
import { isValueOf, type Universe } from '../support/universe.js';
import type { History, Place, Promised, State } from './history.js';

/** What is found in a database, by keyspace. */
export type Found = ReadonlyMap<string, State>;

/** A copy of the disk at some moment, and what a crash at that moment must leave. */
export interface Moment {
  readonly disk: MemoryFileSystem;
  readonly history: History;
  readonly promised: Promised;
  readonly keep: number;
  readonly seed: number;
  /** What was about to happen. */
  readonly before: string;
}

/** Everything in a database. */
export async function readFound(db: Database, universe: Universe): Promise<Found> {
  const found = new Map<string, State>();
  for (const name of db.keyspaces()) {
    const state = new Int32Array(universe.size);
    const keyspace = await db.keyspace(name);
    for await (const [key, value] of keyspace.entries()) {
      const at = universe.lowerBound(key);
      const isKnown = at < universe.size && Buffer.compare(universe.keys[at], key) === 0;
      if (!isKnown) throw new Mismatch(`a key that was never written is in ${name}`);
      state[at] = numberOf(value);
    }
    found.set(name, state);
  }
  return found;
}

/** The number of a value, which begins with it. */
export function numberOf(value: Uint8Array): number {
  const number = Buffer.from(value.buffer, value.byteOffset, value.length).readUInt32LE(0);
  if (!isValueOf(number, value)) throw new Mismatch('a value that was never written');
  return number;
}

/**
 * How many batches of the session may be there (several numbers, where batches
 * changed nothing): the same in all keyspaces, at least `floor`. A keyspace that is being made or dropped may be there, and
 * then it is whole.
 */
export function matchPrefix(
  found: Found,
  history: History,
  floor: number,
  places: readonly Readonly<Place>[],
): readonly number[] {
  const prefixes: number[] = [];
  for (const { batches, states } of history.states()) {
    if (matches(found, states, places)) prefixes.push(batches);
  }
  const best = prefixes.at(-1);
  if (best !== undefined && best >= floor) return prefixes.filter((batches) => batches >= floor);
  const what = best === undefined ? 'no prefix of them' : `only the first ${best}`;
  throw new Mismatch(`of ${history.issued} batches ${floor} are promised, found is ${what}`);
}

function matches(
  found: Found,
  states: readonly State[],
  places: readonly Readonly<Place>[],
): boolean {
  for (const place of places) {
    if (place.status === 'live' && !found.has(place.name)) return false;
  }
  for (const [name, state] of found) {
    const candidates = places.filter((each) => each.name === name && each.status !== 'dropped');
    const isOneOf = candidates.some(({ number }) => isSame(states[number], state));
    if (!isOneOf) return false;
  }
  return true;
}

function isSame(a: State, b: State): boolean {
  return a.every((value, key) => value === b[key]);
}

/** Opens what survived a crash at a moment: what was promised is there, and nothing is damaged. */
export async function checkMoment(moment: Moment, universe: Universe): Promise<void> {
  const { history, promised, keep, seed } = moment;
  const survivor = moment.disk.crash({ keep, random: new Prng(seed) });
  const floor = keep >= 1 ? promised.os : promised.disk;
  try {
    const db = await openSurvivor(survivor, seed);
    // It was not made yet.
    if (db === undefined && promised.places[0].status === 'making') return;
    if (db === undefined) throw new Mismatch('the database is gone');
    matchPrefix(await readFound(db, universe), history, floor, promised.places);
    await db.close();
    const report = await verifyDatabase('/db', { fs: survivor });
    if (report.damages.length > 0) throw new Mismatch(`damage: ${report.damages[0].what}`);
    if (survivor.openFiles > 0) throw new Mismatch('files were left open');
  } catch (error) {
    throw new Mismatch(`a crash that keeps ${keep}, before ${moment.before}`, error);
  }
}

/** Undefined when there is none. */
async function openSurvivor(fs: MemoryFileSystem, seed: number): Promise<Database | undefined> {
  const random = new Prng(seed);
  const clock = new JumpingClock();
  try {
    return await open('/db', {
      fs,
      executor: 'inline',
      clock,
      random,
      createIfMissing: false,
      memtableBytes: 64 * 1024,
      blockCacheBytes: 0,
    });
  } catch (error) {
    if (isLsmError(error, 'LSM_NOT_FOUND')) return undefined;
    throw error;
  }
}
