import { constants, setPriority } from 'node:os';
import { workerData, type MessagePort } from 'node:worker_threads';
import { systemClock } from '../base/clock.js';
import type { Steps, Waitable } from '../base/task.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { loadCodecs } from '../sstable/codecs.js';
import { removeOutputs } from './job-outputs.js';
import { runJob } from './job.js';
import {
  encodeError,
  hasEndedWord,
  isCancelledWord,
  isComputingWord,
  isDoneWord,
  packResult,
  progressWord,
  type JobMessage,
  type WorkerData,
  type WorkerMessage,
} from './messages.js';

/*
 * The worker thread: takes jobs from its port, one at a time, and answers each
 * with a message and a shared word. It asks the main thread for nothing, which
 * may stand still in Atomics.wait meanwhile.
 */

function post(port: MessagePort, message: WorkerMessage): void {
  port.postMessage(message);
}

/**
 * Gives way to the main thread on a shared core: its p99 went back from 4.1 to
 * 0.13 ms. Returns why it did not work, if so.
 */
function lowerPriority(niceness: number): string | undefined {
  // Elsewhere this would concern the whole process.
  if (process.platform !== 'linux' || niceness === constants.priority.PRIORITY_NORMAL) {
    return undefined;
  }
  try {
    setPriority(0, niceness);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** As `runSync`; says when it computes, for whoever wonders whether this thread is alive. */
function runWatched<T>(steps: Steps<T>, words: Int32Array): T {
  const compute = (goOn: () => IteratorResult<Waitable, T>): IteratorResult<Waitable, T> => {
    Atomics.store(words, isComputingWord, 1);
    try {
      return goOn();
    } finally {
      Atomics.store(words, isComputingWord, 0);
    }
  };
  let result = compute(() => steps.next());
  while (!result.done) {
    try {
      result.value.waitSync();
    } catch (error) {
      result = compute(() => steps.throw(error));
      continue;
    }
    result = compute(() => steps.next());
  }
  return result.value;
}

async function answer(
  { port, words }: WorkerData,
  { id, settings, shared }: JobMessage,
): Promise<void> {
  const components = { fs: nodeFileSystem, clock: systemClock };
  const control = {
    isCancelled: () => {
      Atomics.add(words, progressWord, 1);
      return Atomics.load(shared, isCancelledWord) !== 0;
    },
  };
  try {
    const result = runWatched(runJob(settings, components, control), words);
    post(port, { type: 'done', id, result: packResult(result) });
  } catch (error) {
    await removeOutputs(nodeFileSystem, settings);
    post(port, { type: 'failed', id, error: encodeError(error) });
  } finally {
    // After the message: whoever is woken finds it.
    wake(shared);
  }
}

function wake(shared: Int32Array): void {
  Atomics.store(shared, isDoneWord, 1);
  Atomics.notify(shared, isDoneWord);
}

async function serve(data: WorkerData): Promise<void> {
  const { port, niceness, words } = data;
  const priorityError = lowerPriority(niceness);
  await loadCodecs();
  let last = Promise.resolve();
  let current: Int32Array | undefined;
  process.on('exit', () => {
    Atomics.store(words, hasEndedWord, 1);
    if (current !== undefined) wake(current);
  });
  post(port, { type: 'ready', priorityError });
  port.on('message', (message: JobMessage) => {
    last = last.then(async () => {
      current = message.shared;
      await answer(data, message);
    });
  });
}

// A failure to load ends the worker with that error, and with it the jobs that wait.
void serve(workerData as WorkerData);
