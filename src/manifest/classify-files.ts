import {
  currentName,
  currentTemporaryName,
  isLockName,
  lostDirectoryName,
  parseFileName,
} from '../base/file-names.js';

/** What a sweep needs to know of the database; a `VersionSet` is one. */
export interface LiveFiles {
  readonly manifestNumber: number;
  /** The manifest before it, kept one generation; undefined when there is none. */
  readonly previousManifest: number | undefined;
  /** Oldest log still needed. */
  readonly logNumber: number;
  /** Whether a version, or a table file that a reader still needs, has this number. */
  hasTable(fileNumber: number): boolean;
}

/** The files of a database directory that a sweep may act on. Numbers and names are ascending. */
export interface ClassifiedFiles {
  /** Tables that no version names: leftovers, or lost by a manifest whose tail was cut. */
  readonly orphanTables: readonly number[];
  /** Neither current nor the one before it. */
  readonly oldManifests: readonly number[];
  /** Below the oldest log that is needed. */
  readonly oldLogs: readonly number[];
  /** Names of unfinished files of ours. */
  readonly temporary: readonly string[];
  /** Names that are none of ours: never touched. */
  readonly foreign: readonly string[];
}

const otherNames: readonly string[] = [currentName, lostDirectoryName];

/** True for a name with which this database never writes a file. */
export function isForeign(name: string): boolean {
  if (otherNames.includes(name) || isLockName(name)) return false;
  return !isTemporary(name) && parseFileName(name) === undefined;
}

function isTemporary(name: string): boolean {
  if (name === currentTemporaryName) return true;
  return name.endsWith('.tmp') && parseFileName(name.slice(0, -'.tmp'.length)) !== undefined;
}

/** Sorts what a directory holds into what is needed (left out) and what is not. */
export function classifyFiles(names: readonly string[], live: LiveFiles): ClassifiedFiles {
  const orphanTables: number[] = [];
  const oldManifests: number[] = [];
  const oldLogs: number[] = [];
  for (const name of names) {
    const file = parseFileName(name);
    if (file === undefined) continue;
    const { kind, number } = file;
    if (kind === 'table') {
      if (!live.hasTable(number)) orphanTables.push(number);
    } else if (kind === 'manifest') {
      const isKept = number === live.manifestNumber || number === live.previousManifest;
      if (!isKept) oldManifests.push(number);
    } else if (number < live.logNumber) oldLogs.push(number);
  }
  const ascending = (a: number, b: number): number => a - b;
  return {
    orphanTables: orphanTables.sort(ascending),
    oldManifests: oldManifests.sort(ascending),
    oldLogs: oldLogs.sort(ascending),
    temporary: names.filter(isTemporary).sort(),
    foreign: names.filter(isForeign).sort(),
  };
}
