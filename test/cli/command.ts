import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The built command, as users run it. */
export const main = join(root, 'dist/cli/main.js');

/** Builds what is missing or old. Call it before the first command. */
export function ensureBuilt(): void {
  const result = spawnSync(process.execPath, [join(root, 'scripts/ensure.mjs')], {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`cannot build: ${result.stderr}`);
}

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function nori(args: readonly string[], input?: string | Uint8Array): Result {
  const result = spawnSync(process.execPath, [main, ...args], {
    input: input ?? '',
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Runs a command that must succeed, and returns what it printed. */
export function run(args: readonly string[], input?: string | Uint8Array): string {
  const result = nori(args, input);
  if (result.status !== 0) {
    throw new Error(`nori ${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
  }
  return result.stdout;
}

export function start(args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [main, ...args]);
}

/** Waits for the end; returns the exit code, or the signal's name. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<number | string> {
  if (child.exitCode !== null) return child.exitCode;
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
}

/** A directory for this test file, removed at its end. */
export function makeTemporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nori-cli-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Every file below a directory with its content: two of them are equal when nothing changed. */
export function contentOf(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) {
      for (const [inner, text] of Object.entries(contentOf(path))) found[`${name}/${inner}`] = text;
      found[`${name}/`] = '';
    } else found[name] = readFileSync(path, 'latin1');
  }
  return found;
}
