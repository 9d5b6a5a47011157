import { formatFileId, noFileId, type FileId } from '../base/checksum.js';
import { isLsmError, type LsmError } from '../base/errors.js';
import {
  decodeFileHeader,
  fileHeaderBytes,
  magics,
  maxHeaderBytes,
  readFileId,
  type FileHeader,
  type FileKind,
} from '../base/file-header.js';
import { parseFileName } from '../base/file-names.js';
import type { File } from '../fs/file-system.js';
import { logHeaderBytes } from '../wal/log-format.js';
import type { DamageFact, HeaderFact } from './facts.js';
import { toDamage } from './to-damage.js';

/** What is known of a file once its first bytes are read. */
export interface Beginning {
  readonly kind: FileKind;
  /** Undefined when it is damaged, and in a log that never began. */
  readonly header: FileHeader | undefined;
  /** The header; where one flipped bit explains its damage, as it was before. */
  readonly meant: FileHeader | undefined;
  readonly damage: DamageFact | undefined;
  /** Where content begins, and the id that its checksums are bound to: as far as the header tells. */
  readonly start: number;
  readonly fileId: FileId;
  readonly fileBytes: number;
}

/** The kind that a name stands for; `name` is without directories. */
export function kindOfName(name: string): FileKind | undefined {
  return name === 'CURRENT' ? 'current' : parseFileName(name)?.kind;
}

/**
 * Reads the header, and goes on without it when it is damaged: the id in it may
 * be right all the same, which the first checksum behind it will show.
 * @returns undefined when neither the magic nor `expected` tells what this is
 * @throws LsmError `LSM_UNSUPPORTED_FORMAT`
 */
export async function readBeginning(
  file: File,
  expected: FileKind | undefined,
): Promise<Beginning | undefined> {
  const fileBytes = await file.size();
  const target = new Uint8Array(Math.min(fileBytes, maxHeaderBytes));
  const bytes = target.subarray(0, await file.read(target, 0, target.length, 0));
  const kind = kindOfMagic(bytes) ?? expected;
  if (kind === undefined) return undefined;
  try {
    const header = decodeFileHeader(bytes, kind, file.path);
    const { size: start, fileId } = header;
    return { kind, header, meant: header, damage: undefined, start, fileId, fileBytes };
  } catch (error) {
    if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    const meant = correctedHeader(bytes, kind, error);
    const start = meant?.size ?? (kind === 'log' ? logHeaderBytes : fileHeaderBytes);
    const fileId = meant?.fileId ?? (bytes.length >= 36 ? readFileId(bytes, 28) : noFileId);
    // A log is made ahead of its use.
    const isUnused = kind === 'log' && bytes.every((byte) => byte === 0);
    const damage = isUnused ? undefined : toDamage(error, 0);
    return { kind, header: undefined, meant, damage, start, fileId, fileBytes };
  }
}

function correctedHeader(
  bytes: Uint8Array,
  kind: FileKind,
  { damage, file = '' }: LsmError,
): FileHeader | undefined {
  const flipped = damage?.flippedBit;
  if (flipped === undefined || flipped === null) return undefined;
  const corrected = bytes.slice();
  corrected[flipped.offset] ^= 1 << flipped.bit;
  return decodeFileHeader(corrected, kind, file);
}

function kindOfMagic(bytes: Uint8Array): FileKind | undefined {
  const magic = String.fromCharCode(...bytes.subarray(0, 8));
  return (Object.keys(magics) as FileKind[]).find((kind) => magics[kind] === magic);
}

export function headerFact(header: FileHeader, fileBytes: number): HeaderFact {
  return {
    type: 'header',
    kind: header.kind,
    bytes: header.size,
    fileBytes,
    formatVersion: header.version,
    databaseId: formatFileId(header.databaseId),
    fileId: formatFileId(header.fileId),
  };
}
