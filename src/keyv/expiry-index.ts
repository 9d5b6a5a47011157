import type { Encoding } from '../index.js';

/** When `key` expires: a key of the index, ordered by time. */
export interface Expiry {
  readonly expiresMs: number;
  readonly key: string;
}

const timeBytes = 8;

/** time (float64, big-endian, never negative: ordered as numbers are) · key. */
export const expiryEncoding: Encoding<Expiry> = {
  name: 'keyv-expiry',
  encode({ expiresMs, key }) {
    const encoded = Buffer.allocUnsafe(timeBytes + Buffer.byteLength(key));
    encoded.writeDoubleBE(expiresMs, 0);
    encoded.write(key, timeBytes);
    return encoded;
  },
  decode(encoded) {
    const buffer = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    return { expiresMs: buffer.readDoubleBE(0), key: buffer.toString('utf8', timeBytes) };
  },
};
