import { emptyBytes } from './bytes.js';
import { kindDelete, kindPut, type EntryKind } from './internal-key.js';

/** One version of one key. A tombstone (`kind` 1) has an empty value. */
export interface Entry {
  /** Bytes of the key. */
  readonly key: Uint8Array;
  /** Number of the write: newer versions have higher ones. */
  readonly seq: number;
  /** `kindPut`, or `kindDelete` for a tombstone. */
  readonly kind: EntryKind;
  /** Bytes of the value; empty in a tombstone. */
  readonly value: Uint8Array;
}

function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data;
}

/**
 * Makes entries. Bytes that are passed in are referenced, not copied; strings
 * are encoded as UTF-8. `seq` defaults to 0, which is right for tables used
 * alone, where each key stands once.
 */
export const Entry: {
  /** An entry with a value. */
  readonly put: (key: string | Uint8Array, value: string | Uint8Array, seq?: number) => Entry;
  /** A tombstone. */
  readonly delete: (key: string | Uint8Array, seq?: number) => Entry;
} = {
  put: (key, value, seq = 0) => ({
    key: toBytes(key),
    seq,
    kind: kindPut,
    value: toBytes(value),
  }),
  delete: (key, seq = 0) => ({ key: toBytes(key), seq, kind: kindDelete, value: emptyBytes }),
};
