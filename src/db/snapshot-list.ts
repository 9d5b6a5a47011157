import type { Clock } from '../base/clock.js';
import { LsmError } from '../base/errors.js';
import { Forgettable, ForgottenFinder } from './forgotten.js';

/** What a snapshot pins. */
export class SnapshotPin extends Forgettable {
  readonly owner: SnapshotList;
  readonly seq: number;
  readonly sinceMs: number;

  constructor(owner: SnapshotList, seq: number, sinceMs: number) {
    super();
    this.owner = owner;
    this.seq = seq;
    this.sinceMs = sinceMs;
  }
}

/** The open snapshots of a database. */
export class SnapshotList {
  readonly #clock: Clock;
  readonly #open = new Set<SnapshotPin>();
  readonly #finder: ForgottenFinder<SnapshotPin>;
  #onRemoved: () => void = () => undefined;

  /** `onForgotten` hears of a snapshot that was lost without being closed; it is closed by then. */
  constructor(clock: Clock, onForgotten: (ageMs: number) => void) {
    this.#clock = clock;
    this.#finder = new ForgottenFinder(clock, (pin) => {
      if (!this.#open.has(pin)) return;
      this.remove(pin);
      onForgotten(clock.monotonicMs() - pin.sinceMs);
    });
  }

  /** Called after a snapshot is closed: garbage it pinned may now go. */
  set onRemoved(listener: () => void) {
    this.#onRemoved = listener;
  }

  add(seq: number): SnapshotPin {
    const pin = new SnapshotPin(this, seq, this.#clock.monotonicMs());
    this.#open.add(pin);
    return pin;
  }

  /** When the user loses `held`, the pin goes too. */
  watch(held: object, pin: SnapshotPin): void {
    this.#finder.watch(held, pin);
  }

  has(pin: SnapshotPin): boolean {
    return this.#open.has(pin);
  }

  remove(pin: SnapshotPin): void {
    if (!this.#open.delete(pin)) return;
    this.#finder.unwatch(pin);
    this.#onRemoved();
  }

  clear(): void {
    this.#open.clear();
  }

  /** Distinct sequence numbers, ascending: what compactions must keep visible. */
  seqs(): number[] {
    const seqs = new Set<number>();
    for (const { seq } of this.#open) seqs.add(seq);
    return [...seqs].sort((a, b) => a - b);
  }

  /** @throws LsmError `LSM_INVALID_ARGUMENT` for a snapshot of another database, `LSM_CLOSED` for a closed one. */
  check(snapshot: { readonly pin?: unknown }): number {
    const pin = snapshot?.pin;
    if (!(pin instanceof SnapshotPin) || pin.owner !== this) {
      throw new LsmError('LSM_INVALID_ARGUMENT', 'the snapshot belongs to another database');
    }
    if (!this.has(pin)) throw new LsmError('LSM_CLOSED', 'the snapshot is closed');
    return pin.seq;
  }

  describe(): { seq: number; ageMs: number }[] {
    const now = this.#clock.monotonicMs();
    return [...this.#open].map(({ seq, sinceMs }) => ({ seq, ageMs: now - sinceMs }));
  }
}
