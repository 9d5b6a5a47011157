import { corruption, LsmError } from '../base/errors.js';
import { decodeFileHeader, maxHeaderBytes, type FileHeader } from '../base/file-header.js';
import type { Steps } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';
import { LogReader } from '../wal/log-reader.js';
import { decodeEdit } from './edit-codec.js';
import { closeFile, openFile, readStart, sizeOf } from './file-steps.js';
import type { VersionEdit } from './version-edit.js';

/** The end of a manifest that holds no whole record: of an edit that was never acknowledged. */
export interface TornTail {
  readonly offset: number;
  readonly bytes: number;
}

export interface ManifestContent {
  readonly header: FileHeader;
  /** Offset behind the last whole record. */
  readonly end: number;
  /** The last record of the snapshot is there, so the manifest may have been current. */
  readonly hasSnapshotEnd: boolean;
  readonly records: number;
  readonly tornTail: TornTail | undefined;
  /** What makes it unusable: `LSM_CORRUPTION`. */
  readonly damage: LsmError | undefined;
}

/**
 * Reads a manifest and hands its edits to `visit` one by one; undefined when the
 * file is missing. What `visit` returns is a problem with that edit, and damage.
 *
 * An edit is only written once the one before is synced. So a tail that does not
 * check out is the last edit, torn by a crash; and anything written behind such a
 * place proves that it was whole once: that is damage, and so is a snapshot cut short.
 *
 * @throws LsmError `LSM_CORRUPTION` when the header cannot be read,
 * `LSM_UNSUPPORTED_FORMAT` when a newer version wrote the manifest.
 */
export function* readManifest(
  fs: FileSystem,
  path: string,
  visit: (edit: VersionEdit, offset: number) => string | undefined,
): Steps<ManifestContent | undefined> {
  const file = yield* openFile(fs, path);
  if (file === undefined) return undefined;
  try {
    return yield* readOpenManifest(file, visit);
  } finally {
    yield* closeFile(file);
  }
}

function* readOpenManifest(
  file: File,
  visit: (edit: VersionEdit, offset: number) => string | undefined,
): Steps<ManifestContent> {
  const { path } = file;
  const header = decodeFileHeader(yield* readStart(file, maxHeaderBytes), 'manifest', path);
  const reader = new LogReader(file, { fileId: header.fileId, start: header.size });
  let hasSnapshotEnd = false;
  let damage: LsmError | undefined;
  for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
    if (step === 'wait') {
      yield reader;
      continue;
    }
    if (reader.isBehindDamage || damage !== undefined) continue;
    const { bytes, recordStart, recordEnd, recordOffset } = reader;
    try {
      const edit = decodeEdit(bytes.subarray(recordStart, recordEnd), path, recordOffset);
      const problem = visit(edit, recordOffset);
      if (problem !== undefined) damage = corruption(problem, path, recordOffset);
      hasSnapshotEnd ||= edit.isSnapshotEnd === true;
    } catch (error) {
      if (!(error instanceof LsmError) || error.code !== 'LSM_CORRUPTION') throw error;
      damage = error;
    }
  }
  const { end, damagedAt, detail, reason, recordsBehind, records } = reader.report;
  if (recordsBehind > 0) {
    const what = `${detail} before whole records`;
    damage ??= corruption(what, path, damagedAt, undefined, reader.report.damage);
  }
  if (!hasSnapshotEnd) {
    damage ??= corruption('snapshot cut off', path, end, undefined, reader.report.damage);
  }
  // Manifests are not extended ahead, so zeros behind the end are a write that did not arrive.
  const tornTail =
    reason === 'eof' ? undefined : { offset: end, bytes: (yield* sizeOf(file)) - end };
  return { header, end, hasSnapshotEnd, records, tornTail, damage };
}
