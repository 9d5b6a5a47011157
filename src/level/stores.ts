import type { Database, Keyspace } from '../index.js';
import { Turns } from './turns.js';

/** How abstract-level hands keys and values over, in and out. */
export type Format = 'utf8' | 'buffer' | 'view';

export type Input = string | Uint8Array;

/** The default keyspace, once for each form in which keys and values come out; either form goes in. */
export interface Stores {
  readonly database: Database<string, string>;
  /** Strings for both. */
  readonly texts: Keyspace<string, string>;
  /** Bytes for both. */
  readonly bytes: Keyspace<Uint8Array, Uint8Array>;
  /** String keys, values in bytes. */
  readonly textKeys: Keyspace<string, Uint8Array>;
  /** Keys in bytes, string values. */
  readonly textValues: Keyspace<Uint8Array, string>;
  /** Shared by all reads. */
  readonly turns: Turns;
}

export async function makeStores(database: Database<string, string>): Promise<Stores> {
  const { name } = database;
  return {
    database,
    texts: database,
    bytes: await database.keyspace(name, { keyEncoding: 'view', valueEncoding: 'view' }),
    textKeys: await database.keyspace(name, { valueEncoding: 'view' }),
    textValues: await database.keyspace(name, { keyEncoding: 'view' }),
    turns: new Turns(),
  };
}

/** abstract-level lets any view through as bytes, we take Uint8Arrays. */
export function toInput(data: unknown): Input {
  if (typeof data === 'string') return data;
  return ArrayBuffer.isView(data) && !(data instanceof Uint8Array)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : (data as Input);
}

/** The same memory as a Buffer. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where keys and values come out in these formats, but that `view` may stand for `buffer`. */
export function storeFor(
  stores: Stores,
  keyFormat: Format,
  valueFormat: Format,
): Keyspace<unknown, unknown> {
  const { texts, bytes, textKeys, textValues } = stores;
  const store =
    keyFormat === 'utf8'
      ? valueFormat === 'utf8'
        ? texts
        : textKeys
      : valueFormat === 'utf8'
        ? textValues
        : bytes;
  return store as Keyspace<unknown, unknown>;
}
