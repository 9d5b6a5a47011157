import { assert, AssertionFailure } from '../base/assert.js';
import type { FileId } from '../base/checksum.js';
import { corruption, LsmError, toLsmError } from '../base/errors.js';
import { currentName, joinPath, manifestName } from '../base/file-names.js';
import type { RandomSource } from '../base/prng.js';
import type { Steps } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { closeQuietly } from '../wal/close-quietly.js';
import type { LogWriter } from '../wal/log-writer.js';
import type { LiveFiles } from './classify-files.js';
import { encodeEdit } from './edit-codec.js';
import { listDirectory, removeFile, syncDirectory, syncFile } from './file-steps.js';
import { applyEdit, emptyState, type KeyspaceState, type ManifestState } from './manifest-state.js';
import { beginManifest, type DatabasePlace } from './manifest-writer.js';
import {
  findManifest,
  highestNumber,
  type FoundManifest,
  type ManifestReport,
} from './find-manifest.js';
import { TableLiveness } from './table-liveness.js';
import type { CleanClose, VersionEdit } from './version-edit.js';
import type { Version } from './version.js';

/** File numbers made durable ahead of their use, so that none costs a sync. */
const reservedNumbers = 1000;

/** Numbers are below this: a manifest that says more cannot be read again. */
const maxFileNumber = Number.MAX_SAFE_INTEGER;

/** A manifest is not rolled before it has this size, in bytes. */
const defaultRollBytes = 1024 * 1024;

export const defaultKeyspaceId = 0;
export const defaultKeyspaceName = 'default';

export interface VersionSetOptions {
  readonly random: RandomSource;
  /** A manifest above this size, and above four times its snapshot, is rolled. Default 1 MiB. */
  readonly rollBytes?: number;
}

export interface RecoveredVersionSet {
  readonly set: VersionSet;
  readonly report: ManifestReport;
}

/**
 * All keyspaces of a database and their versions, kept in the manifest: an edit
 * is one record, synced before anybody sees its effect.
 *
 * Edits are never interleaved: the caller queues `apply`, `ensureFileNumbers`,
 * `openForWriting` and `close` one after the other. After a failed write or sync
 * the set takes no more edits; reading its state goes on.
 *
 * Version sets of an existing database open in two steps. `recover` only reads,
 * so that the logs can be held against it (`checkClaim`); `openForWriting` then
 * makes a new manifest.
 */
export class VersionSet implements LiveFiles {
  readonly databaseId: FileId;
  readonly #place: DatabasePlace;
  readonly #rollBytes: number;
  readonly #liveness: TableLiveness;
  readonly #recovered: FoundManifest | undefined;
  #state: ManifestState;
  #manifestNumber: number;
  #previousManifest: number | undefined;
  #obsoleteManifests: number[] = [];
  /** Undefined until it may be written. */
  #writer: LogWriter | undefined;
  #snapshotBytes = 0;
  #nextFileNumber: number;
  #isApplying = false;
  #failure: LsmError | undefined;

  private constructor(
    place: DatabasePlace,
    options: VersionSetOptions,
    state: ManifestState,
    recovered: FoundManifest | undefined,
  ) {
    this.#place = place;
    this.databaseId = place.databaseId;
    this.#rollBytes = options.rollBytes ?? defaultRollBytes;
    this.#recovered = recovered;
    this.#manifestNumber = recovered?.number ?? 0;
    this.#nextFileNumber = Math.max(state.nextFileNumber, (recovered?.highestNumber ?? 0) + 1);
    this.#state = state;
    this.#liveness = new TableLiveness(state.keyspaces);
  }

  /** Makes a new database, with the default keyspace, in a directory where `recover` found none. */
  static *create(
    fs: FileSystem,
    directory: string,
    options: VersionSetOptions & { readonly databaseId: FileId },
  ): Steps<VersionSet> {
    const { databaseId, random } = options;
    const place = { fs, directory, databaseId, random };
    const state = applyEdit(emptyState, {
      addedKeyspaces: [{ id: defaultKeyspaceId, name: defaultKeyspaceName }],
    });
    const set = new VersionSet(place, options, state, undefined);
    // A creation that was cut off may have left manifests, which never counted.
    const left = yield* listDirectory(fs, directory);
    set.#nextFileNumber = highestNumber(left) + 1;
    yield* set.#roll();
    return set;
  }

  /**
   * Finds and reads the manifest that counts, and changes nothing. Undefined when
   * there never was a database here.
   * @throws LsmError `LSM_CORRUPTION`, `LSM_UNSUPPORTED_FORMAT`, or
   * `LSM_NOT_A_DATABASE` when the directory holds other files only.
   */
  static *recover(
    fs: FileSystem,
    directory: string,
    options: VersionSetOptions,
  ): Steps<RecoveredVersionSet | undefined> {
    const found = yield* findManifest(fs, directory);
    if (found === undefined) return undefined;
    const { databaseId, state, report } = found;
    const place = { fs, directory, databaseId, random: options.random };
    return { set: new VersionSet(place, options, state, found), report };
  }

