import type { Data } from './types.js';

/** As abstract-leveldown hands it over. */
export interface Range {
  readonly gt?: Data;
  readonly gte?: Data;
  readonly lt?: Data;
  readonly lte?: Data;
}

/** What of it counts: an empty bound is none. */
export function rangeOf({ gt, gte, lt, lte }: Range): Range {
  return {
    ...(isBound(gte) ? { gte } : isBound(gt) ? { gt } : {}),
    ...(isBound(lte) ? { lte } : isBound(lt) ? { lt } : {}),
  };
}

function isBound(key: Data | undefined): boolean {
  return key !== undefined && key.length > 0;
}
