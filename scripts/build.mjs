// Makes dist/ of src/: types by tsc, which checks them, and JavaScript by rolldown, in
// few files: importing them takes 30 ms, and 110 as 200 modules; a thread starts 30 ms
// sooner. Builds beside dist/ and renames at the end, so that a failed or interrupted
// build leaves the old one as it was.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { privateNames } from './private-names.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
// Same depth as dist/, so that the sources named in source maps stay right.
const fresh = join(root, `.nori-build-${process.pid}`);
const old = join(root, `.nori-old-${process.pid}`);
const startedAt = new Date();

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}

function fail() {
  remove(fresh);
  console.error(
    `build failed: see the errors above; ${existsSync(dist) ? 'dist/ is unchanged' : 'there is no dist/'}`,
  );
  process.exit(1);
}

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript')), 'tsc.js');
const result = spawnSync(
  process.execPath,
  [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh, '--noEmitOnError'],
  // Messages go to stderr: stdout may belong to `npm pack --json`.
  { cwd: root, stdio: ['ignore', 2, 2] },
);
if (result.status !== 0) fail();

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const publicEntries = Object.values(exports)
  .filter((entry) => typeof entry === 'object')
  .map((entry) => entry.default.replace(/^\.\/dist\/(.*)\.js$/, '$1'));
const source = (path) => join(root, 'src', `${path}.ts`);

async function write(input, output) {
  const built = await rolldown({
    input,
    platform: 'node',
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    transform: { target: 'es2023' },
    plugins: [privateNames()],
  });
  await built.write({ format: 'esm', entryFileNames: '[name].js', sourcemap: true, ...output });
}

try {
  const entries = Object.fromEntries(publicEntries.map((name) => [name, source(name)]));
  entries['cli/main'] = source('cli/main');
  // A thread is started from the file beside.
  entries['chunks/worker-entry'] = source('compaction/worker-entry');
  await write(entries, { dir: fresh, chunkFileNames: 'chunks/[name].js' });
  // Module by module, for micro-benchmarks, and for tests that need threads, which
  // cannot start from TypeScript. Not in the package.
  const modules = readdirSync(join(root, 'src'), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(root, 'src', file));
  await write(modules, {
    dir: join(fresh, 'internal'),
    preserveModules: true,
    preserveModulesRoot: join(root, 'src'),
  });
} catch (error) {
  console.error(error);
  fail();
}

const command = join(fresh, 'cli', 'main.js');
chmodSync(command, 0o755);
// ensure.mjs compares this time with the sources': an edit made during the build is newer.
utimesSync(fresh, startedAt, startedAt);
if (existsSync(dist)) renameSync(dist, old);
renameSync(fresh, dist);
remove(old);
