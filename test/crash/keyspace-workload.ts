import { Prng } from '../../src/base/prng.js';
import type { Durability } from '../../src/index.js';
import {
  randomKeyspaceSettings,
  randomSettings,
  type RandomKeyspaceSettings,
  type RandomSettings,
} from '../support/random-options.js';
import { Universe } from '../support/universe.js';
import type { Writes } from './ledger.js';
import { ValueNumbers } from './workload.js';

/** The default keyspace and so many named ones. */
export const keyspaceCount = 20;

export const keyspaceNames: readonly string[] = Array.from({ length: keyspaceCount }, (_, i) =>
  i === 0 ? 'default' : `keyspace ${i}`,
);

export type KeyspaceStep =
  | {
      readonly type: 'write';
      /** Keys are numbered through all keyspaces: see `slotOf`. */
      readonly writes: Writes;
      readonly durability: Durability;
      readonly isSync: boolean;
      readonly isAwaited: boolean;
    }
  | { readonly type: 'make' | 'drop' | 'compact'; readonly keyspace: number }
  /** `begin-flush` does not wait for its end. */
  | { readonly type: 'flush' | 'begin-flush' | 'sync' | 'reopen' | 'turn' | 'settle' };

/** What a workload over many keyspaces works on. */
export interface KeyspaceStage {
  readonly seed: number;
  /** The keys of each keyspace. */
  readonly universe: Universe;
  readonly settings: RandomSettings;
  /** Of each keyspace when it is made. */
  readonly keyspaceSettings: readonly RandomKeyspaceSettings[];
  readonly hasSync: boolean;
}

export interface KeyspaceWorkload extends KeyspaceStage {
  readonly steps: readonly KeyspaceStep[];
}

/** Where a key of a keyspace stands in a `State`. */
export function slotOf(universe: Universe, keyspace: number, key: number): number {
  return keyspace * universe.size + key;
}

/**
 * Writes to all keyspaces, most batches to several of them, under settings that
 * flush them at different times: some because they are full, some because the
 * logs are too long, some because all together hold too much.
 */
export function makeKeyspaceWorkload(seed: number, length: number): KeyspaceWorkload {
  const random = new Prng(seed);
  const universe = new Universe(random, 5);
  const alive = new Set(keyspaceNames.keys());
  const values = new ValueNumbers();
  const hasSync = seed % 5 !== 0;
  const steps: KeyspaceStep[] = [];
  while (steps.length < length) {
    steps.push(anyStep(random, universe, alive, values, hasSync));
  }
  return {
    seed,
    universe,
    settings: {
      ...randomSettings(random),
      maxWalBytes: [64, 64, 128][random.below(3)] * 1024,
      memtableBudgetBytes: [128, 128, 256, 1024][random.below(4)] * 1024,
      maxCompactions: 2 + random.below(3),
    },
    keyspaceSettings: keyspaceNames.map(() => randomKeyspaceSettings(random)),
    hasSync,
    steps,
  };
}

/** A batch for up to four keyspaces: most keyspaces get little and seldom, one gets much. */
export function anyKeyspaceWrites(
  random: Prng,
  universe: Universe,
  alive: ReadonlySet<number>,
  values: ValueNumbers,
): Writes {
  const places = [...alive];
  const anyPlace = (): number =>
    random.chance(0.3) ? places[0] : places[random.below(places.length)];
  const chosen = Array.from({ length: 1 + random.below(4) }, anyPlace);
  const isLarge = random.chance(0.3);
  const count = chosen.length + random.below(4);
  return Array.from({ length: count }, (_, i) => {
    const slot = slotOf(universe, chosen[i % chosen.length], random.below(universe.size));
    if (random.chance(0.2)) return [slot, 0];
    return [slot, isLarge && random.chance(0.6) ? values.nextLarge() : values.next()];
  });
}

const durabilities: readonly Durability[] = ['none', 'os', 'os', 'disk'];

function anyStep(
  random: Prng,
  universe: Universe,
  alive: Set<number>,
  values: ValueNumbers,
  hasSync: boolean,
): KeyspaceStep {
  const choice = random.below(100);
  if (choice < 72) {
    return {
      type: 'write',
      writes: anyKeyspaceWrites(random, universe, alive, values),
      durability: durabilities[random.below(durabilities.length)],
      isSync: hasSync && random.chance(0.3),
      isAwaited: random.chance(0.5),
    };
  }
  // The default one is always there.
  const keyspace = 1 + random.below(keyspaceCount - 1);
  if (choice < 82) {
    if (alive.delete(keyspace)) return { type: 'drop', keyspace };
    alive.add(keyspace);
    return { type: 'make', keyspace };
  }
  if (choice < 85) return { type: random.chance(0.5) ? 'flush' : 'begin-flush' };
  if (choice < 88) return { type: 'compact', keyspace: random.chance(0.5) ? 0 : keyspace };
  if (choice < 91) return { type: 'sync' };
  if (choice < 94) return { type: 'reopen' };
  return { type: choice < 98 ? 'turn' : 'settle' };
}
