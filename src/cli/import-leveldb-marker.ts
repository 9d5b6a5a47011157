import type { ChainedBatch, Database, Keyspace, KeyInput } from '../index.js';
import { exitCodes, Failure } from './failure.js';

/*
 * How far an import has come stands in the target itself, in a keyspace that is
 * dropped at the end. It is written in the batch that holds the entries it tells
 * of, so that whatever a crash leaves, both are of one moment.
 */
const keyspaceName = 'import-leveldb';
const progressKey = 'progress';

/** What has been copied. */
export interface Copied {
  readonly entries: number;
  /** Of keys and values. */
  readonly bytes: number;
  readonly lastKey?: Uint8Array;
  /** Nothing is left to copy; what is left is to compare. */
  readonly isAll: boolean;
}

const nothing: Copied = { entries: 0, bytes: 0, isAll: false };

export class ImportMarker {
  readonly #db: Database;
  readonly #keyspace: Keyspace;
  /** As of the last import, if one was interrupted. */
  readonly start: Copied;

  private constructor(db: Database, keyspace: Keyspace, start: Copied) {
    this.#db = db;
    this.#keyspace = keyspace;
    this.start = start;
  }

  /** @throws Failure when the database holds anything but an import that was interrupted */
  static async find(db: Database): Promise<ImportMarker> {
    const others = db.keyspaces().filter((name) => name !== 'default' && name !== keyspaceName);
    const isNew = !db.keyspaces().includes(keyspaceName);
    if (others.length > 0 || (isNew && hasEntries(db))) throw notEmpty(db);
    const keyspace = await db.keyspace(keyspaceName);
    const entry = await keyspace.getEntry(progressKey);
    if (entry === undefined) {
      if (hasEntries(db) || hasEntries(keyspace)) throw notEmpty(db);
      return new ImportMarker(db, keyspace, nothing);
    }
    // The marker was the last operation of the last batch: anything newer is not ours.
    if (newestSeq(db) !== entry.seq) {
      throw new Failure(
        exitCodes.cannotCreate,
        `${db.path} was written to after its import was interrupted; ${startAnew(db)}`,
      );
    }
    return new ImportMarker(db, keyspace, decode(entry.value));
  }

  /** Adds to `batch`, as its last operation, how far it brings the import. */
  add(batch: ChainedBatch<KeyInput, KeyInput>, copied: Copied): void {
    batch.put(progressKey, encode(copied), { keyspace: this.#keyspace });
  }

  /** The import is complete; settles when that is on disk. */
  async remove(): Promise<void> {
    await this.#db.sync();
    await this.#db.dropKeyspace(keyspaceName);
  }
}

/** What to do where an import cannot go on. */
export function startAnew(db: Database): string {
  return `to begin anew, remove it: 'nori destroy ${db.path}'`;
}

function notEmpty(db: Database): Failure {
  return new Failure(
    exitCodes.cannotCreate,
    `${db.path} is not empty; import into a new database, or remove it: 'nori destroy ${db.path}'`,
  );
}

function hasEntries(keyspace: Keyspace): boolean {
  const keys = keyspace.keysSync({ limit: 1 });
  return [...keys].length > 0;
}

function newestSeq(db: Database): number {
  const snapshot = db.snapshot();
  const { seq } = snapshot;
  snapshot.close();
  return seq;
}

function encode({ lastKey, ...copied }: Copied): string {
  const key = lastKey === undefined ? undefined : Buffer.from(lastKey).toString('base64');
  return JSON.stringify({ ...copied, lastKey: key });
}

function decode(value: Uint8Array): Copied {
  const { lastKey, ...copied } = JSON.parse(Buffer.from(value).toString()) as Omit<
    Copied,
    'lastKey'
  > & { readonly lastKey?: string };
  return lastKey === undefined ? copied : { ...copied, lastKey: Buffer.from(lastKey, 'base64') };
}
