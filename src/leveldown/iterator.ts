import { AbstractIterator, type Callback } from 'abstract-leveldown';
import type { NoriLevel } from '../level.js';
import { callBack } from './callbacks.js';
import { rangeOf, type Range } from './range.js';
import type { Data } from './types.js';

/** `next` reads so many entries ahead at most. */
const mostAhead = 1000;

/** As abstract-leveldown has set them. */
interface GivenOptions extends Range {
  readonly reverse: boolean;
  readonly limit: number;
  readonly keys: boolean;
  readonly values: boolean;
  readonly keyAsBuffer: boolean;
  readonly valueAsBuffer: boolean;
}

/** What we use of NoriLevel's iterator. */
interface Entries {
  nextv(size: number): Promise<[Data | undefined, Data | undefined][]>;
  seek(target: Data): void;
  close(): Promise<void>;
}

/** Entries of one moment, read ahead. */
export class Iterator extends AbstractIterator {
  readonly #entries: Entries;
  /** What stands for keys or values that were not asked for; both undefined would mean the end. */
  readonly #noKey: Data;
  readonly #noValue: Data;
  /** How many more may be given. */
  #left: number;
  #ahead: [Data | undefined, Data | undefined][] = [];
  #at = 0;
  /** Entries to read when the next one is asked for: 1, then twice as many each time. */
  #count = 1;

  constructor(db: object, level: NoriLevel, options: GivenOptions) {
    super(db);
    const { reverse, keys, values, keyAsBuffer, valueAsBuffer } = options;
    this.#left = options.limit < 0 ? Infinity : options.limit;
    this.#noKey = keyAsBuffer ? Buffer.alloc(0) : '';
    this.#noValue = valueAsBuffer ? Buffer.alloc(0) : '';
    // The limit is kept here: what is read ahead and dropped by a seek does not count.
    this.#entries = level.iterator<Data, Data>({
      ...rangeOf(options),
      reverse,
      keys,
      values,
      keyEncoding: keyAsBuffer ? 'buffer' : 'utf8',
      valueEncoding: valueAsBuffer ? 'buffer' : 'utf8',
    });
  }

  protected override _next(callback: Callback): void {
    if (this.#left <= 0) process.nextTick(callback);
    else if (this.#at < this.#ahead.length) process.nextTick(callback, null, ...this.#take());
    else
      callBack(
        callback,
        () => this.#read(),
        () => this.#take(),
      );
  }

  protected override _seek(target: Data): void {
    this.#ahead = [];
    this.#at = 0;
    this.#count = 1;
    this.#entries.seek(target);
  }

  protected override _end(callback: Callback): void {
    this.#ahead = [];
    callBack(callback, () => this.#entries.close());
  }

  /** Key and value of the next entry read ahead; nothing at the end. */
  #take(): Data[] {
    const entry = this.#ahead[this.#at++] as [Data | undefined, Data | undefined] | undefined;
    if (entry === undefined) return [];
    this.#left--;
    return [entry[0] ?? this.#noKey, entry[1] ?? this.#noValue];
  }

  async #read(): Promise<void> {
    this.#ahead = await this.#entries.nextv(Math.min(this.#count, this.#left));
    this.#count = Math.min(this.#count * 2, mostAhead);
    this.#at = 0;
  }
}
