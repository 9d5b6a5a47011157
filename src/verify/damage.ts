import { describeFlip, type ChecksumDamage, type LsmError } from '../base/errors.js';

/** One place that is damaged. */
export interface Damage {
  /** Path of the file. */
  readonly file: string;
  /** Byte offset, where it is known: not of a file that is missing. */
  readonly offset: number | undefined;
  /** What is wrong there, and what it means. */
  readonly what: string;
  /** Of a checksum that does not match: what it should be, and whether one flipped bit explains it. */
  readonly checksum: ChecksumDamage | undefined;
  /** The keyspace whose keys may be affected; undefined where that is not known, or it may be any. */
  readonly keyspace: string | undefined;
  /** Keys that may be affected, both inclusive; undefined where that is not known. */
  readonly smallest: Uint8Array | undefined;
  /** The last of them. */
  readonly largest: Uint8Array | undefined;
  /** Of a log: sequence numbers of the writes that may be lost, both inclusive, where known. */
  readonly firstSeq: number | undefined;
  /** The last of them; undefined where it is not known how far it goes. */
  readonly lastSeq: number | undefined;
}

/** Where damage is, and what it may affect. */
export type AffectedPlace = Partial<
  Pick<Damage, 'keyspace' | 'smallest' | 'largest' | 'firstSeq' | 'lastSeq'>
>;

/** Damage found so far: a place is named once. */
export class DamageList {
  readonly damages: Damage[] = [];

  add(
    file: string,
    offset: number | undefined,
    what: string,
    affected: AffectedPlace = {},
    checksum?: ChecksumDamage,
  ): void {
    if (this.damages.some((known) => known.file === file && known.offset === offset)) return;
    this.damages.push({
      file,
      offset,
      what,
      checksum,
      keyspace: affected.keyspace,
      smallest: affected.smallest,
      largest: affected.largest,
      firstSeq: affected.firstSeq,
      lastSeq: affected.lastSeq,
    });
  }

  addError(error: LsmError, file: string, affected?: AffectedPlace): void {
    this.add(error.file ?? file, error.offset, error.message, affected, error.damage);
  }
}

/** A damaged place for people, in the form of all messages of damage. */
export function describePlace(
  what: string,
  file: string,
  offset: number,
  checksum: ChecksumDamage | undefined,
): string {
  return `${what} in ${file} at byte ${offset}${describeFlip(checksum)}`;
}
