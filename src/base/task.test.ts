import { describe, expect, it } from 'vitest';
import { runQueued, TaskQueue } from './task-queue.js';
import { runAsync, runSync, Task, waitable, type Steps, type Waitable } from './task.js';

const unexpected = (error: unknown): void => {
  throw error;
};

/** A step that resolves when told to, and counts how it was waited for. */
class Gate implements Waitable {
  syncs = 0;
  open!: () => void;
  fail!: (error: Error) => void;
  readonly #promise = new Promise<void>((resolve, reject) => {
    this.open = resolve;
    this.fail = reject;
  });
  wait(): Promise<void> {
    return this.#promise;
  }
  waitSync(): void {
    this.syncs++;
  }
}

function* twoSteps(a: Waitable, b: Waitable, log: string[]): Steps<string> {
  log.push('start');
  yield a;
  log.push('a');
  yield b;
  log.push('b');
  return 'done';
}

describe('steps', () => {
  it('give the same result synchronously and asynchronously', async () => {
    const nothing = waitable(
      () => Promise.resolve(),
      () => undefined,
    );
    expect(runSync(twoSteps(nothing, nothing, []))).toBe('done');
    expect(await runAsync(twoSteps(nothing, nothing, []))).toBe('done');
  });

  it('hand a failed wait to the generator, which may recover', async () => {
    const failing = waitable(
      () => Promise.reject(new Error('x')),
      () => {
        throw new Error('x');
      },
    );
    function* recovering(): Steps<string> {
      try {
        yield failing;
      } catch {
        return 'recovered';
      }
      return 'not reached';
    }
    expect(runSync(recovering())).toBe('recovered');
    expect(await runAsync(recovering())).toBe('recovered');
  });
});

describe('Task', () => {
  it('is finished synchronously halfway, each later step once', async () => {
    const [a, b] = [new Gate(), new Gate()];
    const log: string[] = [];
    const task = new Task(twoSteps(a, b, log), unexpected);
    expect(task.finishSync()).toBe('done');
    expect([a.syncs, b.syncs]).toEqual([1, 1]);
    a.open();
    await task.quiesce();
    expect(await task.promise).toBe('done');
    expect(log).toEqual(['start', 'a', 'b']);
  });

  it('reports a step that fails in the background after it was repeated with success', async () => {
    const [a, b] = [new Gate(), new Gate()];
    const late: unknown[] = [];
    const task = new Task(twoSteps(a, b, []), (error) => late.push(error));
    task.finishSync();
    a.fail(new Error('EIO'));
    await task.quiesce();
    expect(late).toHaveLength(1);
  });

  it('does not report a late failure of the step that failed when it was repeated', async () => {
    const failing: Waitable = {
      wait: () => Promise.reject(new Error('ENOSPC, in the thread pool')),
      waitSync: () => {
        throw new Error('ENOSPC, repeated');
      },
    };
    const task = new Task(twoSteps(failing, failing, []), unexpected);
    expect(() => task.finishSync()).toThrow('ENOSPC, repeated');
    await task.quiesce();
  });
});

describe('TaskQueue', () => {
  it('never interleaves, and a synchronous caller finishes what is before it', async () => {
    const gates = [new Gate(), new Gate(), new Gate(), new Gate()];
    const log: string[] = [];
    const queue = new TaskQueue(unexpected);
    const first = queue.add(() => twoSteps(gates[0], gates[1], log));
    const second = queue.add(() => twoSteps(gates[2], gates[3], log));
    expect(log).toEqual(['start']);
    second.waitSync();
    expect(log).toEqual(['start', 'a', 'b', 'start', 'a', 'b']);
    expect(first.result()).toBe('done');
    await second.wait();
    await queue.drain();
    expect(queue.isIdle).toBe(true);
  });

  it('gives each error to the one who queued it and goes on', async () => {
    const queue = new TaskQueue(unexpected);

    function* failing(): Steps<never> {
      throw new Error('mine');
    }
    const bad = queue.add(failing);
    const gate = new Gate();
    gate.open();
    const good = queue.add(() => twoSteps(gate, gate, []));
    await expect(bad.wait()).rejects.toThrow('mine');
    await good.wait();
    expect(await runAsync(runQueued(queue, () => twoSteps(gate, gate, [])))).toBe('done');
  });
});