  /** What the edits so far say together. A new one after every edit. */
  get state(): ManifestState {
    return this.#state;
  }

  /** By id, ascending. A new map after every edit. */
  get keyspaces(): ReadonlyMap<number, KeyspaceState> {
    return this.#state.keyspaces;
  }

  get nextKeyspaceId(): number {
    return this.#state.nextKeyspaceId;
  }

  /** No sequence number in a table, and none that an edit spoke of, is above. */
  get lastSeq(): number {
    return this.#state.lastSeq;
  }

  /** Oldest log still needed. */
  get logNumber(): number {
    return this.#state.logNumber;
  }

  /** Set when the last edit was a clean close: a claim about that log. */
  get cleanClose(): CleanClose | undefined {
    return this.#state.cleanClose;
  }

  get manifestNumber(): number {
    return this.#manifestNumber;
  }

  /** Kept one generation; undefined when there is none. */
  get previousManifest(): number | undefined {
    return this.#previousManifest;
  }

  /** Bytes of the manifest that are durable: a log that begins now claims them in its header. */
  get syncedLength(): number {
    return this.#writer?.syncedEnd ?? this.#recovered?.end ?? 0;
  }

  /** The first error that made the set refuse edits. */
  get failure(): LsmError | undefined {
    return this.#failure;
  }

  /** Refuses every edit from now on; the first cause is kept. Also for a late error of the thread pool. */
  fail(error: unknown): LsmError {
    if (error instanceof AssertionFailure) throw error;
    this.#failure ??= toLsmError(error, 'writing the manifest', this.#path());
    return this.#failure;
  }

  /**
   * Holds what a log's header claims against the manifest that was recovered:
   * `length` bytes of manifest `number` were durable when that log began.
   * @throws LsmError `LSM_CORRUPTION` when the manifest is older or shorter.
   */
  checkClaim(number: number, length: number, claimant = 'a log'): void {
    const recovered = this.#recovered;
    if (recovered === undefined) return;
    if (number > recovered.number) {
      throw corruption(
        `${claimant} was begun under ${manifestName(number)}, but ${currentName} leads to an older manifest`,
        recovered.path,
      );
    }
    if (number === recovered.number && length > recovered.end) {
      throw corruption(
        `${claimant} knows ${length} durable bytes, but there is no whole record behind ${recovered.end}`,
        recovered.path,
        recovered.end,
      );
    }
  }

