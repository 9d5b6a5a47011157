import { sameFileId, type FileId } from '../base/checksum.js';
import { isLsmError } from '../base/errors.js';
import {
  decodeFileHeader,
  fileHeaderBytes,
  readFileId,
  writeFileId,
  type FileKind,
} from '../base/file-header.js';

/**
 * The file id in a damaged header, if the file is of this database: its id is
 * there, or fits where the damage is. Undefined when nothing shows it.
 */
export function idInDamagedHeader(
  bytes: Uint8Array,
  kind: FileKind,
  databaseId: FileId,
): FileId | undefined {
  if (bytes.length < fileHeaderBytes) return undefined;
  const fileId = readFileId(bytes, 28);
  if (sameFileId(readFileId(bytes, 20), databaseId)) return fileId;
  const mended = bytes.slice();
  writeFileId(mended, 20, databaseId);
  try {
    return decodeFileHeader(mended, kind, '').fileId;
  } catch (error) {
    if (isLsmError(error)) return undefined;
    throw error;
  }
}
