import { readU16 } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { describeMismatch } from '../base/checksum-damage.js';
import { describeFlip, type ChecksumDamage } from '../base/errors.js';
import { runAsync } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { readFromFile } from '../sstable/file-steps.js';
import { explainFragment } from '../wal/explain-fragment.js';
import { fragmentHeaderBytes, recordStartRoom, roomInBlock } from '../wal/log-format.js';
import type { DamageFact } from './facts.js';

/**
 * The damaged fragments in `[from, to)` of a log or manifest, where no record
 * checks out. Where one flipped bit explains a fragment, it is known where the next
 * begins, so several are told apart; from the first that none explains on, it is one
 * stretch. `detail` is what the reader says of the first, where it does.
 */
export async function* damagesBetween(
  file: File,
  fileId: FileId,
  from: number,
  to: number,
  detail?: string,
): AsyncGenerator<DamageFact> {
  let pending: DamageFact | undefined;
  for (let at = from; at < to;) {
    const { damage, next } = await examineFragment(file, fileId, at, to);
    // A sound fragment only misses those beside it, and belongs to their damage.
    if (damage !== undefined) {
      if (pending !== undefined) yield { ...pending, bytes: at - pending.offset };
      const what =
        damage.found === undefined
          ? ((at === from ? detail : undefined) ?? notRecord)
          : describeMismatch('fragment', damage);
      pending = { type: 'damage', offset: at, what: what + describeFlip(damage), checksum: damage };
    }
    at = next;
  }
  pending ??= { type: 'damage', offset: from, what: detail ?? notRecord };
  yield { ...pending, bytes: to - pending.offset };
}

const notRecord = 'bytes that are no record';

/** The fragment at `at` with its flipped bit as it should be, where that is what it is. */
export async function correctedFragment(
  file: File,
  at: number,
  checksum: ChecksumDamage | undefined,
): Promise<Uint8Array | undefined> {
  const flipped = checksum?.flippedBit;
  if (flipped === undefined || flipped === null || checksum?.expected === undefined) {
    return undefined;
  }
  const bytes = (await runAsync(readFromFile(file, at, roomInBlock(at)))).slice();
  bytes[flipped.offset - at] ^= 1 << flipped.bit;
  return bytes.subarray(0, fragmentHeaderBytes + readU16(bytes, 4));
}

async function examineFragment(
  file: File,
  fileId: FileId,
  at: number,
  to: number,
): Promise<{ readonly damage: ChecksumDamage | undefined; readonly next: number }> {
  const room = roomInBlock(at);
  const bytes = await runAsync(readFromFile(file, at, room));
  const fragment = { bytes, at: 0, room, available: bytes.length, fileId, position: at };
  const damage = explainFragment(fragment);
  const isSound = damage === undefined && bytes.length >= fragmentHeaderBytes;
  const meant = isSound ? bytes : await correctedFragment(file, at, damage);
  // Where the rest are zeros, one of their bits is flipped.
  if (meant === undefined || meant.length <= fragmentHeaderBytes) return { damage, next: to };
  let next = at + fragmentHeaderBytes + readU16(meant, 4);
  const left = roomInBlock(next);
  if (left < recordStartRoom) next += left;
  return { damage, next: Math.min(next, to) };
}
