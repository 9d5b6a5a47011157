import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const directories = ['src', 'test', 'scripts', 'examples', 'bench', 'ecosystem', 'docs'];
const notOurs = new Set(['node_modules', 'fixtures', 'api', '.nori-packed']);

export interface ProjectFile {
  /** Relative to the root, with '/'. */
  readonly path: string;
  readonly text: string;
}

function walk(relative: string, found: string[]): void {
  for (const name of readdirSync(join(root, relative)).sort()) {
    if (notOurs.has(name)) continue;
    const path = `${relative}/${name}`;
    if (statSync(join(root, path)).isDirectory()) walk(path, found);
    else found.push(path);
  }
}

/** Every text file that people write here: sources, tests, scripts, documents. */
export function projectFiles(): ProjectFile[] {
  const found = readdirSync(root).filter((name) => /\.(md|js|cjs|ts|json)$/.test(name));
  for (const directory of directories) {
    if (existsSync(join(root, directory))) walk(directory, found);
  }
  return found
    .filter((path) => /\.(ts|js|mjs|cjs|md|json)$/.test(path) && path !== 'package-lock.json')
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

export function isCode(file: ProjectFile): boolean {
  return /\.(ts|js|mjs|cjs)$/.test(file.path);
}

export function isDocument(file: ProjectFile): boolean {
  return file.path.endsWith('.md');
}

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}
