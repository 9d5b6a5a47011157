import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type * as executorPool from '../../src/compaction/executor-pool.js';
import type * as workerExecutor from '../../src/compaction/worker-executor.js';

type BuiltExecutors = typeof workerExecutor & typeof executorPool;

/**
 * The executors of the built package, built first when that is out of date: under
 * vitest a worker cannot start from TypeScript sources.
 */
export async function importBuiltExecutors(): Promise<BuiltExecutors> {
  const ensure = fileURLToPath(new URL('../../scripts/ensure.mjs', import.meta.url));
  execFileSync(process.execPath, [ensure], { stdio: ['ignore', 'inherit', 'inherit'] });
  // No literals: the types come from the sources, which are there before dist/ is.
  const load = (name: string): Promise<object> =>
    import(
      /* @vite-ignore */ new URL(`../../dist/internal/compaction/${name}.js`, import.meta.url).href
    ) as Promise<object>;
  return {
    ...(await load('worker-executor')),
    ...(await load('executor-pool')),
  } as BuiltExecutors;
}
