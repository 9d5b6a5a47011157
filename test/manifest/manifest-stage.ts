/** Sets the stage for tests of the version set: a database in memory. */
import { LsmError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { runAsync } from '../../src/base/task.js';
import type { FileSystem } from '../../src/fs/file-system.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { VersionSet, type RecoveredVersionSet } from '../../src/manifest/version-set.js';
import type { VersionEdit } from '../../src/manifest/version-edit.js';
import { describeState } from './fixtures.js';

export const directory = '/db';
export const databaseId = { low: 0xdb, high: 1 };

export async function emptyDisk(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory(directory);
  return disk;
}

export interface StageOptions {
  readonly seed?: number;
  readonly rollBytes?: number;
}

export function createSet(fs: FileSystem, options: StageOptions = {}): Promise<VersionSet> {
  const { seed = 1, rollBytes } = options;
  return runAsync(
    VersionSet.create(fs, directory, { databaseId, random: new Prng(seed), rollBytes }),
  );
}

export function recoverSet(
  fs: FileSystem,
  options: StageOptions = {},
): Promise<RecoveredVersionSet | undefined> {
  const { seed = 2, rollBytes } = options;
  return runAsync(VersionSet.recover(fs, directory, { random: new Prng(seed), rollBytes }));
}

/** As a writable open does it. */
export async function openSet(fs: FileSystem, options: StageOptions = {}): Promise<VersionSet> {
  const recovered = await recoverSet(fs, options);
  if (recovered === undefined) throw new Error('there is no database');
  await runAsync(recovered.set.openForWriting());
  return recovered.set;
}

export async function applyAll(set: VersionSet, edits: readonly VersionEdit[]): Promise<void> {
  for (const edit of edits) await runAsync(set.apply(edit));
}

/** The state of a set as text, without what depends on how often it was opened. */
export function describeSet(set: VersionSet): string {
  const { keyspaces, nextKeyspaceId, lastSeq, logNumber, cleanClose } = set;
  return describeState({
    keyspaces,
    nextKeyspaceId,
    lastSeq,
    nextFileNumber: 0,
    logNumber,
    cleanClose,
  });
}

/** A disk with one more or changed file. */
export function withFile(
  disk: MemoryFileSystem,
  name: string,
  content: Uint8Array | undefined,
): MemoryFileSystem {
  const files = disk.snapshotFiles();
  if (content === undefined) files.delete(`${directory}/${name}`);
  else files.set(`${directory}/${name}`, content);
  const changed = MemoryFileSystem.from(files);
  return changed;
}

export async function rejection(promise: Promise<unknown>): Promise<LsmError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof LsmError) return error;
    throw error;
  }
  throw new Error('it did not reject');
}
