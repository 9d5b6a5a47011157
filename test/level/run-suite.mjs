// Runs the official suite of abstract-level, printing TAP.
//
//   node test/level/run-suite.mjs                     the built NoriLevel, on disk
//   node test/level/run-suite.mjs --memory            the same, on a disk in memory: 4 times as fast
//   node test/level/run-suite.mjs PACKAGE CLASS       another class, with the suite that it was made for
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import test from 'tape';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { memory: { type: 'boolean', default: false } },
});
const [name, className = 'NoriLevel'] = positionals;
const here = createRequire(import.meta.url);
const module = here(name ?? '../../dist/level.js');
// Its own copy of abstract-level: the suite asks for instances of these classes.
const suite = createRequire(name === undefined ? import.meta.url : here.resolve(name))(
  'abstract-level/test',
);
const directory = mkdtempSync(join(tmpdir(), 'nori-level-suite-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

/** Where the options cannot tell: the suite looks at them. */
function inMemory(Base) {
  const { MemoryFileSystem } = here('../../dist/fs.js');
  const fs = new MemoryFileSystem();
  return class extends Base {
    _open(options) {
      return super._open({ ...options, nori: { fs, memtableBytes: 65_536 } });
    }
  };
}

const Level = values.memory ? inMemory(module[className]) : module[className];
let databases = 0;
suite({
  test,
  factory: (options) => new Level(join(directory, String(databases++)), options),
});
