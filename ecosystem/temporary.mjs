import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory for one check, removed when the process ends. */
export function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'nori-ecosystem-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
