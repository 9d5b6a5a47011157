import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** A directory for this test file that everybody may write to, removed at its end. */
export function makePlace(): string {
  const place = mkdtempSync(join(tmpdir(), 'nori-machine-'));
  chmodSync(place, 0o777);
  afterAll(() => rmSync(place, { recursive: true, force: true }));
  return place;
}

export function pathOf(program: string): string {
  return fileURLToPath(new URL(`./${program}.js`, import.meta.url));
}

/** Runs a program of this folder to its end, behind `prefix`, and returns what it saw. */
export function see(
  program: string,
  settings: Readonly<Record<string, unknown>>,
  prefix: readonly string[] = [],
): Record<string, unknown> {
  const [command, ...args] = [
    ...prefix,
    process.execPath,
    pathOf(program),
    JSON.stringify(settings),
  ];
  const { stdout, stderr, status, signal } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) {
    throw new Error(`${program} ended with ${status ?? signal}: ${stdout}${stderr}`);
  }
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n', stdout.length - 2) + 1)) as Record<
    string,
    unknown
  >;
}

/** A mount table of one's own: as root, or as what the kernel takes for root in a user namespace. */
function ownMounts(): readonly string[] | undefined {
  const ways = [
    ['unshare', '-m'],
    ['unshare', '-Urm'],
  ];
  return ways.find(
    (way) =>
      spawnSync(way[0], [...way.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0,
  );
}

const mounts = ownMounts();

/** Undefined where nobody can mount a file system; then a test can only say so, and does in its name. */
export const cannotMount: string | undefined =
  mounts === undefined ? 'NOT TRIED: this machine lets us mount nothing' : undefined;

/** What runs behind this has, at `path`, a disk of so many bytes, which nobody else sees. */
export function withSmallDisk(path: string, sizeBytes: number, files?: number): readonly string[] {
  const limits = `size=${sizeBytes}${files === undefined ? '' : `,nr_inodes=${files}`}`;
  const script = `mount -t tmpfs -o ${limits} none "$0" && exec "$@"`;
  return [...(mounts ?? []), 'sh', '-c', script, path];
}

/** What runs behind this sees `from` also at `to`. */
export function withBindMount(from: string, to: string): readonly string[] {
  return [...(mounts ?? []), 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"', from, to];
}
