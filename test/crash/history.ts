import type { Durability } from '../../src/index.js';
import { Ledger, type State, type Writes } from './ledger.js';

type Outcome = 'pending' | 'done' | 'refused' | 'unknown';

/** As a ledger, of batches some of which are refused, and then have no effect. */
export class History {
  readonly #initial: State;
  readonly #batches: Writes[] = [];
  readonly #outcomes: Outcome[] = [];
  /** By number, from 1 on. */
  #osFloor = 0;
  #diskFloor = 0;

  constructor(initial: State) {
    this.#initial = initial;
  }

  get issued(): number {
    return this.#batches.length;
  }

  /** Notes a batch before the call is made; returns its number, from 1 on. */
  issue(writes: Writes): number {
    this.#outcomes.push('pending');
    return this.#batches.push(writes);
  }

  /** The batch is done, and what its durability promises holds for all before it. */
  acknowledge(batch: number, durability: Durability): void {
    this.#outcomes[batch - 1] = 'done';
    this.promise(batch, durability);
  }

  /** As an acknowledgement, of everything up to a batch, by a call that is a barrier. */
  promise(batch: number, durability: Durability): void {
    if (durability === 'none') return;
    this.#osFloor = Math.max(this.#osFloor, batch);
    if (durability === 'disk') this.#diskFloor = Math.max(this.#diskFloor, batch);
  }

  /** It has no effect, or it is `unknown` whether it has. */
  fail(batch: number, outcome: 'refused' | 'unknown'): void {
    this.#outcomes[batch - 1] = outcome;
  }

  get hasPending(): boolean {
    return this.#outcomes.includes('pending');
  }

  /** Without the refused ones. */
  toLedger(): Ledger {
    const ledger = new Ledger(this.#initial);
    let os = 0;
    let disk = 0;
    this.#batches.forEach((writes, i) => {
      if (this.#outcomes[i] !== 'refused') ledger.issue(writes);
      if (i < this.#osFloor) os = ledger.issued;
      if (i < this.#diskFloor) disk = ledger.issued;
    });
    ledger.acknowledge(os, 'os');
    ledger.acknowledge(disk, 'disk');
    return ledger;
  }
}
