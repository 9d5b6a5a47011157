import { randomFileId, type RandomSource } from '../base/prng.js';
import type { FileId } from '../base/checksum.js';
import { joinPath, manifestName } from '../base/file-names.js';
import type { Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { closeQuietly } from '../wal/close-quietly.js';
import { LogWriter } from '../wal/log-writer.js';
import { encodeCurrent } from './current-file.js';
import { encodeEdit } from './edit-codec.js';
import { replaceCurrent, syncDirectory } from './file-steps.js';
import type { ManifestState } from './manifest-state.js';
import { snapshotEdits } from './snapshot-edits.js';

/** Where a database is, and who it is. */
export interface DatabasePlace {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly databaseId: FileId;
  readonly random: RandomSource;
}

/**
 * Writes a new manifest that begins with `state` and makes it the current one.
 * Its number must be above that of every manifest in the directory.
 *
 * Until the rename is durable the manifest before it stays in force, untouched:
 * a crash at any point leaves one of the two, whole. On an error it is not known
 * which of them the disk will show.
 */
export function* beginManifest(
  place: DatabasePlace,
  number: number,
  state: ManifestState,
): Steps<LogWriter> {
  const { fs, directory, databaseId, random } = place;
  const fileId = randomFileId(random);
  const path = joinPath(directory, manifestName(number));
  const writer = yield* LogWriter.create({ fs, path, kind: 'manifest', fileId, databaseId });
  try {
    for (const edit of snapshotEdits(state)) writer.append(encodeEdit(edit));
    yield writer.flush();
    yield writer.sync();
    yield* syncDirectory(fs, directory);
    const current = { databaseId, manifestNumber: number, manifestFileId: fileId };
    yield* replaceCurrent(fs, directory, encodeCurrent(current, randomFileId(random)));
    yield* syncDirectory(fs, directory);
    return writer;
  } catch (error) {
    yield* closeQuietly(writer);
    throw error;
  }
}
