import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = join(root, 'node_modules/typescript/lib/tsc.js');
const project = mkdtempSync(join(tmpdir(), 'nori-package-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

function run(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (result.status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

/** The first JavaScript example of the README, as a reader would paste it. */
function readmeExample(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, example] = /```js\n(.*?)```/s.exec(readme) ?? [];
  if (example === undefined) throw new Error('README.md has no example');
  return example;
}

/** The same program for `require`: the import changes, and `await` moves into a function. */
function commonJsTwin(example: string): string {
  const [importLine, ...rest] = example.split('\n');
  const required = importLine.replace(/^import (\{.*\}) from ('.*');$/, 'const $1 = require($2);');
  expect(required).not.toBe(importLine);
  return `${required}\nasync function main() {\n${rest.join('\n')}}\nmain();\n`;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** What classic-level 3.0.0 prints in the program of test/level/program. */
const levelOutput = `'config' { theme: 'dark' } { theme: 'dark' } undefined
'written' 9
'grace' 'Grace'
'edsger' 'Edsger'
'by age' [ 'alan', 'edsger', 'grace' ]
'many' [ { name: 'Ada', age: 36 }, undefined ] [ true, false ]
'before' [ 'ada', 'edsger', 'grace' ] 'now' [ 'ada', 'barbara', 'edsger', 'grace' ]
'seek' [ 'config' ]
'left' [ '!users!edsger', '!users!grace', 'config' ]
'size' 'number' ''
'LEVEL_DATABASE_NOT_OPEN' 'LEVEL_LOCKED'
'LEVEL_DATABASE_NOT_OPEN'
'LEVEL_DATABASE_NOT_OPEN' true
`;

/** A dependency of the project that wants classic-level and level. */
const program = 'program-for-classic-level';

let packed: Packed;

function pack(directory: string): Packed {
  const printed = run('npm', ['pack', '--json', '--pack-destination', project], directory);
  // An npm may print an array, or an object by package name.
  const [first] = Object.values(JSON.parse(printed) as Record<string, Packed>);
  return first;
}

beforeAll(() => {
  run(process.execPath, [join(root, 'scripts/ensure.mjs')], root);
  packed = pack(root);
  const level = `file:./${pack(join(root, 'packages/nori-level')).filename}`;
  const manifest = {
    name: 'empty-project',
    private: true,
    dependencies: {
      'nori-lsm': `file:./${packed.filename}`,
      [program]: `file:./${pack(join(root, 'test/level/program')).filename}`,
    },
    overrides: { level, 'classic-level': level },
  };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  run('npm', ['install', '--no-audit', '--no-fund'], project);
}, 300_000);

/** With the types and options of classic-level. */
const typedLevelProgram = `
import { ClassicLevel, type BatchOperation, type DatabaseOptions } from 'classic-level';
import { Level } from 'level';

interface User {
  age: number;
}
const options: DatabaseOptions<string, User> = { valueEncoding: 'json', cacheSize: 8 };
const db = new ClassicLevel<string, User>('./db', options);
const users = db.sublevel<string, User>('users', { valueEncoding: 'json' });
const operation: BatchOperation<typeof db, string, User> =
  { type: 'put', key: 'a', value: { age: 1 }, sublevel: users };
await db.batch([operation], { sync: true });
await db.put('b', { age: 2 }, { sync: true });
const age: number | undefined = (await db.get('b', { fillCache: false }))?.age;
for await (const [key, value] of db.iterator({ gt: 'a', highWaterMarkBytes: 1e5 }))
  console.log(key.length, value.age, age);
await db.batch().put('c', { age: 3 }).write({ sync: true });
const texts: Level = new Level('./db');
console.log((await texts.getMany(['a'], { snapshot: texts.snapshot() }))[0]?.length);
`;

const options = [
  '--noEmit',
  '--strict',
  '--target',
  'es2023',
  '--module',
  'nodenext',
  '--moduleResolution',
  'nodenext',
];
const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];

describe('the package, installed into an empty project', () => {
  it('holds what is needed and nothing else', () => {
    const paths = packed.files.map((file) => file.path);
    for (const path of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      'README.md',
      'LICENSE',
    ]) {
      expect(paths).toContain(path);
    }
    expect(
      paths.filter((path) => !/^(dist\/|docs\/|package\.json$|[A-Z]+(\.md)?$)/.test(path)),
    ).toEqual([]);
    expect(paths.filter((path) => path.includes('.test.'))).toEqual([]);
  });

  it('installs a few packages only, none with an install script', () => {
    const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const ours = ['', program, 'level', 'classic-level'].map(
      (name) => name && `node_modules/${name}`,
    );
    const installed = Object.entries(lock.packages).filter(([path]) => !ours.includes(path));
    // Eight of them come with abstract-level.
    expect(installed.length).toBeLessThanOrEqual(20);
    expect(installed.filter(([, entry]) => entry.hasInstallScript)).toEqual([]);
  });

  const output = "{ name: 'Ada' }\nundefined\nuser:2 { name: 'Grace' }\nuser:1 { name: 'Ada' }\n";

  it('runs the README example as pasted, as ESM', () => {
    writeFileSync(join(project, 'example.mjs'), readmeExample());
    expect(run(process.execPath, ['example.mjs'], project)).toBe(output);
    expect(existsSync(join(project, 'my-data', 'CURRENT'))).toBe(true);
    // A second run finds the database of the first.
    expect(run(process.execPath, ['example.mjs'], project)).toBe(output);
  });

  it('runs its twin through require', () => {
    writeFileSync(join(project, 'example.cjs'), commonJsTwin(readmeExample()));
    expect(run(process.execPath, ['example.cjs'], project)).toBe(output);
  });

  it.each([
    ['ESM', 'example.mts', readmeExample],
    [
      'CommonJS',
      'example.cts',
      () =>
        commonJsTwin(readmeExample()).replace(
          /^const (\{.*\}) = (require\(.*\));/,
          'import nori = $2;\nconst $1 = nori;',
        ),
    ],
  ])('type-checks as %s', (_, file, makeProgram) => {
    writeFileSync(join(project, file), makeProgram());
    writeFileSync(join(project, 'level.mts'), typedLevelProgram);
    run(process.execPath, [tsc, ...options, ...types, file, 'level.mts'], project);
  });

  it('has declarations that check without skipLibCheck and without the types of Node', () => {
    const program =
      "export { open } from 'nori-lsm';\n" +
      "export { SSTableReader } from 'nori-lsm/sstable';\n" +
      "export { verifyDatabase } from 'nori-lsm/inspect';\n" +
      "export { runWorkload } from 'nori-lsm/bench';\n" +
      "export { FaultFileSystem } from 'nori-lsm/testing';\n";
    writeFileSync(join(project, 'bare.mts'), program);
    const compilerOptions = {
      noEmit: true,
      strict: true,
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable', 'dom'],
      module: 'nodenext',
      types: [],
    };
    const config = { compilerOptions, files: ['bare.mts'] };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
    run(process.execPath, [tsc, '-p', '.'], project);
  });

  it.each(['main.mjs', 'main.cjs'])(
    'runs a program for classic-level and level unchanged, through overrides: %s',
    (file) => {
      const directory = join(project, 'node_modules', program);
      const databases = join(project, file, 'databases');
      const printed = run(process.execPath, [join(directory, file), databases], project);
      expect(printed).toBe(levelOutput.repeat(2));
    },
  );

  it('brings the nori command', () => {
    const nori = join(project, 'node_modules/.bin/nori');
    expect(run(nori, ['get', 'my-data', 'user:1'], project)).toBe('{"name":"Ada"}\n');
    expect(run(nori, ['--version'], project)).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
