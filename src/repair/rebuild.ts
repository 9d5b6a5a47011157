import { formatFileId, type FileId } from '../base/checksum.js';
import { corruption } from '../base/errors.js';
import { joinPath, tableName } from '../base/file-names.js';
import type { TableMeta } from '../base/table-meta.js';
import type { FileSystem } from '../fs/file-system.js';
import { applyEdit, emptyState } from '../manifest/manifest-state.js';
import type { VersionEdit } from '../manifest/version-edit.js';
import { chooseDatabase } from './choose-database.js';
import { checkLogs } from './diagnose.js';
import type { Findings } from './findings.js';
import { groupTables, placeGroups } from './group-tables.js';
import { KnownKeyspaces, type KnownKeyspace } from './known-keyspaces.js';
import type { ListedFile, Listing } from './listing.js';
import { findLogs, linkLogs } from './log-chain.js';
import { readHints, type ManifestHints } from './manifest-hints.js';
import { mergeTables } from './merge-tables.js';
import type { Mended } from './mended.js';
import { removeIfThere, type Outputs, type TableTarget } from './outputs.js';
import { rewriteTable } from './rewrite-table.js';
import { salvageLogs, scanLogs, type ScannedLogs } from './salvage-logs.js';
import { isPlausible, metaOf, surveyTable, type SurveyedTable } from './survey-tables.js';
import { tableBytesOf, tableSettingsOf } from './table-settings.js';

export interface RebuildOptions {
  readonly fs: FileSystem;
  readonly path: string;
  readonly listing: Listing;
  readonly databaseId: string | undefined;
  readonly findings: Findings;
  readonly outputs: Outputs;
  readonly onFile: (file: number, of: number) => void;
}

/** A table that takes part, and where its file is. */
interface Part {
  readonly meta: TableMeta;
  readonly path: string;
  /** It can stay where it is: sound, and in the directory. */
  readonly isInPlace: boolean;
  /** It was written by this repair. */
  readonly isNew: boolean;
}

/**
 * Concludes what a database consists of from its tables and logs, since no
 * manifest can be trusted. Tables in `lost/` take part: nothing tells any more why
 * they are there. What is obsolete cannot be told from what is not, unless a
 * record of a manifest still says so: therefore deleted keys may return.
 */
export async function rebuild(options: RebuildOptions): Promise<Mended> {
  const { fs, path, listing, findings, outputs } = options;
  findings.isRebuilt = true;
  const databaseId = await chooseDatabase(fs, path, listing.files, options.databaseId);
  outputs.databaseId = databaseId;
  const hints = await readHints(fs, listing.files, databaseId);
  outputs.skipNumbersTo(hints.nextFileNumber - 1);
  const rebuilding = new Rebuilding(options, databaseId, hints);
  return await rebuilding.run();
}

class Rebuilding {
  readonly #options: RebuildOptions;
  readonly #databaseId: FileId;
  readonly #hints: ManifestHints;
  /** Names of files that stay. */
  readonly #kept = new Set<string>();

  constructor(options: RebuildOptions, databaseId: FileId, hints: ManifestHints) {
    this.#options = options;
    this.#databaseId = databaseId;
    this.#hints = hints;
  }

