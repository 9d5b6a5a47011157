import type { Encoding } from '../index.js';

/** What stands under a key. */
export interface StoredRecord {
  /** Milliseconds since the epoch, or `never`. */
  readonly expiresMs: number;
  /** Keyv gives strings; without its serialization, anything that JSON can say, or bytes. */
  readonly value: unknown;
}

/** When what has no ttl expires. */
export const never = Infinity;

export function isExpired({ expiresMs }: StoredRecord, nowMs: number): boolean {
  return nowMs > expiresMs;
}

const text = 0;
const bytes = 1;
const json = 2;
const headBytes = 9;

/** expiry (float64, big-endian) · form (1 byte: text, bytes, JSON) · value. */
export const recordEncoding: Encoding<StoredRecord> = {
  name: 'keyv-record',
  encode({ expiresMs, value }) {
    const [form, payload] = payloadOf(value);
    const encoded = Buffer.allocUnsafe(headBytes + payload.length);
    encoded.writeDoubleBE(expiresMs, 0);
    encoded[headBytes - 1] = form;
    encoded.set(payload, headBytes);
    return encoded;
  },
  decode(encoded) {
    const buffer = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    return { expiresMs: buffer.readDoubleBE(0), value: valueOf(buffer) };
  },
};

function payloadOf(value: unknown): [form: number, payload: Uint8Array] {
  if (typeof value === 'string') return [text, Buffer.from(value)];
  if (value instanceof Uint8Array) return [bytes, value];
  const said = JSON.stringify(value) as string | undefined;
  if (said === undefined) throw new TypeError(`cannot store a value of type ${typeof value}`);
  return [json, Buffer.from(said)];
}

function valueOf(record: Buffer): unknown {
  if (record[headBytes - 1] === bytes) return record.subarray(headBytes);
  const said = record.toString('utf8', headBytes);
  return record[headBytes - 1] === text ? said : JSON.parse(said);
}
