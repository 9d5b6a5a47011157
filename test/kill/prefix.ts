import type { Content, Ledger } from './ledger.js';

/** One keyspace from its making to its dropping: the next one of that name has nothing of it. */
interface Life {
  /** What it holds after the batches so far. */
  readonly values: Map<number, number>;
  /** What it holds at the end, if it is looked at. */
  target: ReadonlyMap<number, number> | undefined;
}

interface Change {
  readonly life: Life;
  readonly key: number;
  readonly value: number;
}

/**
 * Holds what was found against what was done, beginning with `before`: it must be
 * the state after the first n batches, n at least the ledger's floor, of all keyspaces
 * together; and a keyspace is there from when it was made until it is dropped.
 * Returns n. @throws Error that says what is wrong
 */
export function checkPrefix(before: Content, ledger: Ledger, found: Content): number {
  const lives = new Map<string, Life>();
  for (const [name, values] of before)
    lives.set(name, { values: new Map(values), target: undefined });
  // What no one has opened yet holds the default keyspace.
  if (!lives.has('')) lives.set('', newLife());
  const doubtful = new Set<string>();
  const batches: Change[][] = [];
  for (const deed of ledger.deeds) {
    if (deed.type === 'batch') {
      batches.push(
        deed.writes.map(({ keyspace, key, value }) => ({ life: lives.get(keyspace)!, key, value })),
      );
    } else if (!deed.isDone) {
      doubtful.add(deed.keyspace);
      if (deed.type === 'make') lives.set(deed.keyspace, newLife());
    } else if (deed.type === 'make') lives.set(deed.keyspace, newLife());
    else lives.delete(deed.keyspace);
  }
  for (const [name, values] of found) {
    const life = lives.get(name);
    if (life === undefined) throw new Error(`a keyspace came back that was dropped: ${name}`);
    life.target = values;
  }
  for (const [name, { target }] of lives) {
    if (target === undefined && !doubtful.has(name))
      throw new Error(`the keyspace '${name}' is lost`);
  }
  const best = longestPrefix(batches, [...lives.values()]);
  if (best >= ledger.floor) return best;
  const what = best < 0 ? 'no prefix of them at all' : `only the first ${best}`;
  throw new Error(`of ${batches.length} batches ${ledger.floor} are promised, found is ${what}`);
}

function newLife(): Life {
  return { values: new Map(), target: undefined };
}

/** The most batches after which every keyspace looks as found; -1 when there is no such number. */
function longestPrefix(batches: readonly (readonly Change[])[], lives: readonly Life[]): number {
  let differences = 0;
  for (const { values, target } of lives) {
    if (target === undefined) continue;
    for (const key of new Set([...values.keys(), ...target.keys()])) {
      if (values.get(key) !== target.get(key)) differences++;
    }
  }
  let best = differences === 0 ? 0 : -1;
  batches.forEach((changes, index) => {
    for (const { life, key, value } of changes) {
      const { values, target } = life;
      if (target === undefined) continue;
      if (values.get(key) !== target.get(key)) differences--;
      if (value === 0) values.delete(key);
      else values.set(key, value);
      if (values.get(key) !== target.get(key)) differences++;
    }
    if (differences === 0) best = index + 1;
  });
  return best;
}

/** @throws Error unless both hold the same */
export function checkSame(expected: Content, found: Content): void {
  const text = (content: Content): string =>
    JSON.stringify(
      [...content]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, values]) => [name, [...values].sort(([a], [b]) => a - b)]),
    );
  if (text(expected) !== text(found)) {
    throw new Error(`read-only ${text(expected)} was found, and then ${text(found)}`);
  }
}