  /**
   * Makes a recovered set writable: makes durable what was read, deletes the
   * manifests of rolls that never took effect, and goes on in a new manifest. So
   * a torn tail is cut for good. Once only, after all claims were checked.
   */
  *openForWriting(): Steps<void> {
    const recovered = this.#recovered;
    assert(recovered !== undefined && this.#writer === undefined, 'a set is opened once');
    const { fs, directory } = this.#place;
    const end = this.#begin();
    try {
      yield* syncFile(fs, recovered.path);
      if (recovered.report.currentProblem === undefined) {
        yield* syncFile(fs, joinPath(directory, currentName));
      }
      yield* syncDirectory(fs, directory);
      for (const number of recovered.voidManifests) {
        yield* removeFile(fs, joinPath(directory, manifestName(number)));
      }
      if (recovered.voidManifests.length > 0) yield* syncDirectory(fs, directory);
    } catch (error) {
      throw this.fail(error);
    } finally {
      end();
    }
    yield* this.#roll();
  }

  /**
   * Makes an edit durable, then visible. It must fit the state: no keyspace or
   * table that is not there, no number that goes back.
   * @throws LsmError what the disk said, and `LSM_FAILED` with the first cause ever after.
   */
  *apply(edit: VersionEdit): Steps<void> {
    yield* this.#write(edit, 0);
  }

  /** How many file numbers `takeFileNumbers` can give before the next edit. */
  get freeFileNumbers(): number {
    return Math.max(0, this.#state.nextFileNumber - this.#nextFileNumber);
  }

  /**
   * Takes `count` numbers that follow each other and returns the first. They are
   * never given again, whatever happens. Every edit renews the reserve, so it
   * lasts unless a thousand are taken between two edits: see `ensureFileNumbers`.
   * @throws LsmError `LSM_CORRUPTION` when they have run out, which takes a made-up one
   */
  takeFileNumbers(count = 1): number {
    if (this.#nextFileNumber + count > maxFileNumber) throw this.#noMoreNumbers();
    assert(this.freeFileNumbers >= count, `${count} file numbers are not reserved`);
    const first = this.#nextFileNumber;
    this.#nextFileNumber += count;
    return first;
  }

  /** Makes sure that `takeFileNumbers(count)` can be called. */
  *ensureFileNumbers(count: number): Steps<void> {
    if (this.freeFileNumbers < count) yield* this.#write({}, count);
  }

  /** Keeps the tables of a current or pinned version until it is released as often. */
  acquire(version: Version): void {
    this.#liveness.acquire(version);
  }

  release(version: Version): void {
    this.#liveness.release(version);
  }

  hasTable(fileNumber: number): boolean {
    return this.#liveness.has(fileNumber);
  }

  /** Tables removed by a durable edit that no version needs any more, ascending; until `forget`. */
  obsoleteTables(): number[] {
    return this.#liveness.obsoleteTables();
  }

  /** Removed tables whose files are still there, needed or not. */
  get removedTableCount(): number {
    return this.#liveness.removedCount;
  }

  /** Manifests older than the previous one that this set has rolled away; until `forgetManifests`. */
  obsoleteManifests(): number[] {
    return [...this.#obsoleteManifests];
  }

  /** The files of these tables are gone. */
  forget(fileNumbers: Iterable<number>): void {
    this.#liveness.forget(fileNumbers);
  }

  forgetManifests(numbers: readonly number[]): void {
    this.#obsoleteManifests = this.#obsoleteManifests.filter((each) => !numbers.includes(each));
  }

  /** Closes the manifest's file. Nothing is written. */
  *close(): Steps<void> {
    const end = this.#begin();
    try {
      const writer = this.#writer;
      if (writer !== undefined) yield* closeQuietly(writer);
    } finally {
      end();
    }
  }

  /** Forbids a second edit while one is under way; returns the function that ends it. */
  #begin(): () => void {
    assert(!this.#isApplying, 'edits are applied one after the other');
    this.#isApplying = true;
    return () => {
      this.#isApplying = false;
    };
  }

  *#write(edit: VersionEdit, numbersWanted: number): Steps<void> {
    if (this.#mustRoll()) yield* this.#roll();
    const end = this.#begin();
    try {
      this.#throwIfFailed();
      refuseLastKeyspaceId(edit);
      const writer = this.#writer;
      assert(writer !== undefined, 'openForWriting comes before the first edit');
      const complete = this.#withReserve(edit, numbersWanted);
      const next = applyEdit(this.#state, complete);
      const record = encodeEdit(complete);
      try {
        writer.append(record);
        yield writer.flush();
        yield writer.sync();
      } catch (error) {
        throw this.fail(error);
      }
      // A late error may have arrived while this edit was under way.
      this.#throwIfFailed();
      this.#liveness.publish(this.#state.keyspaces, next.keyspaces, complete);
      this.#state = next;
    } finally {
      end();
    }
  }

  /** Renews the reserve of file numbers, so that no edit is empty. */
  #withReserve(edit: VersionEdit, numbersWanted: number): VersionEdit {
    const renewed = this.#reserveBehind(numbersWanted);
    return { ...edit, nextFileNumber: Math.max(renewed, this.#state.nextFileNumber) };
  }

  /** Where the reserve ends when `count` more numbers are taken. */
  #reserveBehind(count: number): number {
    const end = this.#nextFileNumber + count;
    if (end > maxFileNumber) throw this.#noMoreNumbers();
    return Math.min(end + reservedNumbers, maxFileNumber);
  }

  #noMoreNumbers(): LsmError {
    const { directory } = this.#place;
    const what = `a file name or the manifest has a number that no database reaches (${this.#nextFileNumber - 1})`;
    return corruption(`file numbers have run out: ${what}`, directory);
  }

  #mustRoll(): boolean {
    const size = this.#writer?.end ?? 0;
    return size > this.#rollBytes && size > 4 * this.#snapshotBytes && this.freeFileNumbers > 0;
  }

  /** Goes on in a new manifest, which begins with the state as it is. */
  *#roll(): Steps<void> {
    const end = this.#begin();
    try {
      this.#throwIfFailed();
      const nextFileNumber = this.#reserveBehind(1);
      const number = this.#nextFileNumber++;
      const state = { ...this.#state, nextFileNumber };
      let writer: LogWriter;
      try {
        writer = yield* beginManifest(this.#place, number, state);
      } catch (error) {
        throw this.fail(error);
      }
      const old = this.#writer;
      this.#writer = writer;
      this.#snapshotBytes = writer.end;
      this.#state = state;
      if (this.#previousManifest !== undefined)
        this.#obsoleteManifests.push(this.#previousManifest);
      this.#previousManifest = this.#manifestNumber === 0 ? undefined : this.#manifestNumber;
      this.#manifestNumber = number;
      if (old !== undefined) yield* closeQuietly(old);
    } finally {
      end();
    }
  }

  #throwIfFailed(): void {
    const cause = this.#failure;
    if (cause === undefined) return;
    throw new LsmError('LSM_FAILED', `the manifest takes no more edits: ${cause.message}`, {
      file: this.#path(),
      cause,
    });
  }

  #path(): string {
    return joinPath(this.#place.directory, manifestName(this.#manifestNumber));
  }
}

/** The id behind it could not be stored. */
function refuseLastKeyspaceId({ addedKeyspaces = [] }: VersionEdit): void {
  if (addedKeyspaces.every(({ id }) => id < Number.MAX_SAFE_INTEGER)) return;
  throw new LsmError('LSM_TOO_LARGE', 'there have been as many keyspaces as a manifest can number');
}
