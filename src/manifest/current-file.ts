import { readU64, writeU64 } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { corruption } from '../base/errors.js';
import {
  decodeFileHeader,
  encodeFileHeader,
  fileHeaderBytes,
  readFileId,
  writeFileId,
} from '../base/file-header.js';

/*
 * CURRENT is a file header (base/file-header.ts) and nothing else. Its extension:
 *
 *   0  manifest number    u64
 *   8  manifest file id   8
 */
const extensionBytes = 16;

export const currentFileBytes: number = fileHeaderBytes + extensionBytes;

/** What CURRENT says. */
export interface Current {
  readonly databaseId: FileId;
  readonly manifestNumber: number;
  readonly manifestFileId: FileId;
}

/** `fileId` is that of the CURRENT file itself. */
export function encodeCurrent(current: Current, fileId: FileId): Uint8Array {
  const extension = new Uint8Array(extensionBytes);
  writeU64(extension, 0, current.manifestNumber);
  writeFileId(extension, 8, current.manifestFileId);
  return encodeFileHeader({ kind: 'current', fileId, databaseId: current.databaseId, extension });
}

/** @throws LsmError `LSM_CORRUPTION`, or `LSM_UNSUPPORTED_FORMAT` when a newer version wrote it. */
export function decodeCurrent(bytes: Uint8Array, file: string): Current {
  const header = decodeFileHeader(bytes, 'current', file);
  if (header.extension.length < extensionBytes || header.size !== bytes.length) {
    const what = `${bytes.length} bytes where CURRENT has ${currentFileBytes}`;
    throw corruption(what, file, Math.min(bytes.length, currentFileBytes));
  }
  const manifestNumber = readU64(header.extension, 0);
  if (Number.isNaN(manifestNumber)) throw corruption('impossible manifest number', file, 52);
  return {
    databaseId: header.databaseId,
    manifestNumber,
    manifestFileId: readFileId(header.extension, 8),
  };
}
