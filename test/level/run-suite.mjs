// Runs the official suite of abstract-level on a class: node run-suite.mjs [module] [name].
// Without arguments on the built NoriLevel. Each database gets a directory of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import suite from 'abstract-level/test/index.js';
import test from 'tape';

const [module = new URL('../../dist/level.js', import.meta.url).href, name = 'NoriLevel'] =
  process.argv.slice(2);
const imported = module.startsWith('file:')
  ? await import(module)
  : createRequire(import.meta.url)(module);
const Level = imported[name];

const directory = mkdtempSync(join(tmpdir(), 'nori-level-suite-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

let databases = 0;
suite({
  test,
  factory: (options) => new Level(join(directory, String(databases++)), options),
});
