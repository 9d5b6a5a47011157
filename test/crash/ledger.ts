import type { Durability } from '../../src/index.js';

/** The value number of each key of a universe, 0 where it has none. */
export type State = Int32Array;
export type Writes = readonly (readonly [key: number, value: number])[];

/** What was written, batch by batch, and what of it was acknowledged. */
export class Ledger {
  /** `states[i]` is the state after the first `i` batches. */
  readonly states: State[];
  /** Batches that must survive the death of the process, and a loss of power. */
  #osFloor = 0;
  #diskFloor = 0;

  constructor(initial: State) {
    this.states = [initial];
  }

  /** Batches handed to the database so far. */
  get issued(): number {
    return this.states.length - 1;
  }

  get current(): State {
    return this.states[this.issued];
  }

  /** Notes a batch before the call is made; returns its number, from 1 on. */
  issue(writes: Writes): number {
    const state = Int32Array.from(this.current);
    for (const [key, value] of writes) state[key] = value;
    this.states.push(state);
    return this.issued;
  }

  acknowledge(batch: number, durability: Durability): void {
    if (durability === 'none') return;
    this.#osFloor = Math.max(this.#osFloor, batch);
    if (durability === 'disk') this.#diskFloor = Math.max(this.#diskFloor, batch);
  }

  /** The fewest batches that may be there after a crash that keeps this share of what was not synced. */
  floor(keep: number): number {
    return keep >= 1 ? this.#osFloor : this.#diskFloor;
  }

  /** How many batches `state` stands for, at least `floor`; -1 when it is no such state. */
  find(state: State, floor: number): number {
    for (let batches = this.issued; batches >= floor; batches--) {
      if (sameState(this.states[batches], state)) return batches;
    }
    return -1;
  }

  /** What it says now; it may go on meanwhile. */
  copy(): Ledger {
    const copy = new Ledger(this.states[0]);
    copy.states.push(...this.states.slice(1));
    copy.#osFloor = this.#osFloor;
    copy.#diskFloor = this.#diskFloor;
    return copy;
  }

  /** A new ledger that begins with the state after `batches`. */
  from(batches: number): Ledger {
    return new Ledger(this.states[batches]);
  }
}

export function sameState(a: State, b: State): boolean {
  return a.length === b.length && a.every((value, key) => value === b[key]);
}
