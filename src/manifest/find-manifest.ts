import { sameFileId, type FileId } from '../base/checksum.js';
import { corruption, isLsmError, LsmError } from '../base/errors.js';
import { maxHeaderBytes } from '../base/file-header.js';
import { currentName, joinPath, manifestName, parseFileName } from '../base/file-names.js';
import type { Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { isForeign } from './classify-files.js';
import { decodeCurrent, type Current } from './current-file.js';
import { closeFile, listDirectory, openFile, readStart } from './file-steps.js';
import { StateBuilder, type ManifestState } from './manifest-state.js';
import { readManifest, type ManifestContent, type TornTail } from './read-manifest.js';

/** What recovery of the manifest met with. */
export interface ManifestReport {
  readonly manifestNumber: number;
  /** Records of the manifest. */
  readonly records: number;
  /**
   * An edit that was not whole and does not count. Tables that nothing refers to
   * may be its doing: set them aside before `openForWriting`, which cuts it off.
   */
  readonly tornTail: TornTail | undefined;
  /** Why CURRENT was not followed: the newest complete manifest was. */
  readonly currentProblem: 'missing' | LsmError | undefined;
}

/** The manifest that counts, read to its end. */
export interface FoundManifest {
  readonly number: number;
  readonly path: string;
  readonly databaseId: FileId;
  readonly state: ManifestState;
  /** Offset behind its last whole record. */
  readonly end: number;
  readonly report: ManifestReport;
  /** Manifests with a higher number: rolls that were cut off before they took effect. */
  readonly voidManifests: readonly number[];
  /** The highest number in any file name of the directory. */
  readonly highestNumber: number;
}

/** How often a reader without a lock starts over when the writer rolls under its eyes. */
const maxTries = 5;

/**
 * Finds and reads the manifest that counts:
 *
 * - CURRENT can be read: the manifest it names and no other.
 * - CURRENT is missing or damaged: the highest one whose snapshot is complete.
 * - There is none such, and neither table nor log: never created, undefined.
 *
 * @throws LsmError `LSM_CORRUPTION` when data are there that cannot be read
 * whole, `LSM_UNSUPPORTED_FORMAT` when a newer version wrote them,
 * `LSM_NOT_A_DATABASE` when only files of others are there, `LSM_BUSY` when the
 * writer rolled its manifest again and again while this reader tried.
 */
export function* findManifest(fs: FileSystem, directory: string): Steps<FoundManifest | undefined> {
  const names = yield* listDirectory(fs, directory);
  let missing: number | undefined;
  for (let i = 0; i < maxTries; i++) {
    const current = yield* readCurrent(fs, joinPath(directory, currentName));
    if (!isCurrent(current)) return yield* findWithoutCurrent(fs, directory, names, current);
    const { manifestNumber: number } = current;
    const loaded = yield* loadManifest(fs, directory, number);
    if (loaded !== undefined) {
      checkIdentity(loaded, current);
      if (loaded.content.damage !== undefined) throw advise(loaded.content.damage);
      return finish(loaded, names, undefined);
    }
    // Another process may have rolled and deleted it since CURRENT was read.
    if (missing === number) throw missingManifest(directory, number);
    missing = number;
  }
  throw new LsmError('LSM_BUSY', `${directory}: the manifest changes faster than it can be read`);
}

type CurrentProblem = 'missing' | LsmError;

function isCurrent(read: Current | CurrentProblem): read is Current {
  return read !== 'missing' && !(read instanceof LsmError);
}

function* readCurrent(fs: FileSystem, path: string): Steps<Current | CurrentProblem> {
  const file = yield* openFile(fs, path);
  if (file === undefined) return 'missing';
  try {
    const bytes = yield* readStart(file, maxHeaderBytes + 1);
    refuseLevelDb(bytes, path);
    return decodeCurrent(bytes, path);
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION')) return error;
    throw error;
  } finally {
    yield* closeFile(file);
  }
}

/** LevelDB and RocksDB have files with the names of ours, and in CURRENT the name of a manifest and nothing else. */
function refuseLevelDb(current: Uint8Array, path: string): void {
  if (!/^MANIFEST-\d+\n$/.test(String.fromCharCode(...current))) return;
  const directory = path.slice(0, -currentName.length - 1);
  throw new LsmError(
    'LSM_NOT_A_DATABASE',
    `${directory} is a LevelDB or a RocksDB, not a nori-lsm database: copy a LevelDB with nori import-leveldb ${directory} --to NEW, and open that`,
    { file: path },
  );
}

interface LoadedManifest {
  readonly number: number;
  readonly path: string;
  readonly content: ManifestContent;
  readonly state: ManifestState | undefined;
}

function* loadManifest(
  fs: FileSystem,
  directory: string,
  number: number,
): Steps<LoadedManifest | undefined> {
  const path = joinPath(directory, manifestName(number));
  const builder = StateBuilder.forManifest();
  const content = yield* readManifest(fs, path, (edit) => builder.apply(edit));
  if (content === undefined) return undefined;
  if (content.damage !== undefined) return { number, path, content, state: undefined };
  const state = builder.build();
  if (typeof state !== 'string') return { number, path, content, state };
  const damage = corruption(state, path, content.end);
  return { number, path, content: { ...content, damage }, state: undefined };
}

function* findWithoutCurrent(
  fs: FileSystem,
  directory: string,
  names: readonly string[],
  currentProblem: CurrentProblem,
): Steps<FoundManifest | undefined> {
  for (const number of manifestNumbers(names)) {
    let loaded: LoadedManifest | undefined;
    try {
      loaded = yield* loadManifest(fs, directory, number);
    } catch (error) {
      // Not even a header: never current.
      if (isLsmError(error, 'LSM_CORRUPTION')) continue;
      throw error;
    }
    if (loaded?.content.hasSnapshotEnd !== true) continue;
    if (loaded.content.damage !== undefined) throw advise(loaded.content.damage);
    return finish(loaded, names, currentProblem);
  }
  refuseLeftData(directory, names, currentProblem);
  return undefined;
}

/** Without a manifest: fine only where no data and no files of others are. */
function refuseLeftData(
  directory: string,
  names: readonly string[],
  currentProblem: CurrentProblem,
): void {
  const path = joinPath(directory, currentName);
  const data = names.find((name) => ['table', 'log'].includes(parseFileName(name)?.kind ?? ''));
  if (data !== undefined) {
    const what = currentProblem === 'missing' ? 'is missing' : 'cannot be read';
    throw advise(
      new LsmError(
        'LSM_CORRUPTION',
        `${path} ${what} and there is no complete manifest, but data: ${data}`,
        { file: path, cause: currentProblem === 'missing' ? undefined : currentProblem },
      ),
    );
  }
  const foreign = names.filter(isForeign).sort()[0];
  if (foreign === undefined) return;
  throw new LsmError(
    'LSM_NOT_A_DATABASE',
    `${directory} is no nori-lsm database, but it holds other files (${foreign}). Give a new or an empty directory`,
    { file: joinPath(directory, foreign) },
  );
}

function finish(
  loaded: LoadedManifest,
  names: readonly string[],
  currentProblem: CurrentProblem | undefined,
): FoundManifest {
  const { number, path, content, state } = loaded;
  const { records, tornTail, end, header } = content;
  return {
    number,
    path,
    databaseId: header.databaseId,
    state: state!,
    end,
    report: { manifestNumber: number, records, tornTail, currentProblem },
    voidManifests: manifestNumbers(names).filter((each) => each > number),
    highestNumber: highestNumber(names),
  };
}

function checkIdentity({ path, content }: LoadedManifest, current: Current): void {
  const { fileId, databaseId } = content.header;
  if (!sameFileId(databaseId, current.databaseId)) {
    throw advise(corruption(`${currentName} names it, but it is of another database:`, path, 20));
  }
  if (!sameFileId(fileId, current.manifestFileId)) {
    throw advise(corruption(`${currentName} names another manifest of this number:`, path, 28));
  }
}

function missingManifest(directory: string, number: number): LsmError {
  const path = joinPath(directory, manifestName(number));
  const message = `${joinPath(directory, currentName)} names ${manifestName(number)}, which is missing`;
  return advise(new LsmError('LSM_CORRUPTION', message, { file: path }));
}

/** What follows the message of a manifest that cannot be used. */
export const manifestAdvice =
  '. Nothing was changed; restore the directory from a copy, or run nori repair';

/** Says what can be done about a manifest that cannot be used. */
function advise(error: LsmError): LsmError {
  const { code, message, file, offset, damage, cause } = error;
  return new LsmError(code, `${message}${manifestAdvice}`, {
    ...(file === undefined ? {} : { file }),
    ...(offset === undefined ? {} : { offset }),
    damage,
    cause,
  });
}

/** Highest first. */
function manifestNumbers(names: readonly string[]): number[] {
  return names
    .map(parseFileName)
    .filter((file) => file?.kind === 'manifest')
    .map((file) => file!.number)
    .sort((a, b) => b - a);
}

/** The highest number in any of the file names; 0 when there is none. */
export function highestNumber(names: readonly string[]): number {
  return names.reduce((highest, name) => Math.max(highest, parseFileName(name)?.number ?? 0), 0);
}
