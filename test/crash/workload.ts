import { Prng } from '../../src/base/prng.js';
import type { Durability } from '../../src/index.js';
import { randomSettings, type RandomSettings } from '../support/random-options.js';
import { Universe, valueOf } from '../support/universe.js';
import type { Writes } from './ledger.js';

export type Step =
  | {
      readonly type: 'write';
      readonly writes: Writes;
      readonly durability: Durability;
      readonly isSync: boolean;
      /** Whether the next step waits for the acknowledgement. */
      readonly isAwaited: boolean;
    }
  | { readonly type: 'flush' | 'compact' | 'sync' | 'reopen' | 'turn' | 'settle' }
  /** An iterator is opened, or closed again: it keeps files from being removed. */
  | { readonly type: 'hold' | 'release' };

export interface Workload {
  readonly seed: number;
  readonly universe: Universe;
  readonly settings: RandomSettings;
  readonly hasSync: boolean;
  readonly steps: readonly Step[];
}

/** Short, so that every call of it can be the last one, and still with flushes, compactions and log switches. */
export function makeWorkload(seed: number, length: number): Workload {
  const random = new Prng(seed);
  const universe = new Universe(random, 8 + random.below(20));
  const values = new ValueNumbers();
  const steps: Step[] = [];
  const hasSync = seed % 5 !== 0;
  for (let i = 0; i < length; i++) {
    if (random.chance(0.04)) steps.push(...flood(random, universe, values));
    else steps.push(anyStep(random, universe, values, hasSync));
  }
  return { seed, universe, settings: randomSettings(random), hasSync, steps };
}

/** The same with these of its steps only. */
export function chooseSteps<W extends { readonly steps: readonly unknown[] }>(
  workload: W,
  steps: readonly number[],
): W {
  return { ...workload, steps: steps.map((step) => workload.steps[step]) };
}

/** A step in words. */
export function describeStep(step: { readonly type: string }): string {
  const { type, ...details } = step;
  const shown = JSON.stringify(details);
  return shown === '{}' ? type : `${type} ${shown}`;
}

/** Large batches in one tick: several memtables and their logs wait to be flushed, and writers wait for room. */
function flood(random: Prng, universe: Universe, values: ValueNumbers): Step[] {
  return Array.from({ length: 3 + random.below(4) }, () => ({
    type: 'write',
    writes: Array.from({ length: 6 }, () => [random.below(universe.size), values.nextLarge()]),
    durability: random.chance(0.2) ? 'disk' : 'os',
    isSync: false,
    isAwaited: false,
  }));
}

/** A batch of one to some operations; now and then with values that fill a memtable. */
export function anyWrites(random: Prng, universe: Universe, values: ValueNumbers): Writes {
  const isLarge = random.chance(0.15);
  const length = isLarge ? 8 : random.chance(0.6) ? 1 : 1 + random.below(5);
  return Array.from({ length }, () => {
    const key = random.below(universe.size);
    if (random.chance(isLarge ? 0 : 0.3)) return [key, 0];
    return [key, isLarge ? values.nextLarge() : values.next()];
  });
}

/** Hands out value numbers, each once. */
export class ValueNumbers {
  #next: number;

  constructor(first = 1) {
    this.#next = first;
  }

  /** Long enough that no other number has the same value: a state read back is unambiguous. */
  next(): number {
    while (valueOf(this.#next).length < 4) this.#next++;
    return this.#next++;
  }

  nextShort(): number {
    let id = this.next();
    while (valueOf(id).length > 24) id = this.next();
    return id;
  }

  /** The number of a value of several KiB. */
  nextLarge(): number {
    while (valueOf(this.#next).length < 4000) this.#next++;
    return this.#next++;
  }
}

const durabilities: readonly Durability[] = ['none', 'os', 'os', 'disk'];

function anyStep(random: Prng, universe: Universe, values: ValueNumbers, hasSync: boolean): Step {
  const choice = random.below(100);
  if (choice < 62) {
    return {
      type: 'write',
      writes: anyWrites(random, universe, values),
      durability: durabilities[random.below(durabilities.length)],
      isSync: hasSync && random.chance(0.3),
      isAwaited: random.chance(0.6),
    };
  }
  if (choice < 72) return { type: 'flush' };
  if (choice < 77) return { type: 'compact' };
  if (choice < 81) return { type: 'sync' };
  if (choice < 86) return { type: 'reopen' };
  if (choice < 92) return { type: 'turn' };
  if (choice < 95) return { type: 'settle' };
  return { type: choice < 97 ? 'hold' : 'release' };
}