  async run(): Promise<Mended> {
    const { listing, findings, outputs } = this.#options;
    const tables = await this.#survey();
    const names = new Map<number, string>();
    for (const { properties } of tables) {
      if (properties !== undefined) names.set(properties.keyspaceId, properties.keyspaceName);
    }
    const keyspaces = new KnownKeyspaces(this.#hints, names);
    const scanned = await this.#scanLogs();
    for (const id of scanned.keyspaceIds) keyspaces.addUnnamed(id);
    const parts = await this.#partsOf(tables, keyspaces);
    const logs = await this.#logs(scanned, keyspaces, parts);
    const edit = await this.#stateOf(keyspaces, parts, logs);
    findings.renamedKeyspaces.push(...keyspaces.madeUp);
    const setAside = listing.files.map(({ name }) => name).filter((name) => !this.#kept.has(name));
    const state = outputs.isDry ? emptyState : applyEdit(emptyState, edit);
    return { databaseId: this.#databaseId, state, setAside };
  }

  /** The tables that take part: each once, also where it has two names, and none that others replaced. */
  async #survey(): Promise<SurveyedTable[]> {
    const { fs, listing, findings, onFile } = this.#options;
    const files = [
      ...listing.files.map((file) => ({ file, isInLost: false })),
      ...listing.lost.map((file) => ({ file, isInLost: true })),
    ].filter(({ file }) => file.kind === 'table');
    const byId = new Map<string, SurveyedTable>();
    for (const [i, { file, isInLost }] of files.entries()) {
      onFile(i + 1, files.length);
      const table = await surveyTable(fs, file, isInLost, this.#databaseId, this.#hints);
      if (table === 'unknown' && !isInLost) this.#noteUnknown(file);
      if (table === undefined || table === 'unknown') continue;
      const { properties } = table;
      if (properties !== undefined && !isPlausible(properties)) {
        findings.problem(corruption('impossible sequence number or keyspace', file.path));
        continue;
      }
      const id = formatFileId(table.tableIds[0]);
      const twin = byId.get(id);
      if (twin === undefined || (twin.problem !== undefined && table.problem === undefined)) {
        byId.set(id, table);
      }
    }
    const sound = new Set<number>();
    for (const { file, problem } of byId.values())
      if (problem === undefined) sound.add(file.number);
    return [...byId.values()].filter(
      ({ file }) => !this.#hints.isReplaced(file.number, (number) => sound.has(number)),
    );
  }

  /** Its header is damaged so that not even whose it is can be told; in `lost/` it may be looked at. */
  #noteUnknown({ name, path }: ListedFile): void {
    const { findings } = this.#options;
    findings.problem(corruption('header so damaged that the database cannot be told', path, 0));
    findings.tables.lost++;
    findings.lose({
      file: path,
      offset: 0,
      bytes: undefined,
      what: `nothing tells whether ${name} is of this database`,
      keyspace: undefined,
      smallest: undefined,
      largest: undefined,
      deletedKeysMayReturn: true,
    });
  }

  async #partsOf(tables: readonly SurveyedTable[], keyspaces: KnownKeyspaces): Promise<Part[]> {
    const { findings } = this.#options;
    const parts: Part[] = [];
    for (const table of tables) {
      const { properties, problem, file, isInLost } = table;
      const isDropped = properties !== undefined && keyspaces.isDropped(properties.keyspaceId);
      if (isDropped || properties?.entries === 0) continue;
      if (problem === undefined) {
        parts.push({
          meta: metaOf(table, properties!),
          path: file.path,
          isInPlace: !isInLost,
          isNew: false,
        });
        continue;
      }
      findings.problem(problem);
      const part = await this.#rewrite(table, keyspaces);
      if (part !== undefined) parts.push(part);
    }
    this.#noteMissing(tables, keyspaces);
    return parts;
  }

  async #rewrite(table: SurveyedTable, keyspaces: KnownKeyspaces): Promise<Part | undefined> {
    const { fs, findings, outputs, path } = this.#options;
    const { file, properties } = table;
    const hint = this.#hints.tables.get(file.number);
    const keyspaceId = properties?.keyspaceId ?? hint?.keyspaceId;
    const known = keyspaceId === undefined ? undefined : keyspaces.get(keyspaceId);
    const keyspace = known ?? keyspaces.forUnknown(file.number);
    const expected = properties ?? hint;
    const { tableIds } = table;
    const target = this.#target(keyspace, 0);
    const { salvaged, meta } = await rewriteTable(
      fs,
      file.path,
      { tableIds, expected },
      target,
      outputs,
    );
    const { entries, tombstones, gaps } = salvaged;
    findings.tables.entriesSaved += entries;
    if (meta === undefined) findings.tables.lost++;
    else findings.tables.rewritten++;
    if (entries !== expected?.entries) {
      const deletedKeysMayReturn = expected === undefined || expected.tombstones > tombstones;
      const common = { file: file.path, keyspace: known?.name, deletedKeysMayReturn };
      if (gaps.length === 0 || entries === 0 || known === undefined) {
        const { smallest, largest } = expected ?? { smallest: undefined, largest: undefined };
        const what = table.problem!.message;
        const place = { offset: undefined, bytes: undefined, what, smallest, largest };
        findings.lose({ ...common, ...place });
      } else for (const gap of gaps) findings.lose({ ...common, ...gap });
    }
    if (meta === undefined) return undefined;
    const written = outputs.isDry ? file.path : joinPath(path, tableName(meta.fileNumber));
    return { meta, path: written, isInPlace: true, isNew: true };
  }

  /** Tables that a manifest names, and that nothing has replaced, but that are not there. */
  #noteMissing(tables: readonly SurveyedTable[], keyspaces: KnownKeyspaces): void {
    const { findings, path } = this.#options;
    const there = new Set(tables.map(({ tableIds }) => formatFileId(tableIds[0])));
    for (const [number, { tableId, keyspaceId, smallest, largest }] of this.#hints.tables) {
      const keyspace = keyspaces.get(keyspaceId);
      if (keyspace === undefined || this.#hints.removed.has(number)) continue;
      if (there.has(formatFileId(tableId))) continue;
      findings.tables.lost++;
      findings.lose({
        file: joinPath(path, tableName(number)),
        offset: undefined,
        bytes: undefined,
        what: `${tableName(number)} is missing`,
        keyspace: keyspace.name,
        smallest,
        largest,
        deletedKeysMayReturn: true,
      });
    }
  }

