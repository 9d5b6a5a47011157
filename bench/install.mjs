// The peers are a package of their own, installed when they are measured for the first time.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

export function installPeers() {
  if (existsSync(join(here, 'node_modules', '.package-lock.json'))) return;
  console.error('bench: installing the other stores (npm ci)');
  const npm = process.env.npm_execpath;
  const byNode = npm?.endsWith('.js') === true;
  const { status } = spawnSync(
    byNode ? process.execPath : 'npm',
    [...(byNode ? [npm] : []), 'ci'],
    {
      cwd: here,
      stdio: ['ignore', 2, 2],
      shell: !byNode && process.platform === 'win32',
    },
  );
  if (status !== 0) throw new Error('the other stores cannot be installed');
}
