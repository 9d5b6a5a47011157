import { isLsmError, LsmError } from '../../src/base/errors.js';
import type { Keyspace } from '../../src/index.js';
import { keyspacesOf, type Expected, type SmallHandle } from './small-database.js';

type Pair = readonly [key: string, value: string];

/** A scan up to its end, or to the error that ended it. */
interface Scanned {
  readonly pairs: readonly Pair[];
  readonly error: LsmError | undefined;
}

interface KeyspaceReading {
  /** By key: its value, undefined where there is none, or the error. */
  readonly gets: ReadonlyMap<string, string | undefined | LsmError>;
  readonly forward: Scanned;
  readonly backward: Scanned;
}

/** What a database reads as, and every error on the way. */
export interface Reading {
  readonly keyspaces: ReadonlyMap<string, KeyspaceReading>;
  readonly errors: readonly LsmError[];
}

/** Keys of the small database, and some that it never holds. */
const keys = [
  '',
  ...Array.from({ length: 18 }, (_, i) => `key ${i.toString().padStart(2, '0')}`),
  'key 18',
];

/** Every key twice, and all entries in both directions. */
export async function readEverything(db: SmallHandle): Promise<Reading> {
  const keyspaces = new Map<string, KeyspaceReading>();
  const errors: LsmError[] = [];
  const keep = (error: unknown): LsmError => {
    if (!isLsmError(error)) throw error;
    errors.push(error);
    return error;
  };
  for (const keyspace of await keyspacesOf(db)) {
    const gets = new Map<string, string | undefined | LsmError>();
    for (const key of keys)
      gets.set(
        key,
        attempt(() => keyspace.getSync(key), keep),
      );
    await readAgain(keyspace, gets);
    const forward = scanSync(keyspace, false, keep);
    const backward = await scanAsync(keyspace, true, keep);
    keyspaces.set(keyspace.name, { gets, forward, backward });
  }
  return { keyspaces, errors };
}

/** The second read gives what the first gave: also an error, and one block's error is no other's. */
async function readAgain(
  keyspace: Keyspace<string, string>,
  gets: ReadonlyMap<string, string | undefined | LsmError>,
): Promise<void> {
  const sound = keys.filter((key) => !(gets.get(key) instanceof LsmError));
  const values = await keyspace.getMany(sound);
  for (const [i, key] of sound.entries()) {
    if (values[i] !== gets.get(key)) throw new Error(`${key} reads differently the second time`);
  }
  for (const key of keys) {
    const before = gets.get(key);
    if (!(before instanceof LsmError)) continue;
    const again = await keyspace.get(key).then(String, (error: unknown) => error);
    if (!(again instanceof LsmError) || again.message !== before.message) {
      throw new Error(`${key} reads as ${before.message}, then as ${String(again)}`);
    }
  }
}

function attempt<T>(read: () => T, keep: (error: unknown) => LsmError): T | LsmError {
  try {
    return read();
  } catch (error) {
    return keep(error);
  }
}

function scanSync(
  keyspace: Keyspace<string, string>,
  reverse: boolean,
  keep: (error: unknown) => LsmError,
): Scanned {
  const pairs: Pair[] = [];
  try {
    for (const [key, value] of keyspace.entriesSync({ reverse })) pairs.push([key, value]);
    return { pairs, error: undefined };
  } catch (error) {
    return { pairs, error: keep(error) };
  }
}

async function scanAsync(
  keyspace: Keyspace<string, string>,
  reverse: boolean,
  keep: (error: unknown) => LsmError,
): Promise<Scanned> {
  const pairs: Pair[] = [];
  try {
    for await (const [key, value] of keyspace.entries({ reverse })) pairs.push([key, value]);
    return { pairs, error: undefined };
  } catch (error) {
    return { pairs, error: keep(error) };
  }
}

/**
 * Numbers of the states that it may be: everything that was read without an error
 * is as in that state, nothing is left out, nothing is added.
 */
export function statesLike(reading: Reading, states: readonly Expected[]): number[] {
  return states.flatMap((state, number) => (isLike(reading, state) ? [number] : []));
}

function isLike({ keyspaces }: Reading, state: Expected): boolean {
  if (keyspaces.size !== state.size) return false;
  for (const [name, entries] of state) {
    const reading = keyspaces.get(name);
    if (reading === undefined) return false;
    for (const [key, value] of reading.gets) {
      if (!(value instanceof LsmError) && value !== entries.get(key)) return false;
    }
    const pairs = [...entries].filter((pair): pair is [string, string] => pair[1] !== undefined);
    pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    if (!begins(pairs, reading.forward)) return false;
    if (!begins(pairs.reverse(), reading.backward)) return false;
  }
  return true;
}

/** Whether a scan gave the first of these pairs, and all of them unless it ended with an error. */
function begins(pairs: readonly Pair[], { pairs: found, error }: Scanned): boolean {
  if (error === undefined ? found.length !== pairs.length : found.length > pairs.length) {
    return false;
  }
  return found.every(([key, value], i) => key === pairs[i][0] && value === pairs[i][1]);
}
