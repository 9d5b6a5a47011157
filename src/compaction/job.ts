import type { Clock } from '../base/clock.js';
import { compareBytes } from '../base/bytes.js';
import {
  corruption,
  invalidArgument,
  isLsmError,
  LsmError,
  systemErrorCode,
  toLsmError,
} from '../base/errors.js';
import { joinPath, tableName } from '../base/file-names.js';
import type { TableMeta } from '../base/table-meta.js';
import { waitable, type Steps, type Waitable } from '../base/task.js';
import type { FileSystem } from '../fs/file-system.js';
import { CompactionIterator } from '../iterator/compaction-iterator.js';
import { ConcatIterator } from '../iterator/concat-iterator.js';
import type { Cursor } from '../iterator/cursor.js';
import { mergeCursors } from '../iterator/merging-iterator.js';
import { OlderRanges } from '../iterator/older-ranges.js';
import { FrozenMemtableReader } from '../memtable/frozen-memtable.js';
import { JobInputs } from './job-inputs.js';
import { ignoringErrors, JobOutputs } from './job-outputs.js';
import type { CompactionSettings, JobCounters, JobResult, JobSettings } from './job-settings.js';
import { OutputCutter } from './output-cutter.js';
import { isAtEnd, isTableFull, needsDrain, needsInput, TableFiller } from './table-filler.js';

export interface JobComponents {
  readonly fs: FileSystem;
  readonly clock: Clock;
}

export interface JobControl {
  /** Asked every few thousand entries and around each wait. */
  isCancelled(): boolean;
}

/** Lets the event loop turn; nothing to do for a caller that owns its thread. */
function pauseOn(clock: Clock): Waitable {
  return waitable(
    () =>
      new Promise((resolve) => {
        clock.nextTurn(resolve);
      }),
    () => undefined,
  );
}

/**
 * Flushes a memtable or carries out a compaction: merges the inputs, drops what
 * nobody can read, writes, syncs and names the outputs. It changes nothing but
 * its own output files; the caller makes them count.
 *
 * When it throws, its files are removed or at least never used. May be retried
 * under new names unless the code is `LSM_FAILED`.
 * @throws LsmError `LSM_ABORTED` when cancelled, `LSM_CORRUPTION` of an input,
 * `LSM_NO_SPACE`, `LSM_TOO_MANY_FILES`, `LSM_IO`, `LSM_FAILED` (the directory could not be synced)
 */
export function* runJob(
  settings: JobSettings,
  components: JobComponents,
  control: JobControl,
): Steps<JobResult> {
  const { fs, clock } = components;
  const startMs = clock.monotonicMs();
  const inputs: JobInputs[] = [];
  const outputs = new JobOutputs(fs, settings);
  const iterator = openInputs(settings, components, inputs);
  try {
    yield* writeTables(iterator, outputs, settings, control, pauseOn(clock));
    iterator.close();
    for (const input of inputs) yield* input.close();
    if (settings.kind !== 'flush') checkOutputs(settings, outputs.tables);
    if (outputs.tables.length > 0) yield* outputs.sync();
    const elapsedMs = clock.monotonicMs() - startMs;
    return { tables: outputs.tables, counters: countersOf(settings, iterator, outputs, elapsedMs) };
  } catch (error) {
    iterator.close();
    for (const input of inputs) yield* ignoringErrors(input.close());
    yield* outputs.abandon();
    if (settings.kind !== 'flush' && isLsmError(error, 'LSM_INVALID_ARGUMENT')) {
      throw blameInputs(error, settings);
    }
    if (systemErrorCode(error) === undefined) throw error;
    throw toLsmError(error, `a ${settings.kind} failed`);
  }
}

/** What a table's writer refuses, some input has given: it was checked when that was written. */
function blameInputs(error: LsmError, { runs, directory }: CompactionSettings): LsmError {
  const [first, ...others] = runs.flat().map(({ fileNumber }) => tableName(fileNumber));
  const among = others.length === 0 ? '' : ` (or ${others.join(', ')})`;
  return corruption(`${error.message}${among}`, joinPath(directory, first), undefined, error);
}

/** Nothing comes out that is not inside what the manifest says of the inputs: levels depend on it. */
function checkOutputs(settings: CompactionSettings, outputs: readonly TableMeta[]): void {
  const inputs = settings.runs.flat();
  const isInside = ({ smallest, largest, smallestSeq, largestSeq }: TableMeta): boolean =>
    inputs.some((input) => compareBytes(input.smallest, smallest) <= 0) &&
    inputs.some((input) => compareBytes(input.largest, largest) >= 0) &&
    inputs.some((input) => input.smallestSeq <= smallestSeq) &&
    inputs.some((input) => input.largestSeq >= largestSeq);
  if (outputs.every(isInside)) return;
  throw invalidArgument('entries beyond the keys and numbers that the manifest states:');
}

function openInputs(
  settings: JobSettings,
  { fs, clock }: JobComponents,
  inputs: JobInputs[],
): CompactionIterator {
  const { snapshotSeqs } = settings;
  if (settings.kind === 'flush') {
    const cursor = new FrozenMemtableReader(settings.memtable).cursor();
    return new CompactionIterator(cursor, snapshotSeqs);
  }
  const cursors = settings.runs.map((run): Cursor => {
    const input = new JobInputs(fs, clock, settings.directory, settings.databaseId);
    inputs.push(input);
    return new ConcatIterator(run, input);
  });
  const older = new OlderRanges(settings.olderOutside);
  return new CompactionIterator(mergeCursors(cursors), snapshotSeqs, older);
}

function* writeTables(
  iterator: CompactionIterator,
  outputs: JobOutputs,
  settings: JobSettings,
  control: JobControl,
  pause: Waitable,
): Steps<void> {
  checkCancelled(control);
  while (!iterator.first()) yield iterator;
  if (!iterator.valid) return;
  const cutter =
    settings.kind === 'flush'
      ? undefined
      : new OutputCutter(settings.targetTableBytes, settings.grandparents, settings.cutAfter);
  const filler = new TableFiller(iterator, cutter);
  let writer = yield* outputs.begin();
  cutter?.begin(iterator.entry);
  for (;;) {
    const stop = filler.fill(writer, outputs.canBeginAnother);
    checkCancelled(control);
    if (stop === needsInput) yield iterator;
    else if (stop === needsDrain) yield writer.drain();
    else if (stop === isTableFull) {
      yield* outputs.finish();
      writer = yield* outputs.begin();
      cutter?.begin(iterator.entry);
    } else if (stop === isAtEnd) {
      yield* outputs.finish();
      return;
    } else yield pause;
  }
}

function checkCancelled(control: JobControl): void {
  if (control.isCancelled()) throw new LsmError('LSM_ABORTED', 'the job was cancelled');
}

function countersOf(
  settings: JobSettings,
  iterator: CompactionIterator,
  outputs: JobOutputs,
  elapsedMs: number,
): JobCounters {
  const read = settings.kind === 'flush' ? [] : settings.runs.flat();
  const written = outputs.tables;
  return {
    rawBytesRead: iterator.rawBytesIn,
    rawBytesWritten: written.reduce((sum, table) => sum + table.rawBytes, 0),
    fileBytesRead: read.reduce((sum, table) => sum + table.size, 0),
    fileBytesWritten: written.reduce((sum, table) => sum + table.size, 0),
    entriesIn: iterator.entriesIn,
    entriesOut: written.reduce((sum, table) => sum + table.entries, 0),
    droppedTombstones: iterator.droppedTombstones,
    droppedSuperseded: iterator.droppedSuperseded,
    elapsedMs,
  };
}
