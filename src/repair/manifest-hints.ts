import { sameFileId, type FileId } from '../base/checksum.js';
import { isLsmError } from '../base/errors.js';
import { fileHeaderBytes, maxHeaderBytes, readFileId } from '../base/file-header.js';
import type { TableMeta } from '../base/table-meta.js';
import type { FileSystem } from '../fs/file-system.js';
import { decodeEdit } from '../manifest/edit-codec.js';
import type { StoredSettings } from '../manifest/settings-codec.js';
import type { VersionEdit } from '../manifest/version-edit.js';
import { LogReader } from '../wal/log-reader.js';
import type { ListedFile } from './listing.js';

/**
 * What the manifests of a database still tell, although none can be trusted as a
 * whole: each record that checks out was true once, also one behind damage.
 */
export class ManifestHints {
  readonly names = new Map<number, string>();
  readonly settings = new Map<number, StoredSettings>();
  readonly dropped = new Set<number>();
  /** Every table that was ever added, by file number. */
  readonly tables = new Map<number, TableMeta>();
  /** Tables that an edit removed, with those it added in their place. */
  readonly removed = new Map<number, readonly number[]>();
  /** By number of the log: up to where it was synced when it was closed cleanly. */
  readonly cleanCloses = new Map<number, number>();
  nextKeyspaceId = 0;
  nextFileNumber = 0;
  lastSeq = 0;

  add(edit: VersionEdit): void {
    for (const id of edit.droppedKeyspaces ?? []) this.dropped.add(id);
    for (const { id, name } of edit.addedKeyspaces ?? []) this.names.set(id, name);
    for (const { keyspaceId, settings } of edit.settings ?? []) {
      this.settings.set(keyspaceId, settings);
    }
    const { cleanClose } = edit;
    if (cleanClose !== undefined) {
      this.cleanCloses.set(cleanClose.logNumber, cleanClose.syncedLength);
    }
    this.nextKeyspaceId = Math.max(this.nextKeyspaceId, edit.nextKeyspaceId ?? 0);
    this.nextFileNumber = Math.max(this.nextFileNumber, edit.nextFileNumber ?? 0);
    this.lastSeq = Math.max(this.lastSeq, edit.lastSeq ?? 0);
    const added = (edit.addedTables ?? []).map(({ fileNumber }) => fileNumber);
    for (const { fileNumber } of edit.removedTables ?? []) {
      // One that only moved to another level is among the added.
      if (!added.includes(fileNumber)) this.removed.set(fileNumber, added);
    }
    for (const table of edit.addedTables ?? []) this.tables.set(table.fileNumber, table);
  }

  /** Whether a table was replaced by others of which `isThere` says that nothing is missing. */
  isReplaced(
    fileNumber: number,
    isThere: (fileNumber: number) => boolean,
    seen = new Set<number>(),
  ): boolean {
    const outputs = this.removed.get(fileNumber);
    if (outputs === undefined || seen.has(fileNumber)) return false;
    seen.add(fileNumber);
    return outputs.every((number) => isThere(number) || this.isReplaced(number, isThere, seen));
  }
}

/** Reads what can be read of all manifests, oldest first. */
export async function readHints(
  fs: FileSystem,
  files: readonly ListedFile[],
  databaseId: FileId,
): Promise<ManifestHints> {
  const hints = new ManifestHints();
  for (const { kind, path } of files) {
    if (kind === 'manifest') await readOne(fs, path, databaseId, hints);
  }
  return hints;
}

async function readOne(
  fs: FileSystem,
  path: string,
  databaseId: FileId,
  hints: ManifestHints,
): Promise<void> {
  const file = await fs.open(path);
  try {
    const bytes = new Uint8Array(maxHeaderBytes);
    const length = await file.read(bytes, 0, bytes.length, 0);
    // A damaged header may have the right ids all the same; records are bound to them.
    if (length < fileHeaderBytes || !sameFileId(readFileId(bytes, 20), databaseId)) return;
    const reader = new LogReader(file, { fileId: readFileId(bytes, 28), start: fileHeaderBytes });
    for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
      if (step === 'wait') {
        await reader.wait();
        continue;
      }
      const { recordStart, recordEnd, recordOffset } = reader;
      try {
        hints.add(decodeEdit(reader.bytes.slice(recordStart, recordEnd), path, recordOffset));
      } catch (error) {
        if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
      }
    }
  } finally {
    await file.close();
  }
}
