import type { FileId } from '../base/checksum.js';
import { describeFlip } from '../base/errors.js';
import type { File } from '../fs/file-system.js';
import { recordSpan, recordStartRoom, roomInBlock } from '../wal/log-format.js';
import { LogReader } from '../wal/log-reader.js';
import { damagesBetween } from './damaged-fragments.js';
import type { DamageFact, TornEndFact } from './facts.js';

/** A record, valid until the next step. */
export interface FoundRecord {
  readonly type: 'record';
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly isBehindDamage: boolean;
}

/** Where the walk ended. */
export interface WalkEnd {
  readonly type: 'walk-end';
  readonly offset: number;
}

/**
 * Every record of a log or manifest that checks out, those behind damage too,
 * and what is between them, fragment by fragment as far as that can be told.
 */
export async function* walkRecords(
  file: File,
  fileId: FileId,
  start: number,
): AsyncGenerator<FoundRecord | DamageFact | TornEndFact | WalkEnd> {
  const reader = new LogReader(file, { fileId, start });
  /** Behind the last record. */
  let end = start;
  let isDamageTold = false;
  const damagesUpTo = (upTo: number): AsyncGenerator<DamageFact> => {
    const { detail, damagedAt } = reader.report;
    const isFirst = !isDamageTold && detail !== '';
    isDamageTold = true;
    const from = isFirst ? damagedAt : nextStart(end);
    return damagesBetween(file, fileId, from, upTo, isFirst ? detail : undefined);
  };
  for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
    if (step === 'wait') {
      await reader.wait();
      continue;
    }
    const { recordOffset: offset, recordStart, recordEnd, isBehindDamage } = reader;
    if (offset > nextStart(end)) yield* damagesUpTo(offset);
    yield {
      type: 'record',
      offset,
      bytes: reader.bytes.subarray(recordStart, recordEnd),
      isBehindDamage,
    };
    end = offset + recordSpan(offset, recordEnd - recordStart);
  }
  const { reason, detail, damage, usedEnd, damagedAt, recordsBehind } = reader.report;
  if (reason === 'damage' && recordsBehind === 0) {
    yield {
      type: 'torn-end',
      offset: damagedAt,
      bytes: usedEnd - damagedAt,
      what: detail + (damage?.flippedBit == null ? '' : describeFlip(damage)),
      ...(damage === undefined ? {} : { checksum: damage }),
    };
  } else if (reason === 'damage' && usedEnd > end) yield* damagesUpTo(usedEnd);
  yield { type: 'walk-end', offset: end };
}

/** The same; damaged fragments at a torn end are told apart as damage. */
export async function* walkFragments(
  file: File,
  fileId: FileId,
  start: number,
): AsyncGenerator<FoundRecord | DamageFact | WalkEnd> {
  for await (const found of walkRecords(file, fileId, start)) {
    if (found.type !== 'torn-end') yield found;
    else {
      const { offset, bytes, what } = found;
      yield* damagesBetween(file, fileId, offset, offset + bytes, what.split(';')[0]);
    }
  }
}

/** Where the record behind one that ends at `end` begins: not in the last bytes of a block. */
function nextStart(end: number): number {
  const room = roomInBlock(end);
  return room < recordStartRoom ? end + room : end;
}
