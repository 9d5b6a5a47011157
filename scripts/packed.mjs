// Copies packages as npm would publish them, so that others can be given what users get.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Runs npm, this one if a script of npm started us, and returns what it printed. */
export function npm(args, cwd, env = {}) {
  const path = process.env.npm_execpath;
  const byNode = path?.endsWith('.js') === true;
  const { status, stdout, error } = spawnSync(
    byNode ? process.execPath : 'npm',
    [...(byNode ? [path] : []), ...args],
    {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      env: { ...process.env, ...env },
      shell: !byNode && process.platform === 'win32',
    },
  );
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed`, { cause: error });
  return stdout;
}

/** Copies to `target` the files that `npm pack` takes of the package in `source`. */
export function copyPacked(source, target) {
  const [{ files }] = JSON.parse(npm(['pack', '--dry-run', '--json', '--ignore-scripts'], source));
  rmSync(target, { recursive: true, force: true });
  for (const { path } of files) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(source, path), join(target, path));
  }
}
