import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * Turns src/base and src/fs into JavaScript in a new directory and returns it:
 * workers and child processes of the oldest supported Node read no TypeScript.
 */
export async function buildFileSystem(): Promise<string> {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  // Readable for other users: one of the child processes is somebody else.
  const target = await mkdtemp(join(tmpdir(), 'nori-built-'));
  await writeFile(join(target, 'package.json'), '{"type":"module"}');
  for (const folder of ['base', 'fs']) {
    await mkdir(join(target, folder));
    for (const name of await readdir(join(source, folder))) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
      const { outputText } = ts.transpileModule(
        await readFile(join(source, folder, name), 'utf8'),
        { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext } },
      );
      await writeFile(join(target, folder, name.replace(/ts$/, 'js')), outputText);
    }
  }
  return target;
}
