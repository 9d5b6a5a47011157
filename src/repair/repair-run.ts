import { noFileId, sameFileId, type FileId } from '../base/checksum.js';
import { isLsmError, type LsmError } from '../base/errors.js';
import { decodeFileHeader, fileHeaderBytes } from '../base/file-header.js';
import { currentTemporaryName, joinPath, manifestName, tableName } from '../base/file-names.js';
import { systemRandom, type RandomSource } from '../base/prng.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import type { FoundManifest } from '../manifest/find-manifest.js';
import { applyEdit, type KeyspaceState } from '../manifest/manifest-state.js';
import { beginManifest } from '../manifest/manifest-writer.js';
import { closeQuietly } from '../wal/close-quietly.js';
import { diagnose, isSound, type Diagnosis } from './diagnose.js';
import { Findings } from './findings.js';
import { listFiles, type Listing } from './listing.js';
import { findLogs, linkLogs } from './log-chain.js';
import type { Mended } from './mended.js';
import { Outputs, removeIfThere, type TableTarget } from './outputs.js';
import { rebuild } from './rebuild.js';
import type { RepairReport } from './repair-report.js';
import type { RepairOptions } from './repair.js';
import { rewriteTable } from './rewrite-table.js';
import { salvageLogs, scanLogs } from './salvage-logs.js';
import { SettingAside } from './set-aside.js';
import { tableSettingsOf } from './table-settings.js';

/** One repair, under the lock. */
export class RepairRun {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #options: RepairOptions;
  readonly #random: RandomSource;
  readonly #findings: Findings;

  constructor(fs: FileSystem, path: string, options: RepairOptions) {
    this.#fs = fs;
    this.#path = path;
    this.#options = options;
    this.#random = options.random ?? systemRandom;
    this.#findings = new Findings(path);
  }

