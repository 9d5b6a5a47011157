import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type * as workerExecutor from '../../src/compaction/worker-executor.js';

type WorkerModule = typeof workerExecutor;

/**
 * The worker executor of the built package, built first when that is out of date:
 * under vitest a worker cannot start from TypeScript sources.
 */
export async function importBuiltExecutor(): Promise<WorkerModule> {
  const ensure = fileURLToPath(new URL('../../scripts/ensure.mjs', import.meta.url));
  execFileSync(process.execPath, [ensure], { stdio: ['ignore', 'inherit', 'inherit'] });
  // No literal: the types come from the sources, which are there before dist/ is.
  const built = new URL('../../dist/compaction/worker-executor.js', import.meta.url).href;
  return (await import(/* @vite-ignore */ built)) as WorkerModule;
}
