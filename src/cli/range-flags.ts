import type { RangeOptions } from '../index.js';
import { parseKeyArgument } from './bytes-format.js';
import { usage } from './failure.js';

/** The flags that name a range of keys, as text. */
export interface RangeFlags {
  readonly gt?: string;
  readonly gte?: string;
  readonly lt?: string;
  readonly lte?: string;
  readonly prefix?: string;
}

const names = ['gt', 'gte', 'lt', 'lte', 'prefix'] as const;

export function parseRange(flags: RangeFlags): RangeOptions {
  for (const [one, other] of [
    ['gt', 'gte'],
    ['lt', 'lte'],
  ] as const) {
    if (flags[one] !== undefined && flags[other] !== undefined) {
      throw usage(`give --${one} or --${other}, not both`);
    }
  }
  const given = names.filter((name) => flags[name] !== undefined);
  if (flags.prefix !== undefined && given.length > 1) {
    throw usage(`give --prefix or --${given[0]}, not both`);
  }
  return Object.fromEntries(
    given.map((name) => [name, parseKeyArgument(flags[name]!, `the key of --${name}`)]),
  );
}
