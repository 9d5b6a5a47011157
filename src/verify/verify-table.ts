import { isLsmError, toLsmError, type LsmError } from '../base/errors.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { inspectFile } from '../inspect/inspect-file.js';
import { footerBytes } from '../sstable/format.js';
import type { ExpectedTable } from '../sstable/table-directory.js';
import { TableReader } from '../sstable/table-reader.js';
import type { AffectedPlace, DamageList } from './damage.js';

/** Checks one table over every damage; returns the entries that were read. `whole`: the keys it holds. */
export async function verifyTableFile(
  fs: FileSystem,
  path: string,
  expected: ExpectedTable | undefined,
  whole: AffectedPlace,
  found: DamageList,
): Promise<number> {
  let reader: TableReader;
  try {
    reader = await runAsync(
      TableReader.open({ fs, path, ...(expected === undefined ? {} : { expected }) }),
    );
  } catch (error) {
    if (!isDamage(error)) throw error;
    found.addError(error, path, whole);
    return await verifyUnopened(fs, path, expected?.size, whole, found);
  }
  try {
    const { damages, affected, entries } = await runAsync(reader.verify());
    for (const [i, damage] of damages.entries()) {
      found.addError(damage, path, { ...whole, ...affected[i] });
    }
    return entries;
  } finally {
    await runAsync(reader.close());
  }
}

/** Of a table that does not open: everything in it that can be read all the same, and what cannot. */
async function verifyUnopened(
  fs: FileSystem,
  path: string,
  expectedBytes: number | undefined,
  whole: AffectedPlace,
  found: DamageList,
): Promise<number> {
  let entries = 0;
  try {
    const bytes = (await fs.stat(path))?.size ?? 0;
    // Of a file of another size it is clear that its end is none; that is told already.
    const isOfSize = bytes === (expectedBytes ?? bytes);
    for await (const fact of inspectFile(path, { fs })) {
      if (fact.type === 'end') ({ entries } = fact);
      if (fact.type !== 'damage') continue;
      const end = Math.max(fact.offset + (fact.bytes ?? 0), fact.offset + footerBytes);
      if (!isOfSize && end >= bytes) continue;
      const what = fact.what.includes(path) ? fact.what : `${fact.what} in ${path}`;
      found.add(path, fact.offset, what, whole, fact.checksum);
    }
  } catch (error) {
    // A file that is missing, or so short that it is no table: that is told already.
    const isTold = isLsmError(error, 'LSM_NOT_FOUND') || isLsmError(error, 'LSM_NOT_A_DATABASE');
    if (!isTold && !isDamage(error)) throw toLsmError(error, 'verifying a table failed', path);
  }
  return entries;
}

function isDamage(error: unknown): error is LsmError {
  return isLsmError(error, 'LSM_CORRUPTION');
}
