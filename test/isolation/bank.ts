import type { Prng } from '../../src/base/prng.js';
import type { BatchOperation, Database, Keyspace } from '../../src/index.js';

/** Keys and values are text here: `account:0007` → `1000 #3 ~~~~`. */
export type BankDatabase = Database<string, string>;
export type BankKeyspace = Keyspace<string, string>;

export const keyspaceNames: readonly string[] = ['default', 'savings', 'loans'];
export const accountsPerKeyspace = 30;
export const accounts: number = keyspaceNames.length * accountsPerKeyspace;
const openingBalance = 1000;
/** What all accounts together hold, always. */
export const total: number = accounts * openingBalance;

/**
 * All accounts at one moment, by number: account n is key n % 30 of keyspace
 * floor(n / 30). Stamp 0: it is closed, and its key absent.
 */
export interface Moment {
  readonly balances: Int32Array;
  /** Which transfer has written it last. */
  readonly stamps: Int32Array;
}

export function keyOf(account: number): string {
  return `account:${String(account % accountsPerKeyspace).padStart(4, '0')}`;
}

export function placeOf(account: number): number {
  return Math.floor(account / accountsPerKeyspace);
}

const filler = '~'.repeat(1500);

/** The value of an account at a moment; undefined when it is closed. */
export function valueAt(moment: Moment, account: number): string | undefined {
  const stamp = moment.stamps[account];
  if (stamp === 0) return undefined;
  const length = (Math.imul(stamp, 0x9e37_79b1) >>> 0) % (stamp % 7 === 0 ? 1500 : 300);
  return `${moment.balances[account]} #${stamp} ${filler.slice(0, length)}`;
}

export function balanceOf(value: string | undefined): number {
  return value === undefined ? 0 : Number(value.slice(0, value.indexOf(' ')));
}

/** An operation of a transfer, before it is known on whose handle it is made. */
export type Operation = BatchOperation<string, string>;

/** The accounts as they are to be: every transfer changes them the moment it is called. */
export class Bank {
  transfers = 0;
  readonly #balances = new Int32Array(accounts).fill(openingBalance);
  readonly #stamps = new Int32Array(accounts);

  /** All accounts opened, one batch for each keyspace. */
  *open(keyspaces: readonly BankKeyspace[]): Generator<Operation[]> {
    for (let place = 0; place < keyspaces.length; place++) {
      const stamp = ++this.transfers;
      const first = place * accountsPerKeyspace;
      this.#stamps.fill(stamp, first, first + accountsPerKeyspace);
      const moment = this.now();
      yield Array.from({ length: accountsPerKeyspace }, (_, i) =>
        this.#operation(moment, first + i, keyspaces),
      );
    }
  }

  /** The state as it is now, kept. */
  now(): Moment {
    return { balances: this.#balances.slice(), stamps: this.#stamps.slice() };
  }

  /** Whether an account has been emptied, and so deleted. */
  isClosed(account: number): boolean {
    return this.#stamps[account] === 0;
  }

  /** Moves money from one account to up to three others, of any keyspaces, as one batch. */
  transfer(random: Prng, keyspaces: readonly BankKeyspace[]): Operation[] {
    const stamp = ++this.transfers;
    const from = random.below(accounts);
    const changed = new Set([from]);
    const operations: Operation[] = [];
    for (let others = 1 + random.below(3); others > 0; others--) {
      const to = random.below(accounts);
      const available = this.#balances[from];
      // Now and then all of it: then the account is closed.
      const amount = random.chance(0.15) ? available : random.below(available + 1);
      this.#balances[from] -= amount;
      this.#balances[to] += amount;
      changed.add(to);
      if (random.chance(0.1)) {
        // Written twice in one batch: the last counts.
        const keyspace = keyspaces[placeOf(to)];
        operations.push({ type: 'put', key: keyOf(to), value: '999999 #0 wrong', keyspace });
      }
    }
    for (const account of changed) {
      this.#stamps[account] = this.#balances[account] === 0 ? 0 : stamp;
    }
    const moment: Moment = { balances: this.#balances, stamps: this.#stamps };
    for (const account of changed) operations.push(this.#operation(moment, account, keyspaces));
    return operations;
  }

  #operation(moment: Moment, account: number, keyspaces: readonly BankKeyspace[]): Operation {
    const keyspace = keyspaces[placeOf(account)];
    const value = valueAt(moment, account);
    const key = keyOf(account);
    return value === undefined
      ? { type: 'delete', key, keyspace }
      : { type: 'put', key, value, keyspace };
  }
}

/** Every entry of a keyspace at a moment, between two account numbers (inclusive) of it. */
export function entriesAt(
  moment: Moment,
  place: number,
  isReverse: boolean,
  first = 0,
  last: number = accountsPerKeyspace - 1,
): [string, string][] {
  const entries: [string, string][] = [];
  for (let i = first; i <= last; i++) {
    const account = place * accountsPerKeyspace + i;
    const value = valueAt(moment, account);
    if (value !== undefined) entries.push([keyOf(account), value]);
  }
  return isReverse ? entries.reverse() : entries;
}

/** `expect(a).toEqual(b)` for inner loops; a long value is cut. */
export function mustBe(actual: unknown, expected: unknown, what: string): void {
  if (actual === expected) return;
  const shown = (value: unknown): string => String(value).slice(0, 60);
  throw new Error(`${what}: got ${shown(actual)}, expected ${shown(expected)}`);
}
