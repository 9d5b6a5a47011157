// Compiles src/ into dist/. Builds beside it and renames at the end, so that a
// failed or interrupted build leaves the old dist/ as it was.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
// Same depth as dist/, so that the sources named in source maps stay right.
const fresh = join(root, `.nori-build-${process.pid}`);
const old = join(root, `.nori-old-${process.pid}`);
const startedAt = new Date();

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript')), 'tsc.js');
const result = spawnSync(
  process.execPath,
  [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh, '--noEmitOnError'],
  // Messages go to stderr: stdout may belong to `npm pack --json`.
  { cwd: root, stdio: ['ignore', 2, 2] },
);
if (result.status !== 0) {
  remove(fresh);
  console.error(
    `build failed: see the errors above; ${existsSync(dist) ? 'dist/ is unchanged' : 'there is no dist/'}`,
  );
  process.exit(1);
}

const command = join(fresh, 'cli', 'main.js');
if (existsSync(command)) chmodSync(command, 0o755);
// ensure.mjs compares this time with the sources': an edit made during the build is newer.
utimesSync(fresh, startedAt, startedAt);
if (existsSync(dist)) renameSync(dist, old);
renameSync(fresh, dist);
remove(old);
