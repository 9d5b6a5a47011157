import { readU16, writeU16, writeU32 } from '../../src/base/bytes.js';
import { checksumAt } from '../../src/base/checksum.js';
import { readFileId } from '../../src/base/file-header.js';

/** What a file of the future says of itself, with a checksum that is right. */
export interface Future {
  readonly version?: number;
  /** Feature bits that a reader must know. */
  readonly mustBits?: number;
  /** Feature bits that a reader may ignore. */
  readonly skipBits?: number;
  readonly encryptionKeyId?: number;
}

/** Patches the header at the front of a file; of a table the footer, which decides. */
export function fromTheFuture(bytes: Uint8Array, future: Future): Uint8Array {
  const patched = Uint8Array.from(bytes);
  const isTable = Buffer.from(bytes.subarray(0, 8)).toString() === 'noriSSTb';
  if (isTable) patchFooter(patched.subarray(patched.length - 64), future, patched.length - 64);
  else patchHeader(patched.subarray(0, readU16(patched, 10)), future);
  return patched;
}

function patchHeader(header: Uint8Array, future: Future): void {
  if (future.version !== undefined) writeU16(header, 8, future.version);
  if (future.mustBits !== undefined) writeU32(header, 12, future.mustBits);
  if (future.skipBits !== undefined) writeU32(header, 16, future.skipBits);
  if (future.encryptionKeyId !== undefined) writeU32(header, 36, future.encryptionKeyId);
  const covered = header.subarray(0, header.length - 4);
  writeU32(header, covered.length, checksumAt(covered, readFileId(header, 28), 0));
}

function patchFooter(footer: Uint8Array, future: Future, offset: number): void {
  if (future.version !== undefined) writeU16(footer, 0, future.version);
  if (future.mustBits !== undefined) writeU32(footer, 4, future.mustBits);
  if (future.skipBits !== undefined) writeU32(footer, 8, future.skipBits);
  if (future.encryptionKeyId !== undefined) writeU32(footer, 12, future.encryptionKeyId);
  writeU32(footer, 52, checksumAt(footer.subarray(0, 52), readFileId(footer, 16), offset));
}
