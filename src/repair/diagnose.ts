import { corruption, isLsmError, systemErrorCode, type LsmError } from '../base/errors.js';
import {
  currentName,
  joinPath,
  logName,
  manifestName,
  parseFileName,
  tableName,
} from '../base/file-names.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { currentFileBytes, decodeCurrent } from '../manifest/current-file.js';
import { findManifest, type FoundManifest } from '../manifest/find-manifest.js';
import { TableReader, type TableReaderOptions } from '../sstable/table-reader.js';
import { BatchReader } from '../wal/batch-reader.js';
import { findRot } from '../verify/log-rot.js';
import { recoverLogs } from '../wal/recover-logs.js';
import { findLogs, linkLogs, type FoundChain } from './log-chain.js';
import { mendManifest } from './mend-manifest.js';

/** A table that is not as it was written. */
export interface DamagedTable {
  readonly meta: TableMeta;
  readonly problem: LsmError;
}

/** What is wrong with a database. */
export interface Diagnosis {
  /** Undefined when no manifest can be trusted. */
  readonly manifest: FoundManifest | undefined;
  /** Why no manifest can be trusted. */
  readonly manifestProblem: LsmError | undefined;
  /** What was wrong with the manifest, and could be set right. */
  readonly mended: string | undefined;
  readonly tables: readonly DamagedTable[];
  readonly logProblem: LsmError | undefined;
}

/** Everything is as it should be, but for what any open mends. */
export function isSound(diagnosis: Diagnosis): boolean {
  const { manifest, manifestProblem, mended, tables, logProblem } = diagnosis;
  return (
    manifestProblem === undefined &&
    mended === undefined &&
    manifest?.report.currentProblem === undefined &&
    tables.length === 0 &&
    logProblem === undefined
  );
}

/**
 * Reads all files that count, as recovery and verification do; changes nothing.
 * @throws LsmError `LSM_UNSUPPORTED_FORMAT`, `LSM_IO`
 */
export async function diagnose(
  fs: FileSystem,
  path: string,
  logNumbers: readonly number[],
  onFile: (file: number, of: number) => void,
): Promise<Diagnosis> {
  const { manifest, manifestProblem, mended } = await readOrMend(fs, path);
  const sound = { manifest, manifestProblem, mended, tables: [], logProblem: undefined };
  if (manifest === undefined) return sound;
  const { state, databaseId } = manifest;
  const found = await findLogs(fs, path, logNumbers, databaseId);
  const chain = linkLogs(found, state.logNumber);
  const incomplete = checkClaims(manifest, chain);
  if (incomplete !== undefined) {
    return { ...sound, manifest: undefined, manifestProblem: incomplete };
  }
  const keyspaceIds = new Set<number>();
  const logProblem = await checkLogs(fs, path, manifest, logNumbers, keyspaceIds);
  for (const id of keyspaceIds) {
    if (id < state.nextKeyspaceId) continue;
    const what = `a log writes to keyspace ${id}, which this manifest does not know:`;
    return { ...sound, manifest: undefined, manifestProblem: corruption(what, manifest.path) };
  }
  const tables: DamagedTable[] = [];
  const all = [...state.keyspaces.values()].flatMap(({ version }) => [...version.tables()]);
  for (const [i, meta] of all.entries()) {
    onFile(i + 1, all.length);
    const problem = await checkTable({
      fs,
      path: joinPath(path, tableName(meta.fileNumber)),
      expected: { databaseId, ...meta },
    });
    if (problem === undefined) continue;
    tables.push({ meta, problem });
    const isMissing = (await fs.stat(joinPath(path, tableName(meta.fileNumber)))) === undefined;
    if (!isMissing || manifest.report.tornTail === undefined) continue;
    // The edit that was cut off had removed it: it was durable, then, and is damaged.
    const { offset } = manifest.report.tornTail;
    const what = `the last edit is damaged, since ${tableName(meta.fileNumber)} is gone already,`;
    const manifestProblem = corruption(what, manifest.path, offset);
    return { ...sound, manifest: undefined, manifestProblem };
  }
  return { ...sound, tables, logProblem };
}

type ManifestDiagnosis = Pick<Diagnosis, 'manifest' | 'manifestProblem' | 'mended'>;