  async run(): Promise<RepairReport> {
    const fs = this.#fs;
    const findings = this.#findings;
    const listing = await listFiles(fs, this.#path);
    const logNumbers = listing.files
      .filter(({ kind }) => kind === 'log')
      .map(({ number }) => number);
    const diagnosis = await diagnose(fs, this.#path, logNumbers, (files, of) =>
      this.#tell(files, of),
    );
    if (isSound(diagnosis)) return findings.sound();
    const { manifest, manifestProblem, mended, tables, logProblem } = diagnosis;
    if (manifest === undefined) {
      findings.problem(manifestProblem!);
      return await this.#carryOut(listing, undefined, (outputs) =>
        rebuild({
          fs,
          path: this.#path,
          listing,
          databaseId: this.#options.databaseId,
          findings,
          outputs,
          onFile: (files, of) => this.#tell(files, of),
        }),
      );
    }
    if (mended !== undefined) findings.problem(mended);
    const { currentProblem } = manifest.report;
    if (currentProblem !== undefined) {
      findings.problem(currentProblem === 'missing' ? 'CURRENT is missing' : currentProblem);
    }
    for (const { problem } of tables) findings.problem(problem);
    if (logProblem !== undefined) findings.problem(logProblem);
    return await this.#carryOut(listing, manifest, async (outputs) => ({
      databaseId: manifest.databaseId,
      ...(await this.#mend(listing, manifest, diagnosis, outputs)),
    }));
  }

  /** Lets `mend` write its files, then makes them count, and sets aside what does not any more. */
  async #carryOut(
    listing: Listing,
    manifest: FoundManifest | undefined,
    mend: (outputs: Outputs) => Promise<Mended>,
  ): Promise<RepairReport> {
    const fs = this.#fs;
    const path = this.#path;
    const seen = Math.max(listing.highestNumber, (manifest?.state.nextFileNumber ?? 1) - 1);
    const outputs = new Outputs(
      { fs, directory: path, random: this.#random },
      manifest?.databaseId ?? noFileId,
      seen + 1,
      this.#options.dryRun === true,
    );
    let mended: Mended;
    const setting = new SettingAside(fs, path, () => outputs.takeNumber());
    try {
      mended = await mend(outputs);
      this.#findings.setAside(mended.setAside);
      if (outputs.isDry) return this.#findings.report('repairable');
      await outputs.sync();
      await setting.link(mended.setAside);
      await removeIfThere(fs, joinPath(path, currentTemporaryName));
    } catch (error) {
      await outputs.abandon();
      throw error;
    }
    // From here on the new state may count, whatever fails.
    const number = outputs.takeNumber();
    const state = { ...mended.state, nextFileNumber: outputs.nextNumber };
    const { databaseId } = mended;
    const place = { fs, directory: path, databaseId, random: this.#random };
    await runAsync(closeQuietly(await runAsync(beginManifest(place, number, state))));
    await setting.finish();
    for (const name of listing.temporary) await removeIfThere(fs, joinPath(path, name));
    return this.#findings.report('repaired');
  }

  /** With a manifest that can be trusted: each damaged part is replaced by what can be read of it. */
  async #mend(
    listing: Listing,
    manifest: FoundManifest,
    { tables, logProblem, mended }: Diagnosis,
    outputs: Outputs,
  ): Promise<Omit<Mended, 'databaseId'>> {
    const findings = this.#findings;
    const { state } = manifest;
    const added: TableMeta[] = [];
    const setAside = new Set<string>();
    if (mended !== undefined) setAside.add(manifestName(manifest.number));
    for (const { meta, problem } of tables) {
      const keyspace = state.keyspaces.get(meta.keyspaceId)!;
      const replacement = await this.#replaceTable(keyspace, meta, problem, listing, outputs);
      if (replacement !== undefined) added.push(replacement);
    }
    const names = new Set(listing.files.map(({ name }) => name));
    const live = new Set<number>();
    for (const { version } of state.keyspaces.values()) {
      for (const { fileNumber } of version.tables()) live.add(fileNumber);
      findings.tables.kept += version.tableCount;
    }
    findings.tables.kept -= tables.length;
    for (const { meta } of tables) live.delete(meta.fileNumber);
    // Tables that nothing names go too: the new manifest cuts a torn tail off for good.
    for (const { kind, number, name } of listing.files) {
      if (kind === 'table' && !live.has(number)) setAside.add(name);
    }
    const logs =
      logProblem === undefined ? undefined : await this.#mendLogs(listing, manifest, outputs);
    if (logs === undefined) findings.logs.kept = this.#logsFrom(listing, state.logNumber).length;
    else for (const { kind, name } of listing.files) if (kind === 'log') setAside.add(name);
    if (outputs.isDry) return { state, setAside: [...setAside].filter((name) => names.has(name)) };
    const next = applyEdit(state, {
      removedTables: tables.map(({ meta: { keyspaceId, fileNumber } }) => ({
        keyspaceId,
        fileNumber,
      })),
      addedTables: added,
      lastSeq: Math.max(state.lastSeq, logs?.highestSeq ?? 0),
      nextFileNumber: Math.max(outputs.nextNumber, state.nextFileNumber),
      ...(logs === undefined
        ? { ...(state.cleanClose === undefined ? {} : { cleanClose: state.cleanClose }) }
        : { logNumber: logs.logNumber! }),
    });
    return { state: next, setAside: [...setAside].filter((name) => names.has(name)) };
  }

  async #replaceTable(
    keyspace: KeyspaceState,
    meta: TableMeta,
    problem: LsmError,
    listing: Listing,
    outputs: Outputs,
  ): Promise<TableMeta | undefined> {
    const fs = this.#fs;
    const findings = this.#findings;
    const original = joinPath(this.#path, tableName(meta.fileNumber));
    const path = (await findByTableId(fs, listing, original, meta.tableId)) ?? original;
    const target: TableTarget = {
      keyspaceId: keyspace.id,
      keyspaceName: keyspace.name,
      level: meta.level,
      flushedSeq: keyspace.flushedSeq,
      settings: tableSettingsOf(keyspace.settings),
    };
    const options = { tableIds: [meta.tableId], expected: meta };
    const { salvaged, meta: replacement } = await rewriteTable(fs, path, options, target, outputs);
    const { entries, tombstones, gaps } = salvaged;
    findings.tables.entriesSaved += entries;
    if (replacement === undefined) findings.tables.lost++;
    else findings.tables.rewritten++;
    if (entries === meta.entries) return replacement;
    const common = {
      file: original,
      keyspace: keyspace.name,
      deletedKeysMayReturn: meta.tombstones > tombstones,
    };
    if (gaps.length === 0 || entries === 0) {
      const { smallest, largest } = meta;
      findings.lose({
        ...common,
        offset: undefined,
        bytes: undefined,
        what: problem.message,
        smallest,
        largest,
      });
    } else for (const gap of gaps) findings.lose({ ...common, ...gap });
    return replacement;
  }

  async #mendLogs(
    listing: Listing,
    { databaseId, state }: FoundManifest,
    outputs: Outputs,
  ): Promise<{ readonly highestSeq: number; readonly logNumber: number | undefined }> {
    const numbers = this.#logsFrom(listing, state.logNumber);
    const { cleanClose, logNumber: oldest } = state;
    const closes = new Map<number, number>();
    if (cleanClose !== undefined) closes.set(cleanClose.logNumber, cleanClose.syncedLength);
    const found = await findLogs(this.#fs, this.#path, numbers, databaseId);
    const chain = linkLogs(found, oldest, closes);
    const scanned = await scanLogs(this.#fs, chain);
    const flushedSeqs = [...state.keyspaces.values()].map(({ flushedSeq }) => flushedSeq);
    const salvaged = await salvageLogs(this.#fs, scanned, Math.min(...flushedSeqs), outputs);
    this.#findings.loseRecords(salvaged, chain.logs.length);
    return { highestSeq: scanned.highestSeq, logNumber: salvaged.logNumber };
  }

  #logsFrom(listing: Listing, oldest: number): number[] {
    return listing.files
      .filter(({ kind, number }) => kind === 'log' && number >= oldest)
      .map(({ number }) => number);
  }

  #tell(files: number, of: number): void {
    this.#options.onProgress?.({ files, of });
  }
}

/** Another file with this table's id, where its own is missing or another's: renamed, or set aside. */
async function findByTableId(
  fs: FileSystem,
  listing: Listing,
  original: string,
  tableId: FileId,
): Promise<string | undefined> {
  const isIt = async (path: string): Promise<boolean> => {
    const id = await readTableId(fs, path);
    return id !== undefined && sameFileId(id, tableId);
  };
  const files = [...listing.files, ...listing.lost].filter(({ kind }) => kind === 'table');
  const isThere = files.some(({ path }) => path === original);
  if (isThere && (await readTableId(fs, original)) === undefined) return original;
  if (isThere && (await isIt(original))) return original;
  for (const { path } of files) if (path !== original && (await isIt(path))) return path;
  return undefined;
}

/** The id in a table's header; undefined when that is damaged. */
export async function readTableId(fs: FileSystem, path: string): Promise<FileId | undefined> {
  const file = await fs.open(path);
  try {
    const bytes = new Uint8Array(fileHeaderBytes);
    const length = await file.read(bytes, 0, bytes.length, 0);
    return decodeFileHeader(bytes.subarray(0, length), 'table', path).fileId;
  } catch (error) {
    if (isLsmError(error)) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}
