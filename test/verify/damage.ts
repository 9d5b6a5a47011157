import { MemoryFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';
import { verifyDatabase, type VerifyReport } from '../../src/inspect.js';

/** Files by path. */
export type Image = ReadonlyMap<string, Uint8Array>;

/** Three tables of some blocks each, a manifest, and a log with entries; cleanly closed. */
export async function makeDatabase(): Promise<Image> {
  const fs = new MemoryFileSystem();
  const db = await open('/db', { fs, blockSizeBytes: 256, compression: 'none' });
  for (let table = 0; table < 3; table++) {
    for (let i = 0; i < 30; i++) db.putSync(`${'abc'[table]}${10 + i}`, 'value '.repeat(5));
    await db.flush();
  }
  for (let i = 0; i < 5; i++) await db.put(`log${i}`, 'in the log');
  await db.close();
  return fs.snapshotFiles();
}

export function pathOf(image: Image, pattern: RegExp): string {
  return pathsOf(image, pattern)[0];
}

export function pathsOf(image: Image, pattern: RegExp): string[] {
  return [...image.keys()].filter((path) => pattern.test(path)).sort();
}

export function flipped(bytes: Uint8Array, ...offsets: number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const offset of offsets) copy[offset] ^= 0x20;
  return copy;
}

/** Verifies the image with these files in place of its own (undefined: gone), and checks that nothing changes. */
export async function verifyWith(
  image: Image,
  changes: Readonly<Record<string, Uint8Array | undefined>>,
): Promise<VerifyReport> {
  const files = new Map(image);
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes === undefined) files.delete(path);
    else files.set(path, bytes);
  }
  const fs = MemoryFileSystem.from(files);
  const report = await verifyDatabase('/db', { fs });
  const after = fs.snapshotFiles();
  if (after.size !== files.size) throw new Error('verify made or removed files');
  for (const [path, bytes] of files) {
    if (Buffer.compare(bytes, after.get(path)!) !== 0) throw new Error(`verify changed ${path}`);
  }
  return report;
}
