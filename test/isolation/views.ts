import type { Prng } from '../../src/base/prng.js';
import type { AsyncEntryIterator, Snapshot, SyncEntryIterator } from '../../src/index.js';
import {
  accounts,
  accountsPerKeyspace,
  balanceOf,
  entriesAt,
  keyOf,
  mustBe,
  placeOf,
  total,
  valueAt,
  type BankKeyspace,
  type Moment,
} from './bank.js';

type Pair = [string, string];

/** An iterator that is used little by little, and what it must give: the moment at which it was made. */
export class LongIterator {
  /** Entries compared. */
  compared = 0;
  isOver = false;
  readonly #expected: Pair[];
  readonly #async: AsyncEntryIterator<Pair, string> | undefined;
  readonly #sync: SyncEntryIterator<Pair, string> | undefined;
  readonly #what: string;
  #at = 0;

  constructor(
    random: Prng,
    keyspace: BankKeyspace,
    place: number,
    moment: Moment,
    snapshot: Snapshot<string, string> | undefined,
  ) {
    const reverse = random.chance(0.5);
    const first = random.chance(0.6) ? 0 : random.below(accountsPerKeyspace);
    const last = first + random.below(accountsPerKeyspace - first);
    const isWhole = first === 0 && random.chance(0.7);
    this.#expected = isWhole
      ? entriesAt(moment, place, reverse)
      : entriesAt(moment, place, reverse, first, last);
    const range = isWhole ? {} : { gte: keyOf(first), lte: keyOf(last) };
    const options = { ...range, reverse, snapshot };
    const isAsync = random.chance(0.6);
    this.#what = `${isAsync ? 'async' : 'sync'} iterator${reverse ? ' in reverse' : ''}`;
    if (isAsync) this.#async = keyspace.entries(options);
    else this.#sync = keyspace.entriesSync(options);
  }

  /** Compares the next `count` entries, or what is left. */
  async advance(count: number, inGroups: boolean): Promise<void> {
    if (this.isOver) return;
    if (this.#async !== undefined && inGroups) {
      const pairs = await this.#async.nextMany(count);
      for (const pair of pairs) this.#compare(pair);
      if (pairs.length < count) this.#end();
      return;
    }
    for (let i = 0; i < count; i++) {
      const next = this.#async === undefined ? this.#sync!.next() : await this.#async.next();
      if (next.done === true) return this.#end();
      this.#compare(next.value);
    }
  }

  async close(): Promise<void> {
    this.isOver = true;
    await this.#async?.close();
    this.#sync?.close();
  }

  #compare([key, value]: Pair): void {
    const [expectedKey, expectedValue] = this.#expected[this.#at++] ?? ['the end', ''];
    mustBe(key, expectedKey, `${this.#what}, entry ${this.#at}`);
    mustBe(value, expectedValue, `${this.#what}, ${key}`);
    this.compared++;
  }

  #end(): void {
    this.isOver = true;
    mustBe(this.#at, this.#expected.length, `${this.#what}: entries at its end`);
  }
}

/** Reads all accounts of a snapshot, in a way that the seed chooses; they must be those of its moment. */
export async function checkSnapshot(
  random: Prng,
  snapshot: Snapshot<string, string>,
  keyspaces: readonly BankKeyspace[],
  moment: Moment,
): Promise<void> {
  let sum = 0;
  const see = (account: number, value: string | undefined): void => {
    mustBe(value, valueAt(moment, account), `snapshot, account ${account}`);
    sum += balanceOf(value);
  };
  for (let place = 0; place < keyspaces.length; place++) {
    const keyspace = keyspaces[place];
    const first = place * accountsPerKeyspace;
    const keys = Array.from({ length: accountsPerKeyspace }, (_, i) => keyOf(first + i));
    switch (random.below(5)) {
      case 0:
        (await keyspace.getMany(keys, { snapshot })).forEach((value, i) => see(first + i, value));
        break;
      case 1:
        keyspace.getManySync(keys, { snapshot }).forEach((value, i) => see(first + i, value));
        break;
      case 2:
        for (let i = 0; i < keys.length; i++) {
          see(first + i, await keyspace.get(keys[i], { snapshot }));
        }
        break;
      default: {
        const reverse = random.chance(0.5);
        const expected = entriesAt(moment, place, reverse);
        const found: Pair[] = [];
        if (random.chance(0.5)) {
          for await (const pair of keyspace.entries({ snapshot, reverse })) found.push(pair);
        } else found.push(...keyspace.entriesSync({ snapshot, reverse }));
        mustBe(found.map(String).join(), expected.map(String).join(), 'scan of a snapshot');
        for (const [, value] of found) sum += balanceOf(value);
      }
    }
  }
  mustBe(sum, total, 'total of a snapshot');
}

/** All accounts of the newest state, read before the event loop turns. */
export function checkNow(keyspaces: readonly BankKeyspace[], moment: Moment): void {
  let sum = 0;
  for (let account = 0; account < accounts; account++) {
    const value = keyspaces[placeOf(account)].getSync(keyOf(account));
    mustBe(value, valueAt(moment, account), `account ${account}`);
    sum += balanceOf(value);
  }
  mustBe(sum, total, 'total');
}
