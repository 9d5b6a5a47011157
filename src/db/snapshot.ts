import { LsmError } from '../base/errors.js';
import type { Clock } from '../base/clock.js';

/**
 * A frozen view of the database: reads that name it see the state of the moment
 * it was made. It holds no data; it keeps compactions from dropping versions
 * that it sees, so close it when done. Closing the database closes it too.
 */
export class Snapshot {
  /** The newest sequence number that it sees. */
  readonly seq: number;
  readonly #owner: SnapshotList;

  /** @internal Made by `Database.snapshot()`. */
  constructor(owner: SnapshotList, seq: number) {
    this.#owner = owner;
    this.seq = seq;
  }

  get isClosed(): boolean {
    return !this.#owner.has(this);
  }

  /** Lets compactions drop what only this snapshot saw. Closing twice is fine. */
  close(): void {
    this.#owner.remove(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal True when `owner` made it. */
  belongsTo(owner: SnapshotList): boolean {
    return this.#owner === owner;
  }
}

/** The open snapshots of a database. */
export class SnapshotList {
  readonly #clock: Clock;
  readonly #since = new Map<Snapshot, number>();
  #onRemoved: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called after a snapshot is closed: garbage it pinned may now go. */
  set onRemoved(listener: () => void) {
    this.#onRemoved = listener;
  }

  add(seq: number): Snapshot {
    const snapshot = new Snapshot(this, seq);
    this.#since.set(snapshot, this.#clock.monotonicMs());
    return snapshot;
  }

  has(snapshot: Snapshot): boolean {
    return this.#since.has(snapshot);
  }

  remove(snapshot: Snapshot): void {
    if (this.#since.delete(snapshot)) this.#onRemoved();
  }

  clear(): void {
    this.#since.clear();
  }

  /** Distinct sequence numbers, ascending: what compactions must keep visible. */
  seqs(): number[] {
    const seqs = new Set<number>();
    for (const snapshot of this.#since.keys()) seqs.add(snapshot.seq);
    return [...seqs].sort((a, b) => a - b);
  }

  /** @throws LsmError `LSM_INVALID_ARGUMENT` for a snapshot of another database, `LSM_CLOSED` for a closed one. */
  check(snapshot: Snapshot): number {
    if (!(snapshot instanceof Snapshot) || !snapshot.belongsTo(this)) {
      throw new LsmError('LSM_INVALID_ARGUMENT', 'the snapshot belongs to another database');
    }
    if (!this.has(snapshot)) throw new LsmError('LSM_CLOSED', 'the snapshot is closed');
    return snapshot.seq;
  }

  describe(): { seq: number; ageMs: number }[] {
    const now = this.#clock.monotonicMs();
    return [...this.#since].map(([snapshot, since]) => ({ seq: snapshot.seq, ageMs: now - since }));
  }
}
