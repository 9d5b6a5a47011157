import { isLsmError, type FlippedBit } from '../base/errors.js';
import { fileHeaderBytes, readFileId } from '../base/file-header.js';
import { joinPath, manifestName } from '../base/file-names.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import type { FoundManifest } from '../manifest/find-manifest.js';
import { StateBuilder, type ManifestState } from '../manifest/manifest-state.js';
import { readManifest, type ManifestContent } from '../manifest/read-manifest.js';
import { explainFragment } from '../wal/explain-fragment.js';
import { roomInBlock } from '../wal/log-format.js';
import { LogReader } from '../wal/log-reader.js';

/** Larger ones are rebuilt: all of it is held in memory here. */
const maxManifestBytes = 64 * 1024 * 1024;
/** Bits set right before it is given up. */
const maxFlips = 8;

export interface MendedManifest {
  readonly manifest: FoundManifest;
  /** The bits that were wrong. */
  readonly flips: readonly FlippedBit[];
}

/**
 * Reads a manifest whose damage is single flipped bits, at most one in a fragment:
 * with those set right every checksum matches again, so that nothing of it is lost.
 * The file stays as it is. Undefined when something else is damaged.
 * @throws LsmError `LSM_UNSUPPORTED_FORMAT`, `LSM_IO`
 */
export async function mendManifest(
  fs: FileSystem,
  directory: string,
  number: number,
  highestNumber: number,
): Promise<MendedManifest | undefined> {
  const path = joinPath(directory, manifestName(number));
  const bytes = await readWhole(fs, path);
  if (bytes === undefined) return undefined;
  const flips: FlippedBit[] = [];
  for (;;) {
    const memory = MemoryFileSystem.from([[path, bytes]]);
    const read = await tryRead(memory, path);
    if (read.bit === undefined) {
      const { content, state } = read;
      if (state === undefined || flips.length === 0) return undefined;
      const { header, end, records, tornTail } = content;
      const report = { manifestNumber: number, records, tornTail, currentProblem: undefined };
      const { databaseId } = header;
      const manifest = {
        number,
        path,
        databaseId,
        state,
        end,
        report,
        voidManifests: [],
        highestNumber,
      };
      return { manifest, flips };
    }
    if (flips.length === maxFlips) return undefined;
    bytes[read.bit.offset] ^= 1 << read.bit.bit;
    flips.push(read.bit);
  }
}

type Attempt =
  | { readonly bit: FlippedBit }
  | {
      readonly bit: undefined;
      readonly content: ManifestContent;
      readonly state: ManifestState;
    }
  | { readonly bit: undefined; readonly content?: undefined; readonly state: undefined };

const nothing: Attempt = { bit: undefined, state: undefined };

/** Reads it to its end, or names the bit that is in the way. */
async function tryRead(fs: FileSystem, path: string): Promise<Attempt> {
  const builder = StateBuilder.forManifest();
  let content: ManifestContent | undefined;
  try {
    content = await runAsync(readManifest(fs, path, (edit) => builder.apply(edit)));
  } catch (error) {
    if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    const bit = error.damage?.flippedBit;
    return bit === undefined || bit === null ? nothing : { bit };
  }
  if (content === undefined) return nothing;
  if (content.damage !== undefined || content.tornTail !== undefined) {
    const bit = await findFlippedBit(fs, path);
    if (bit !== undefined) return { bit };
    if (content.damage !== undefined) return nothing;
  }
  const state = builder.build();
  return typeof state === 'string' ? nothing : { bit: undefined, content, state };
}

async function findFlippedBit(fs: FileSystem, path: string): Promise<FlippedBit | undefined> {
  const file = await fs.open(path);
  try {
    const head = new Uint8Array(fileHeaderBytes);
    await file.read(head, 0, head.length, 0);
    const fileId = readFileId(head, 28);
    const reader = new LogReader(file, { fileId, start: fileHeaderBytes, assemble: false });
    for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
      if (step === 'wait') await reader.wait();
    }
    const position = reader.report.damagedAt;
    const room = roomInBlock(position);
    const bytes = new Uint8Array(room);
    const available = await file.read(bytes, 0, room, position);
    const fragment = { bytes, at: 0, room, available, fileId, position };
    return explainFragment(fragment)?.flippedBit ?? undefined;
  } finally {
    await file.close();
  }
}

async function readWhole(fs: FileSystem, path: string): Promise<Uint8Array | undefined> {
  const size = (await fs.stat(path))?.size;
  if (size === undefined || size > maxManifestBytes) return undefined;
  const file = await fs.open(path);
  try {
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, await file.read(bytes, 0, size, 0));
  } finally {
    await file.close();
  }
}
