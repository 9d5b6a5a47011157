import { sameFileId, type FileId } from '../base/checksum.js';
import { isLsmError, type LsmError } from '../base/errors.js';
import { decodeFileHeader, fileHeaderBytes } from '../base/file-header.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import type { TableProperties } from '../sstable/properties.js';
import { TableReader } from '../sstable/table-reader.js';
import { idInDamagedHeader } from './damaged-header.js';
import type { ListedFile } from './listing.js';
import type { ManifestHints } from './manifest-hints.js';
import { salvageTable } from './salvage-table.js';

/** A table of the database, sound or not. */
export interface SurveyedTable {
  readonly file: ListedFile;
  readonly isInLost: boolean;
  readonly tableIds: readonly FileId[];
  /** What it says of itself; undefined when that cannot be read. */
  readonly properties: TableProperties | undefined;
  readonly size: number;
  readonly checksum: number;
  readonly problem: LsmError | undefined;
}

/** Numbers so high that nothing could come behind them are of a file made to deceive. */
const maxPlausibleSeq = Number.MAX_SAFE_INTEGER - 2 ** 40;
const maxPlausibleKeyspaceId = 2 ** 32;

export function isPlausible({ keyspaceId, largestSeq }: TableProperties): boolean {
  return keyspaceId <= maxPlausibleKeyspaceId && largestSeq <= maxPlausibleSeq;
}

/** Reads a whole table and tells what it is; undefined when it is none of this database, `unknown` when that cannot be told. */
export async function surveyTable(
  fs: FileSystem,
  file: ListedFile,
  isInLost: boolean,
  databaseId: FileId,
  hints: ManifestHints,
): Promise<SurveyedTable | 'unknown' | undefined> {
  const tableIds = await readIds(fs, file, databaseId, hints);
  if (tableIds === 'unknown') return 'unknown';
  if (tableIds.length === 0) return undefined;
  const common = { file, isInLost, tableIds };
  let problem: LsmError;
  try {
    const reader = await runAsync(TableReader.open({ fs, path: file.path }));
    try {
      if (!sameFileId(reader.databaseId, databaseId)) return undefined;
      const { properties, size, checksum } = reader;
      const { damages } = await runAsync(reader.verify());
      const refused = damages.find(({ code }) => code !== 'LSM_CORRUPTION');
      if (refused !== undefined) throw refused;
      return { ...common, properties, size, checksum, problem: damages.at(0) };
    } finally {
      await runAsync(reader.close());
    }
  } catch (error) {
    if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    problem = error;
  }
  const opened = await fs.open(file.path);
  try {
    const { properties } = await salvageTable(opened, { tableIds }, () => undefined);
    return { ...common, properties, size: 0, checksum: 0, problem };
  } finally {
    await opened.close();
  }
}

/** The ids that the table may have; none when it is not this database's; `unknown` when nothing tells. */
async function readIds(
  fs: FileSystem,
  { number, path }: ListedFile,
  databaseId: FileId,
  hints: ManifestHints,
): Promise<FileId[] | 'unknown'> {
  const file = await fs.open(path);
  try {
    const bytes = new Uint8Array(fileHeaderBytes);
    const length = await file.read(bytes, 0, bytes.length, 0);
    const known = hints.tables.get(number)?.tableId;
    try {
      const header = decodeFileHeader(bytes.subarray(0, length), 'table', path);
      return sameFileId(header.databaseId, databaseId) ? [header.fileId] : [];
    } catch (error) {
      if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    }
    // A damaged header: a manifest may know the table, or the ids in it are whole.
    const id = idInDamagedHeader(bytes.subarray(0, length), 'table', databaseId);
    const ids = [known, id].filter((each) => each !== undefined);
    return ids.length > 0 ? ids : 'unknown';
  } finally {
    await file.close();
  }
}

/** As the manifest would describe a sound table. */
export function metaOf(table: SurveyedTable, properties: TableProperties): TableMeta {
  const { file, tableIds, size, checksum } = table;
  const { keyspaceId, smallest, largest, smallestSeq, largestSeq } = properties;
  const { entries, tombstones, superseded, rawBytes } = properties;
  return {
    keyspaceId,
    level: 0,
    run: 0,
    fileNumber: file.number,
    tableId: tableIds[0],
    size,
    checksum,
    smallest,
    largest,
    smallestSeq,
    largestSeq,
    entries,
    tombstones,
    superseded,
    rawBytes,
  };
}
