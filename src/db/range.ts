import { copyOf, keySuccessor, prefixSuccessor } from '../base/bytes.js';
import { invalidArgument } from '../base/errors.js';
import type { IteratorOptions, RangeOptions } from './api-types.js';
import { EncodedBytes, type KeyEncoding } from './encoding.js';
import { checkNames } from './option-names.js';

/** The keys from `lower` (inclusive) to `upper` (exclusive); undefined is unbounded. */
export interface KeyBounds {
  readonly lower: Uint8Array | undefined;
  readonly upper: Uint8Array | undefined;
}

const scratch = new EncodedBytes(1024);

const rangeNames = ['gt', 'gte', 'lt', 'lte', 'prefix'] satisfies (keyof RangeOptions)[];

/** What an iterator takes. */
export const iteratorNames: readonly string[] = [
  ...rangeNames,
  'reverse',
  'limit',
  'signal',
  'snapshot',
  'stayOpen',
] satisfies (keyof IteratorOptions)[];

/** A copy of the key's bytes. @throws LsmError `LSM_INVALID_ARGUMENT`, `LSM_TOO_LARGE` */
export function ownKey(key: unknown, encoding: KeyEncoding): Uint8Array {
  scratch.setKey(key, encoding);
  return copyOf(scratch.view());
}

/**
 * Turns the bounds of a range into one form.
 * @throws LsmError `LSM_INVALID_ARGUMENT` when bounds exclude each other
 */
export function resolveRange(
  range: RangeOptions<unknown>,
  encoding: KeyEncoding,
  names: readonly string[] = rangeNames,
): KeyBounds {
  checkNames(range, names, 'a range');
  const { gt, gte, lt, lte, prefix } = range;
  if (gt !== undefined && gte !== undefined) {
    throw invalidArgument('a range takes gt or gte, not both');
  }
  if (lt !== undefined && lte !== undefined) {
    throw invalidArgument('a range takes lt or lte, not both');
  }
  if (prefix !== undefined) {
    if ([gt, gte, lt, lte].some((bound) => bound !== undefined)) {
      throw invalidArgument('a range takes a prefix or bounds, not both');
    }
    // Bytes that keys begin with: not a key.
    const lower = ownKey(prefix, 'view');
    return { lower, upper: prefixSuccessor(lower) };
  }
  const at = (key: unknown): Uint8Array => ownKey(key, encoding);
  const above = (key: unknown): Uint8Array => keySuccessor(at(key));
  const lower = gte !== undefined ? at(gte) : gt !== undefined ? above(gt) : undefined;
  const upper = lt !== undefined ? at(lt) : lte !== undefined ? above(lte) : undefined;
  return { lower, upper };
}

/** Checks an iterator's limit. @throws LsmError `LSM_INVALID_ARGUMENT` */
export function resolveLimit(limit: number | undefined): number {
  if (limit === undefined || limit === -1 || limit === Infinity) return Infinity;
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw invalidArgument(`limit must be an integer of at least 0, Infinity or -1, not ${limit}`);
  }
  return limit;
}
