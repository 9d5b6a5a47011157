import { compareBytes } from '../../src/base/bytes.js';
import type { Universe } from '../support/universe.js';

/** The value number of each key of a universe, 0 where it has none. */
export type State = Int32Array;

export type Write = { readonly key: number; readonly value: number };

/** What a range asks for, with keys as bytes. */
export interface ModelRange {
  readonly gt?: Uint8Array;
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly prefix?: Uint8Array;
}

/** Key numbers from `low` to below `high`. */
export interface KeySpan {
  readonly low: number;
  readonly high: number;
}

/** The bounds of a range as key numbers, found without any of the engine's helpers. */
export function spanOf(universe: Universe, range: ModelRange): KeySpan {
  let low = 0;
  let high = universe.size;
  if (range.gte !== undefined) low = universe.lowerBound(range.gte);
  if (range.gt !== undefined) low = upperBound(universe, range.gt);
  if (range.lt !== undefined) high = universe.lowerBound(range.lt);
  if (range.lte !== undefined) high = upperBound(universe, range.lte);
  const { prefix } = range;
  if (prefix !== undefined) {
    low = universe.lowerBound(prefix);
    high = low;
    while (high < universe.size && beginsWith(universe.keys[high], prefix)) high++;
  }
  return { low, high };
}

/** Number of the first key above `key`. */
function upperBound(universe: Universe, key: Uint8Array): number {
  const at = universe.lowerBound(key);
  const isThere = at < universe.size && compareBytes(universe.keys[at], key) === 0;
  return isThere ? at + 1 : at;
}

function beginsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length >= prefix.length && prefix.every((byte, i) => key[i] === byte);
}

/** What an iterator over a frozen state returns, call by call. */
export class ModelIterator {
  readonly #universe: Universe;
  readonly #state: State;
  readonly #span: KeySpan;
  readonly #isReverse: boolean;
  #left: number;
  #next: number;

  constructor(
    universe: Universe,
    state: State,
    span: KeySpan,
    options: { readonly reverse: boolean; readonly limit: number },
  ) {
    this.#universe = universe;
    this.#state = state;
    this.#span = span;
    this.#isReverse = options.reverse;
    this.#left = options.limit;
    this.#next = options.reverse ? span.high - 1 : span.low;
  }

  /** The number of the next key; -1 at the end. */
  next(): number {
    if (this.#left === 0) return -1;
    const { low, high } = this.#span;
    const step = this.#isReverse ? -1 : 1;
    let key = this.#next;
    while (key >= low && key < high && this.#state[key] === 0) key += step;
    if (key < low || key >= high) return -1;
    this.#next = key + step;
    this.#left--;
    return key;
  }

  valueAt(key: number): number {
    return this.#state[key];
  }

  seek(target: Uint8Array): void {
    const { low, high } = this.#span;
    this.#next = this.#isReverse
      ? Math.min(high, upperBound(this.#universe, target)) - 1
      : Math.max(low, this.#universe.lowerBound(target));
  }
}
