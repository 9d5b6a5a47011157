import { isLsmError } from '../base/errors.js';
import { joinPath, manifestName } from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';
import { correctedFragment } from '../inspect/damaged-fragments.js';
import { readBeginning } from '../inspect/lenient-header.js';
import { walkRecords } from '../inspect/walk-records.js';
import { describeEdit } from '../manifest/describe-edit.js';
import { decodeEdit } from '../manifest/edit-codec.js';
import { fragmentHeaderBytes } from '../wal/log-format.js';
import { describePlace, type DamageList } from './damage.js';

/**
 * Names every damaged edit of a manifest. One at its end looks like the edit that a
 * crash has torn off, unless one flipped bit explains it: then it was whole, and verify
 * can tell what the next open, which takes it for torn, will miss.
 */
export async function verifyManifestFile(
  fs: FileSystem,
  directory: string,
  number: number,
  isReadable: boolean,
  found: DamageList,
): Promise<void> {
  const path = joinPath(directory, manifestName(number));
  const file = await fs.open(path);
  try {
    const beginning = await readBeginning(file, 'manifest');
    const { fileId, start, damage } = beginning!;
    if (damage !== undefined) found.add(path, damage.offset, damage.what, {}, damage.checksum);
    for await (const fact of walkRecords(file, fileId, start)) {
      if (fact.type !== 'damage' && fact.type !== 'torn-end') continue;
      const { offset, checksum, bytes = 0 } = fact;
      const meant = await correctedFragment(file, offset, checksum);
      const isRot = meant !== undefined && offset + bytes > (checksum!.flippedBit?.offset ?? 0);
      if (!isRot && (isReadable || fact.type === 'torn-end')) continue;
      const meaning = isReadable
        ? 'the next open will take it for the end that a crash has torn off'
        : 'the database does not open without it';
      const edit = meant === undefined ? '' : describeMeant(meant, path, offset);
      const what = describePlace(fact.what.split(';')[0], path, offset, checksum);
      found.add(path, offset, `${what}; ${meaning}${edit}`, {}, checksum);
    }
  } finally {
    await file.close();
  }
}

/** What the edit says once its bit is as it was. */
function describeMeant(fragment: Uint8Array, path: string, offset: number): string {
  try {
    const edit = decodeEdit(fragment.subarray(fragmentHeaderBytes), path, offset);
    const lines = describeEdit(edit).trimEnd().split('\n');
    const shown = lines.slice(0, 4).join(', ');
    return `; it says: ${shown}${lines.length > 4 ? `, and ${lines.length - 4} more` : ''}`;
  } catch (error) {
    // A part of an edit only.
    if (isLsmError(error)) return '';
    throw error;
  }
}