  #target({ id, name, settings }: KnownKeyspace, flushedSeq: number): TableTarget {
    return {
      keyspaceId: id,
      keyspaceName: name,
      level: 0,
      flushedSeq,
      settings: tableSettingsOf(settings),
    };
  }

  async #scanLogs(): Promise<ScannedLogs> {
    const { fs, path, listing, outputs } = this.#options;
    const numbers = listing.files.filter(({ kind }) => kind === 'log').map(({ number }) => number);
    const found = await findLogs(fs, path, numbers, this.#databaseId);
    for (const { links } of found) outputs.skipNumbersTo(links?.manifestNumber ?? 0);
    return await scanLogs(fs, linkLogs(found, 0, this.#hints.cleanCloses));
  }

  async #logs(
    scanned: ScannedLogs,
    keyspaces: KnownKeyspaces,
    parts: readonly Part[],
  ): Promise<{ readonly logNumber: number; readonly highestSeq: number }> {
    const { fs, path, findings, outputs } = this.#options;
    const { chain, highestSeq } = scanned;
    if (chain.logs.length === 0) return { logNumber: 0, highestSeq: 0 };
    const logNumber = chain.logs[0].number;
    const { number: newest, closedAt } = chain.logs.at(-1)!;
    const cleanClose = { logNumber: newest, syncedLength: closedAt };
    const state = { ...emptyState, logNumber, ...(closedAt > 0 ? { cleanClose } : {}) };
    const problem = await checkLogs(
      fs,
      path,
      { databaseId: this.#databaseId, state },
      chain.logs.map(({ number }) => number),
      new Set(),
      true,
    );
    if (problem === undefined) {
      for (const { name } of chain.logs) this.#kept.add(name);
      findings.logs.kept = chain.logs.length;
      return { logNumber, highestSeq };
    }
    findings.problem(problem);
    const flushedSeqs = keyspaces.all.map(({ id }) => flushedSeqOf(id, parts));
    const salvaged = await salvageLogs(fs, scanned, Math.min(...flushedSeqs), outputs);
    findings.loseRecords(salvaged, chain.logs.length);
    return { logNumber: salvaged.logNumber ?? 0, highestSeq };
  }

  async #stateOf(
    keyspaces: KnownKeyspaces,
    parts: readonly Part[],
    logs: { readonly logNumber: number; readonly highestSeq: number },
  ): Promise<VersionEdit> {
    const { outputs } = this.#options;
    const addedTables: TableMeta[] = [];
    for (const keyspace of keyspaces.all) {
      const own = parts.filter(({ meta }) => meta.keyspaceId === keyspace.id);
      addedTables.push(...(await this.#arrange(keyspace, own)));
    }
    const { all } = keyspaces;
    const highest = parts.reduce((seq, { meta }) => Math.max(seq, meta.largestSeq), 0);
    return {
      addedKeyspaces: all.map(({ id, name }) => ({ id, name })),
      settings: all.map(({ id, settings }) => ({ keyspaceId: id, settings })),
      flushedSeqs: all.map(({ id }) => ({ keyspaceId: id, seq: flushedSeqOf(id, parts) })),
      addedTables,
      nextKeyspaceId: keyspaces.nextId,
      lastSeq: Math.max(highest, logs.highestSeq, this.#hints.lastSeq),
      nextFileNumber: outputs.nextNumber,
      logNumber: logs.logNumber,
    };
  }

  /** The tables of a keyspace in levels; those in an order that nobody knows become one sorted run. */
  async #arrange(keyspace: KnownKeyspace, parts: readonly Part[]): Promise<TableMeta[]> {
    const { fs, findings, outputs } = this.#options;
    const partOf = new Map(parts.map((part) => [part.meta, part]));
    const arranged: TableMeta[] = [];
    for (const { group, level } of placeGroups(groupTables(parts.map(({ meta }) => meta)))) {
      const [first] = group.tables;
      const part = partOf.get(first)!;
      if (group.tables.length === 1 && part.isInPlace) {
        arranged.push({ ...first, level });
        this.#kept.add(tableName(first.fileNumber));
        findings.tables.kept++;
        continue;
      }
      findings.tables.merged += group.tables.length;
      if (outputs.isDry) continue;
      const target = { ...this.#target(keyspace, flushedSeqOf(keyspace.id, parts)), level };
      const merged = await mergeTables(
        fs,
        group.tables,
        (meta) => partOf.get(meta)!.path,
        target,
        tableBytesOf(keyspace.settings),
        outputs,
      );
      arranged.push(...merged);
      for (const { isNew, path } of group.tables.map((meta) => partOf.get(meta)!)) {
        if (isNew) await removeIfThere(fs, path);
      }
    }
    return arranged;
  }
}

/** Everything up to here is in tables. A table that is lost as a whole does not count: its writes may be in a log. */
function flushedSeqOf(keyspaceId: number, parts: readonly Part[]): number {
  return parts.reduce(
    (seq, { meta }) => (meta.keyspaceId === keyspaceId ? Math.max(seq, meta.largestSeq) : seq),
    0,
  );
}
