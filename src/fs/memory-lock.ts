import { systemClock } from '../base/clock.js';
import { LsmError } from '../base/errors.js';
import type { DirectoryLock, LockOptions } from './file-system.js';

/** The directory locks of one memory file system: held by directory id, waited for in order. */
export class MemoryLocks {
  readonly #queues = new Map<number, (() => void)[]>();

  async acquire(id: number, path: string, options: LockOptions = {}): Promise<DirectoryLock> {
    const queue = this.#queues.get(id);
    if (queue === undefined) this.#queues.set(id, []);
    else await this.#wait(queue, path, options.timeoutMs ?? 0);
    let isHeld = true;
    return {
      release: async () => {
        if (!isHeld) return;
        isHeld = false;
        const next = this.#queues.get(id)?.shift();
        if (next === undefined) this.#queues.delete(id);
        else next();
      },
    };
  }

  #wait(queue: (() => void)[], path: string, timeoutMs: number): Promise<void> {
    return new Promise((settle, reject) => {
      const giveUp = (): void => {
        queue.splice(queue.indexOf(takeOver), 1);
        reject(
          new LsmError('LSM_LOCKED', `${path} is already open in this process; close it first`),
        );
      };
      const cancel = systemClock.after(timeoutMs, giveUp);
      const takeOver = (): void => {
        cancel();
        settle();
      };
      queue.push(takeOver);
      if (timeoutMs <= 0) {
        cancel();
        giveUp();
      }
    });
  }
}
