import type { MemoryFileSystem } from '../../src/fs.js';

/** Kinds of damage that lead to different repairs. */
export const damages = [
  'a table',
  'the log',
  'a table and the log',
  'the manifest',
  'everything',
  'a table, and CURRENT with all manifests',
] as const;
export type DamageName = (typeof damages)[number];

/** Takes bytes out of the middle of a file. */
export function wound(disk: MemoryFileSystem, path: string, from: number, to = from + 3): void {
  const bytes = disk.readBytes(path);
  for (let at = from; at < to; at++) bytes[at] ^= 0xa5;
  disk.writeBytes(path, bytes);
}

export function damageOf(name: DamageName, disk: MemoryFileSystem): void {
  const paths = [...disk.snapshotFiles().keys()];
  const tables = paths.filter((path) => path.endsWith('.sst'));
  const logs = paths.filter((path) => path.endsWith('.log'));
  const manifests = paths.filter((path) => path.includes('MANIFEST'));
  const isOf = (part: string): boolean => name.includes(part) || name === 'everything';
  if (isOf('table')) wound(disk, tables[0], 400);
  if (isOf('log')) wound(disk, logs[0], disk.readBytes(logs[0]).length >> 1);
  if (name.includes('CURRENT')) {
    for (const path of paths)
      if (/CURRENT|MANIFEST/.test(path)) disk.writeBytes(path, new Uint8Array(0));
  } else if (isOf('manifest')) for (const path of manifests) wound(disk, path, 200, 260);
}
