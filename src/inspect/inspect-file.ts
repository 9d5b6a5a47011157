import { LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { formatFileId } from '../base/checksum.js';
import { maxHeaderBytes, type FileKind } from '../base/file-header.js';
import type { File, FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { decodeCurrent } from '../manifest/current-file.js';
import type { FileFact } from './facts.js';
import { inspectLog } from './inspect-log.js';
import { inspectManifest } from './inspect-manifest.js';
import { inspectTable } from './inspect-table.js';
import { headerFact, kindOfName, readBeginning, type Beginning } from './lenient-header.js';
import { toDamage } from './to-damage.js';

/** Where the files are. */
export interface InspectOptions {
  /** Default: the local disk. */
  readonly fs?: FileSystem;
}

/**
 * Reads one file of a database (CURRENT, a manifest, a log, a table) and tells
 * what is in it, from that file alone: the database need not open, and may be
 * open elsewhere. Damage is a fact too; behind it the walk goes on where
 * something that checks out begins.
 *
 * Takes as much memory as the largest record or block, whatever the file claims.
 *
 * @param path - the file; what it is, its first bytes tell, or else its name
 * @throws LsmError `LSM_NOT_FOUND`, `LSM_NOT_A_DATABASE` when it is no file of ours,
 * `LSM_UNSUPPORTED_FORMAT` when a newer version wrote it, `LSM_IO`
 */
export async function* inspectFile(
  path: string,
  options: InspectOptions = {},
): AsyncGenerator<FileFact> {
  const { fs = nodeFileSystem } = options;
  try {
    const file = await fs.open(path);
    try {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const beginning = await readBeginning(file, kindOfName(name));
      if (beginning === undefined) {
        throw new LsmError(
          'LSM_NOT_A_DATABASE',
          `${path} is no file of a nori-lsm database: neither its first bytes nor its name tell a kind`,
          { file: path },
        );
      }
      yield* inspectOpenFile(file, beginning);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') {
      throw new LsmError('LSM_NOT_FOUND', `there is no file ${path}`, { file: path, cause: error });
    }
    throw toLsmError(error, `reading ${path} failed`, path);
  }
}

const inspectors: Readonly<
  Record<FileKind, (file: File, beginning: Beginning) => AsyncGenerator<FileFact>>
> = {
  current: inspectCurrent,
  manifest: inspectManifest,
  log: inspectLog,
  table: inspectTable,
};

async function* inspectOpenFile(file: File, beginning: Beginning): AsyncGenerator<FileFact> {
  const { damage, kind } = beginning;
  if (damage !== undefined) yield damage;
  for await (const fact of inspectors[kind](file, beginning)) {
    const isLast = fact.type === 'end' && damage !== undefined;
    yield isLast ? { ...fact, damages: fact.damages + 1 } : fact;
  }
}

async function* inspectCurrent(file: File, beginning: Beginning): AsyncGenerator<FileFact> {
  const { header, start, fileBytes } = beginning;
  const isWhole = header !== undefined;
  let damages = 0;
  if (isWhole) {
    const bytes = new Uint8Array(Math.min(fileBytes, maxHeaderBytes + 1));
    const length = await file.read(bytes, 0, bytes.length, 0);
    try {
      const { manifestNumber, manifestFileId } = decodeCurrent(
        bytes.subarray(0, length),
        file.path,
      );
      yield {
        ...headerFact(header, fileBytes),
        manifestNumber,
        manifestFileId: formatFileId(manifestFileId),
      };
    } catch (error) {
      damages++;
      yield headerFact(header, fileBytes);
      yield toDamage(error, 0);
    }
  }
  const records = isWhole && damages === 0 ? 1 : 0;
  yield { type: 'end', offset: start, records, entries: 0, damages };
}
