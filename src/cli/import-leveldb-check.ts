import { createHash } from 'node:crypto';
import type { Database } from '../index.js';
import { exitCodes, Failure } from './failure.js';
import type { Entry, LevelSource } from './import-leveldb-source.js';
import { startAnew } from './import-leveldb-marker.js';
import { formatCount } from './numbers.js';
import { showBytes } from './show-bytes.js';

const maxKeyBytes = 40;

/** What both sides hold. */
export interface Compared {
  readonly entries: number;
  /** SHA-256 over all entries in key order: length of the key, of the value (u32, little-endian), key, value. */
  readonly sha256: string;
}

/** Collects small pieces: a call of the hash for each costs more than the bytes. */
class EntryHash {
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(64 * 1024);
  #used = 0;

  add([key, value]: Entry): void {
    this.#room(8);
    this.#used = this.#buffer.writeUInt32LE(key.length, this.#used);
    this.#used = this.#buffer.writeUInt32LE(value.length, this.#used);
    this.#addBytes(key);
    this.#addBytes(value);
  }

  digest(): string {
    this.#room(this.#buffer.length);
    return this.#hash.digest('hex');
  }

  #addBytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    if (bytes.length > this.#buffer.length) {
      this.#hash.update(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #room(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return;
    this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

/**
 * Reads both sides through, side by side, and compares every byte.
 * @param onChunk - told how many entries are compared; throws to end it
 * @throws Failure that names the first key in which they differ
 */
export async function compare(
  source: LevelSource,
  db: Database,
  onChunk: (entries: number) => void,
): Promise<Compared> {
  const hash = new EntryHash();
  let entries = 0;
  const copies = db.entries();
  try {
    for await (const chunk of source.chunks()) {
      const copied = await copies.nextMany(chunk.length);
      for (let i = 0; i < chunk.length; i++) {
        const difference = differ(chunk[i], copied[i]);
        if (difference !== undefined) throw differs(db, entries + i, difference);
        hash.add(chunk[i]);
      }
      entries += chunk.length;
      onChunk(entries);
    }
    const [extra] = await copies.nextMany(1);
    if (extra !== undefined) throw differs(db, entries, differ(undefined, extra)!);
  } finally {
    await copies.close();
  }
  return { entries, sha256: hash.digest() };
}

/** How an entry of the source differs from that of the copy in the same place. */
function differ(mine: Entry | undefined, copy: Entry | undefined): string | undefined {
  const order = mine === undefined ? 1 : copy === undefined ? -1 : Buffer.compare(mine[0], copy[0]);
  if (order < 0) return `the key ${showBytes(mine![0], maxKeyBytes)} is missing in the copy`;
  if (order > 0) return `the copy has the key ${showBytes(copy![0], maxKeyBytes)}, the source not`;
  if (Buffer.compare(mine![1], copy![1]) === 0) return undefined;
  return `the value of ${showBytes(mine![0], maxKeyBytes)} differs`;
}

function differs(db: Database, equal: number, difference: string): Failure {
  return new Failure(
    exitCodes.damage,
    `the copy differs behind ${formatCount(equal)} entries that are equal: ${difference}; source or copy was changed meanwhile; ${startAnew(db)}`,
  );
}
