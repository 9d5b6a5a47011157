import { isLsmError } from '../../src/base/errors.js';
import type { Prng } from '../../src/base/prng.js';
import type { AsyncEntryIterator, SyncEntryIterator } from '../../src/index.js';
import type { IteratorOptions } from '../../src/index.js';
import { isValueOf, type Universe } from '../support/universe.js';
import { Mismatch } from './mismatch.js';
import { ModelIterator, type KeySpan, type State } from './model.js';
import type { Form, Place } from './place.js';

export interface OpenIteratorOptions {
  /** Its own copy. */
  readonly state: State;
  readonly span: KeySpan;
  readonly range: IteratorOptions<unknown>;
  readonly reverse: boolean;
  readonly limit: number;
  readonly isSync: boolean;
  readonly part: 'entries' | 'keys' | 'values';
}

type EitherIterator = SyncEntryIterator<unknown, unknown> | AsyncEntryIterator<unknown, unknown>;
type Entry = readonly [key: Uint8Array | undefined, value: Uint8Array | undefined];

/** An iterator of the database and one of the model, walking side by side while the database changes. */
export class OpenIterator {
  /** Number of the key returned last, -1 at the end. */
  lastKey = -2;
  #returned = 0;
  readonly #universe: Universe;
  readonly #model: ModelIterator;
  readonly #options: OpenIteratorOptions;
  readonly #iterator: EitherIterator;
  readonly #form: Form;

  constructor({ keyspace, form }: Place, universe: Universe, options: OpenIteratorOptions) {
    const { state, span, range, reverse, limit, isSync, part } = options;
    this.#universe = universe;
    this.#form = form;
    this.#options = options;
    this.#model = new ModelIterator(universe, state, span, { reverse, limit });
    const method = isSync ? (`${part}Sync` as const) : part;
    this.#iterator = keyspace[method]({ ...range, reverse, limit });
  }

  /** Makes one call; false when the iterator is done with. */
  async step(random: Prng): Promise<boolean> {
    const choice = random.below(20);
    if (choice === 0) {
      await this.#iterator.close();
      await this.checkClosed();
      return false;
    }
    if (choice < 5) {
      const key = this.#universe.nearKey(random);
      this.#iterator.seek(this.#form.keyIn(key));
      this.#model.seek(key);
      return true;
    }
    if (choice < 10) return this.takeMany(1 + random.below(30));
    const { done, value } = await this.#iterator.next();
    this.#checkNext(done === true ? undefined : this.#entryOf(value));
    if (done !== true && !this.#isExhausted) return true;
    await this.checkClosed();
    return false;
  }

  /** An iterator that its user closed, or that came to its end, is at its end. */
  async checkClosed(): Promise<void> {
    const { done } = await this.#iterator.next();
    if (done !== true) throw new Mismatch('a closed iterator returned an entry');
  }

  /** One that was closed with its keyspace or its database says so: it must not look like the end. */
  async checkClosedEarly(): Promise<void> {
    try {
      await this.#iterator.next();
    } catch (error) {
      if (isLsmError(error, 'LSM_CLOSED')) return;
      throw error;
    }
    throw new Mismatch('an iterator of what is closed looks ended');
  }

  /** Up to `count` entries; false when the iterator is done with. */
  async takeMany(count: number): Promise<boolean> {
    const found = await this.#iterator.nextMany(count);
    if (found.length > count) throw new Mismatch('nextMany returned more than was asked for');
    for (const value of found) this.#checkNext(this.#entryOf(value));
    if (this.#isExhausted) return false;
    if (found.length === count) return true;
    this.#checkNext(undefined);
    return false;
  }

  /** With the last entry that its limit allows, an iterator has come to its end. */
  get #isExhausted(): boolean {
    return this.#returned >= this.#options.limit;
  }

  #entryOf(value: unknown): Entry {
    const { part } = this.#options;
    const { keyOut, valueOut } = this.#form;
    if (part === 'keys') return [keyOut(value), undefined];
    if (part === 'values') return [undefined, valueOut(value)];
    const [key, stored] = value as [unknown, unknown];
    return [keyOut(key), valueOut(stored)];
  }

  #checkNext(found: Entry | undefined): void {
    const expected = this.#model.next();
    this.lastKey = expected;
    if (expected < 0) {
      if (found !== undefined) throw this.#mismatch('returned an entry past its end', found[0]);
      return;
    }
    if (found === undefined) throw this.#mismatch(`ended before key ${expected}`, undefined);
    this.#returned++;
    const [key, value] = found;
    if (key !== undefined && Buffer.compare(key, this.#universe.keys[expected]) !== 0) {
      throw this.#mismatch(`is not at key ${expected}`, key);
    }
    if (value !== undefined && !isValueOf(this.#model.valueAt(expected), value)) {
      throw this.#mismatch(`has another value at key ${expected}`, key);
    }
  }

  #mismatch(what: string, key: Uint8Array | undefined): Mismatch {
    const { span, reverse, limit, isSync, part } = this.#options;
    const shown = JSON.stringify({ span, reverse, limit, isSync, part });
    const where = key === undefined ? '' : ` (stands at key ${this.#universe.lowerBound(key)})`;
    return new Mismatch(`an iterator ${shown} ${what}${where}`);
  }
}
