import { readdirSync, readFileSync } from 'node:fs';
import { MemoryFileSystem } from '../../src/fs.js';
import type { Database } from '../../src/index.js';

/** What a fixture holds, as the script that made it wrote it down. */
export interface Expected {
  /** Tables by level. */
  readonly levels: readonly number[];
  readonly isClean: boolean;
  /** The log that was cut in the middle of a record. */
  readonly tornLog?: string;
  /** Key and value, one character for each byte; the standalone table: key, seq, kind, value. */
  readonly entries: readonly (readonly (string | number)[])[];
}

const home = new URL('fixtures/', import.meta.url);

/** `v1`, …: one for each format version there has been. */
export const versions: readonly string[] = readdirSync(home).sort();

export function databasesOf(version: string): string[] {
  return readdirSync(new URL(version, home), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

export function readFixture(version: string, name: string): Uint8Array {
  return readFileSync(new URL(`${version}/${name}`, home));
}

export function readExpected(version: string, name: string): Expected {
  return JSON.parse(Buffer.from(readFixture(version, `${name}.json`)).toString()) as Expected;
}

/** A copy of a database, in the directory `/db` of a file system in memory. */
export function loadDatabase(version: string, name: string): MemoryFileSystem {
  const files = readdirSync(new URL(`${version}/${name}`, home)).map(
    (file) => [`/db/${file}`, new Uint8Array(readFixture(version, `${name}/${file}`))] as const,
  );
  return MemoryFileSystem.from(files);
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function entriesOf(db: Database, options?: { readonly reverse: boolean }): string[][] {
  return [...db.entriesSync(options)].map(([key, value]) => [latin1(key), latin1(value)]);
}

/** The files of a kind, by path. */
export function pathsOf(
  fs: MemoryFileSystem,
  kind: 'CURRENT' | 'MANIFEST' | 'log' | 'sst',
): string[] {
  const pattern = kind === 'log' || kind === 'sst' ? new RegExp(`\\.${kind}$`) : new RegExp(kind);
  return [...fs.snapshotFiles().keys()].filter((path) => pattern.test(path)).sort();
}