/** The manifest that counts; where single bits of it are flipped, with those set right. */
async function readOrMend(fs: FileSystem, path: string): Promise<ManifestDiagnosis> {
  let manifest: FoundManifest | undefined;
  let manifestProblem: LsmError | undefined;
  try {
    manifest = await runAsync(findManifest(fs, path));
    // A torn end is nothing to repair, unless it was whole once.
    if (manifest?.report.tornTail === undefined)
      return { manifest, manifestProblem, mended: undefined };
  } catch (error) {
    if (!isLsmError(error, 'LSM_CORRUPTION')) throw error;
    manifestProblem = error;
  }
  const numbers = manifestNumbers(await fs.list(path));
  const number = manifest?.number ?? (await currentNumber(fs, path)) ?? Math.max(...numbers);
  const found = numbers.includes(number)
    ? await mendManifest(fs, path, number, Math.max(...numbers))
    : undefined;
  if (found === undefined) return { manifest, manifestProblem, mended: undefined };
  const places = found.flips.map(({ offset, bit }) => `bit ${bit} of byte ${offset}`).join(', ');
  const mended = `flipped in ${found.manifest.path}: ${places}`;
  const currentProblem = manifest?.report.currentProblem;
  const report = { ...found.manifest.report, currentProblem };
  return { manifest: { ...found.manifest, report }, manifestProblem: undefined, mended };
}

function manifestNumbers(names: readonly string[]): number[] {
  return names.flatMap((name) => {
    const file = parseFileName(name);
    return file?.kind === 'manifest' ? [file.number] : [];
  });
}

async function currentNumber(fs: FileSystem, directory: string): Promise<number | undefined> {
  const path = joinPath(directory, currentName);
  try {
    const file = await fs.open(path);
    try {
      const bytes = new Uint8Array(currentFileBytes);
      return decodeCurrent(bytes.subarray(0, await file.read(bytes, 0, bytes.length, 0)), path)
        .manifestNumber;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION') || systemErrorCode(error) === 'ENOENT')
      return undefined;
    throw error;
  }
}

/** What is wrong with a table; undefined when it is sound. */
export async function checkTable(options: TableReaderOptions): Promise<LsmError | undefined> {
  try {
    const reader = await runAsync(TableReader.open(options));
    try {
      const { damages } = await runAsync(reader.verify());
      const refused = damages.find(({ code }) => code !== 'LSM_CORRUPTION');
      if (refused !== undefined) throw refused;
      return damages.at(0);
    } finally {
      await runAsync(reader.close());
    }
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION')) return error;
    throw error;
  }
}

/** Logs state which manifest was there when they began: it must be this one, or have been before it. */
function checkClaims(manifest: FoundManifest, chain: FoundChain): LsmError | undefined {
  for (const { links, name } of chain.logs) {
    if (links === undefined) continue;
    const { manifestNumber, manifestSynced } = links;
    if (manifestNumber > manifest.number) {
      const what = `${name} was begun under ${manifestName(manifestNumber)}, this is an older manifest:`;
      return corruption(what, manifest.path);
    }
    if (manifestNumber === manifest.number && manifestSynced > manifest.end) {
      const what = `${name} knows ${manifestSynced} durable bytes, no whole record is behind ${manifest.end}`;
      return corruption(what, manifest.path, manifest.end);
    }
  }
  return undefined;
}

/**
 * Replays the logs as an open would; gathers the keyspaces that are written to.
 * Without a manifest that can be trusted nothing claims how far a log was on disk:
 * then every end that is not clean counts as damage (`isEndDamage`).
 */
export async function checkLogs(
  fs: FileSystem,
  path: string,
  { databaseId, state }: Pick<FoundManifest, 'databaseId' | 'state'>,
  logNumbers: readonly number[],
  keyspaceIds: Set<number>,
  isEndDamage = false,
): Promise<LsmError | undefined> {
  const reader = new BatchReader();
  try {
    const replayed = await runAsync(
      recoverLogs({
        fs,
        directory: path,
        databaseId,
        logNumbers,
        manifestLogNumber: state.logNumber,
        cleanClose: state.cleanClose,
        replay: ({ bytes, start, end, count, path: log, offset }) => {
          reader.reset(bytes, start, end, count, log, offset);
          while (reader.next()) keyspaceIds.add(reader.keyspaceId);
          return undefined;
        },
      }),
    );
    const { tornTail, endedEarly } = replayed;
    if (isEndDamage && tornTail !== undefined) {
      return corruption(tornTail.detail, tornTail.file, tornTail.offset);
    }
    if (isEndDamage && endedEarly !== undefined) {
      const log = joinPath(path, logName(endedEarly.number));
      return corruption(
        `log that ends before byte ${endedEarly.statedEnd}, as the next one states,`,
        log,
      );
    }
    // A write may be in what was whole once.
    const [rot] = await findRot(fs, path, replayed);
    if (rot === undefined) return undefined;
    const [what] = rot.what.split(';');
    return corruption(what, tornTail!.file, rot.offset, undefined, rot.checksum);
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION')) return error;
    throw error;
  }
}
