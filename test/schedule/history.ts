import type { Durability } from '../../src/index.js';
import { Mismatch } from '../model/mismatch.js';

/** The value number of each key of a universe, 0 where it has none. */
export type State = Int32Array;

/** A keyspace from when it is made until it is dropped; another one of its name is another place. */
export interface Place {
  readonly name: string;
  readonly number: number;
  /** `making` and `dropping` until that is known to be on disk. */
  status: 'making' | 'live' | 'dropping' | 'dropped';
}

export interface Write {
  readonly place: Place;
  readonly key: number;
  /** 0 deletes. */
  readonly value: number;
}

/** The writes of one call. */
export interface Batch {
  readonly writes: readonly Write[];
  /** The call was refused, so it had no effect. */
  isRefused: boolean;
}

/** Everything that was called before some moment. */
export interface Barrier {
  readonly admitted: number;
  readonly waiting: readonly Batch[];
}

/** What is known at one moment of what a crash must leave. */
export interface Promised {
  /** So many batches, counted from the beginning of the session. */
  readonly os: number;
  readonly disk: number;
  readonly places: readonly Readonly<Place>[];
}

/**
 * What a session of a database was told to do, in the order of the calls, which
 * is the order of sequence numbers. A call that waits for room comes later, but
 * never behind one that was made after it.
 */
export class History {
  readonly keys: number;
  readonly places: Place[] = [];
  /** States at the beginning of the session, by place number. */
  readonly #base: State[] = [];
  readonly #baseSeq: number;
  /** Those that have taken effect, and the sequence number that each ended with. */
  readonly #admitted: Batch[] = [];
  readonly #ends: number[] = [];
  #waiting: Batch[] = [];
  /** By place number, with all that were admitted. */
  readonly #now: State[] = [];
  #os = 0;
  #disk = 0;

  constructor(keys: number, baseSeq: number) {
    this.keys = keys;
    this.#baseSeq = baseSeq;
  }

  addPlace(name: string, status: Place['status'], state?: State): Place {
    const place: Place = { name, number: this.places.length, status };
    this.places.push(place);
    this.#base.push(state ?? new Int32Array(this.keys));
    this.#now.push(this.#base.at(-1)!.slice());
    return place;
  }

  /** The call is being made. */
  issue(writes: readonly Write[]): Batch {
    const batch: Batch = { writes, isRefused: false };
    // Nothing has no place in the order.
    if (writes.length > 0) this.#waiting.push(batch);
    return batch;
  }

  /** Calls that are not known to have had an effect. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many calls were made that may have had an effect. */
  get issued(): number {
    this.#forgetRefused();
    return this.#admitted.length + this.#waiting.length;
  }

  /** What a barrier covers that begins now. */
  get barrier(): Barrier {
    this.#forgetRefused();
    return { admitted: this.#admitted.length, waiting: this.#waiting };
  }

  /** Takes note of the newest sequence number: everything up to it has taken effect, and nothing else. */
  observe(seq: number): void {
    this.#forgetRefused();
    while (this.#waiting.length > 0 && this.#endOf(this.#waiting[0]) <= seq) {
      const batch = this.#waiting.shift()!;
      this.#ends.push(this.#endOf(batch));
      this.#admitted.push(batch);
      applyTo(this.#now, batch);
    }
    if (seq !== this.#newestSeq) {
      throw new Mismatch(`sequence number ${seq}, but calls account for ${this.#newestSeq}`);
    }
  }

  /** A copy of what a place holds now. */
  stateOf(place: Place): State {
    return this.#now[place.number].slice();
  }

  /** The same as of a sequence number, which must be the last one of a batch. */
  stateAt(place: Place, seq: number): State {
    for (const { batches, states } of this.states()) {
      if (this.seqAfter(batches) === seq) return states[place.number].slice();
    }
    throw new Mismatch(`sequence number ${seq} is not the end of a batch`);
  }

  acknowledge(batch: Batch, durability: Durability): void {
    if (batch.writes.length > 0) this.#acknowledge(this.#placeOf(batch), durability);
  }

  /** A barrier has been passed. */
  acknowledgeBarrier({ admitted, waiting }: Barrier): void {
    const last = waiting.findLast(({ isRefused }) => !isRefused);
    this.#acknowledge(last === undefined ? admitted : this.#placeOf(last), 'disk');
  }

  /** The first so many batches are that durable. */
  #acknowledge(batches: number, durability: Durability): void {
    if (durability === 'none') return;
    this.#os = Math.max(this.#os, batches);
    if (durability === 'disk') this.#disk = Math.max(this.#disk, batches);
  }

  get promised(): Promised {
    return { os: this.#os, disk: this.#disk, places: this.places.map((place) => ({ ...place })) };
  }

  /** Every state that the session went through or, where it is unknown what took effect, may have; the first is that of its beginning. */
  *states(): Generator<{ readonly batches: number; readonly states: readonly State[] }> {
    this.#forgetRefused();
    const states = this.#base.map((state) => state.slice());
    let batches = 0;
    yield { batches, states };
    for (const batch of [...this.#admitted, ...this.#waiting]) {
      applyTo(states, batch);
      yield { batches: ++batches, states };
    }
  }

  /** The sequence number after so many batches. */
  seqAfter(batches: number): number {
    this.#forgetRefused();
    const all = [...this.#admitted, ...this.#waiting].slice(0, batches);
    return all.reduce((seq, { writes }) => seq + writes.length, this.#baseSeq);
  }

  get #newestSeq(): number {
    return this.#ends.at(-1) ?? this.#baseSeq;
  }

  #endOf(batch: Batch): number {
    return this.#newestSeq + batch.writes.length;
  }

  #placeOf(batch: Batch): number {
    const at = this.#admitted.indexOf(batch);
    if (at >= 0) return at + 1;
    this.#forgetRefused();
    const waiting = this.#waiting.indexOf(batch);
    if (waiting < 0) throw new Mismatch('a refused write was acknowledged');
    return this.#admitted.length + waiting + 1;
  }

  #forgetRefused(): void {
    this.#waiting = this.#waiting.filter(({ isRefused }) => !isRefused);
  }
}

function applyTo(states: readonly State[], { writes }: Batch): void {
  for (const { place, key, value } of writes) states[place.number][key] = value;
}
