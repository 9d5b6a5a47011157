import { isLsmError, type LsmErrorCode } from '../../src/index.js';
import { fileKindOf, type FaultKind, type FaultPlan } from './fault-plan.js';

const codes: Readonly<Record<FaultKind, LsmErrorCode>> = {
  EIO: 'LSM_IO',
  ENOSPC: 'LSM_NO_SPACE',
  'short write': 'LSM_NO_SPACE',
  EMFILE: 'LSM_TOO_MANY_FILES',
};

/** Whether this fault, while the database is open, means that it takes no more writes. */
export function isFailStop({ call: { operation, path }, kind }: FaultPlan): boolean {
  // A directory that cannot be opened was not synced in vain.
  if (operation === 'sync-directory') return kind !== 'EMFILE';
  if (operation !== 'write' && operation !== 'sync') return false;
  return fileKindOf(path) !== 'table';
}

/** What fails because of the disk has the code of that, or `LSM_FAILED`, and names the disk's error as its cause. */
export function checkFailure(error: unknown, plan: FaultPlan | undefined, isMet: boolean): void {
  if (!isLsmError(error)) throw error;
  const complain = (what: string): never => {
    throw new Error(`${what}: ${error.code} ${error.message}`, { cause: error });
  };
  if (plan === undefined || !isMet) return complain('an error without a fault');
  if (error.code !== codes[plan.kind] && error.code !== 'LSM_FAILED') complain('a wrong code');
  const wanted = plan.kind === 'short write' ? 'ENOSPC' : plan.kind;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as { code?: string }).code === wanted) return;
  }
  complain('an error without its cause');
}

/** Far more turns of the event loop than anything takes on a disk in memory. */
const manyTurns = 3000;

/** Settles as `promise` does; one that never settles is an error. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let isSettled = false;
  const watched = promise.finally(() => (isSettled = true));
  const hanging = (async () => {
    for (let turn = 0; turn < manyTurns; turn++) {
      if (isSettled) return;
      await new Promise((resolve) => void setImmediate(resolve));
    }
    throw new Error(`${what} hangs`);
  })();
  await Promise.race([watched.catch(() => undefined), hanging]);
  return watched;
}
