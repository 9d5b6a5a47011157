// What a directory takes, and what the device below it was given.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const sectorBytes = 512;

/** Bytes that the files of a directory take on disk. */
export function sizeOnDisk(directory) {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true })) {
    const stat = statSync(join(directory, name));
    if (stat.isFile()) bytes += stat.blocks * sectorBytes;
  }
  return bytes;
}

/**
 * Bytes written so far to the block device of a directory, by anybody, after a
 * sync; undefined where Linux does not tell.
 */
export function deviceBytes(directory) {
  try {
    execFileSync('sync', ['-f', directory]);
    const { dev } = statSync(directory);
    // As glibc packs them: 12 bits of major above 8 bits of minor, the rest of both higher up.
    const major = (dev >>> 8) & 0xfff;
    const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00);
    for (const line of readFileSync('/proc/diskstats', 'utf8').split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[0] === String(major) && fields[1] === String(minor)) {
        return Number(fields[9]) * sectorBytes;
      }
    }
  } catch {
    // Another system, or a directory in memory: then there is no such figure.
  }
  return undefined;
}

/** Bytes that this process has given to be written; more than reach the device where pages are rewritten. */
export function processBytes() {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}
