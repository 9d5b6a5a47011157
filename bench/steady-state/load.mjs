// What is done to the database.
import { Random } from '../amplification/random.mjs';
import { keyBytes, makeValues, workloads, writeKey } from '../amplification/workloads.mjs';
import { Latencies } from './latencies.mjs';

const callsPerRound = 50;
/** As a server would: the event loop turns at least so often. */
const turnMs = 1;

/**
 * Rounds of 50 calls, one after the other: half of the gets are `getSync`, half
 * an awaited `get`; then the puts of the round, awaited together. Every call is
 * timed on its own; that of a put ends when it is acknowledged.
 */
export class Load {
  gets = new Latencies();
  puts = new Latencies();
  #db;
  #entries;
  #next;
  #random = new Random(1);
  #values = makeValues();
  #getsPerRound;
  #key = new Uint8Array(keyBytes);

  constructor(db, entries, workload, readShare) {
    this.#db = db;
    this.#entries = entries;
    this.#next = workloads[workload](entries, this.#random);
    this.#getsPerRound = Math.round(callsPerRound * readShare);
  }

  /** Every entry once, in scattered order. */
  async fill() {
    const beginMs = performance.now();
    const batch = Array.from({ length: 1000 }, () => ({
      type: 'put',
      key: new Uint8Array(keyBytes),
      value: this.#values[0],
    }));
    for (let i = 0; i < this.#entries; i += batch.length) {
      for (let j = 0; j < batch.length; j++) {
        writeKey(batch[j].key, i + j);
        batch[j].value = this.#value();
      }
      await this.#db.batch(batch);
    }
    return (performance.now() - beginMs) / 1000;
  }

  /** For so many seconds; `onSecond` is called after each. */
  async run(seconds, onSecond) {
    const beginMs = performance.now();
    let turnedMs = beginMs;
    for (let elapsed = 0; elapsed < seconds;) {
      await this.#round();
      const now = performance.now();
      if (now - turnedMs < turnMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnedMs = performance.now();
      if (turnedMs - beginMs < (elapsed + 1) * 1000) continue;
      // After a pause of the whole machine there is one sample for several seconds.
      elapsed = Math.floor((turnedMs - beginMs) / 1000);
      onSecond(elapsed);
    }
  }

  async #round() {
    const db = this.#db;
    const key = this.#key;
    const { gets } = this;
    for (let i = 0; i < this.#getsPerRound; i++) {
      writeKey(key, this.#next());
      const beginMs = performance.now();
      const value = i % 2 === 0 ? db.getSync(key) : await db.get(key);
      gets.add(performance.now() - beginMs);
      if (value === undefined) throw new Error('an entry is gone');
    }
    const pending = [];
    for (let i = this.#getsPerRound; i < callsPerRound; i++) pending.push(this.#put());
    await Promise.all(pending);
  }

  async #put() {
    const key = writeKey(new Uint8Array(keyBytes), this.#next());
    const value = this.#value();
    const beginMs = performance.now();
    await this.#db.put(key, value);
    this.puts.add(performance.now() - beginMs);
  }

  #value() {
    return this.#values[this.#random.below(this.#values.length)];
  }
}
