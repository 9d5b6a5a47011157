// Runs the official suite of abstract-leveldown on the built bridge, printing TAP.
//
//   node test/leveldown/run-suite.mjs            on disk
//   node test/leveldown/run-suite.mjs --memory   the same, on a disk in memory
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import suite from 'abstract-leveldown/test/index.js';
import test from 'tape';
import { MemoryFileSystem } from '../../dist/fs.js';
import { leveldown } from '../../dist/leveldown.js';

const directory = mkdtempSync(join(tmpdir(), 'nori-leveldown-suite-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const fs = process.argv.includes('--memory') ? new MemoryFileSystem() : undefined;

/** The options cannot be given with the factory: it does not open. */
class Bridge extends leveldown {
  _open(options, callback) {
    super._open(fs === undefined ? options : { ...options, nori: { fs } }, callback);
  }
}

let databases = 0;
suite({
  test,
  factory: () => new Bridge(join(directory, String(databases++))),
  // Off unless asked for; all others are on.
  clear: true,
  getMany: true,
});
