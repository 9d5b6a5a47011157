import { toInput, type Input } from './stores.js';

/** As abstract-level hands it over: encoded; `gte` goes before `gt`, `lte` before `lt`. */
export interface Range {
  readonly gt?: unknown;
  readonly gte?: unknown;
  readonly lt?: unknown;
  readonly lte?: unknown;
}

/** The bounds of a range as we take them. */
export function boundsOf({ gt, gte, lt, lte }: Range): {
  gt?: Input;
  gte?: Input;
  lt?: Input;
  lte?: Input;
} {
  return {
    ...(gte !== undefined ? { gte: toInput(gte) } : gt !== undefined ? { gt: toInput(gt) } : {}),
    ...(lte !== undefined ? { lte: toInput(lte) } : lt !== undefined ? { lt: toInput(lt) } : {}),
  };
}

export function isWithin(key: Input, range: Range): boolean {
  const { gt, gte, lt, lte } = boundsOf(range);
  if (gte !== undefined ? compare(key, gte) < 0 : gt !== undefined && compare(key, gt) <= 0)
    return false;
  return lte !== undefined ? compare(key, lte) <= 0 : lt === undefined || compare(key, lt) < 0;
}

/** In the order of the stored bytes: strings by their UTF-8. */
function compare(a: Input, b: Input): number {
  return Buffer.compare(bytesOf(a), bytesOf(b));
}

function bytesOf(key: Input): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : key;
}
