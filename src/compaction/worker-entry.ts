import { constants, setPriority } from 'node:os';
import { workerData, type MessagePort } from 'node:worker_threads';
import { systemClock } from '../base/clock.js';
import { runSync } from '../base/task.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { loadCodecs } from '../sstable/codecs.js';
import { removeOutputs } from './job-outputs.js';
import { runJob } from './job.js';
import {
  encodeError,
  isCancelledWord,
  isDoneWord,
  packResult,
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

async function answer(
  { port, progress }: WorkerData,
  { id, settings, shared }: JobMessage,
): Promise<void> {
  const components = { fs: nodeFileSystem, clock: systemClock };
  const control = {
    isCancelled: () => {
      Atomics.add(progress, 0, 1);
      return Atomics.load(shared, isCancelledWord) !== 0;
    },
  };
  try {
    const result = runSync(runJob(settings, components, control));
    post(port, { type: 'done', id, result: packResult(result) });
  } catch (error) {
    await removeOutputs(nodeFileSystem, settings);
    post(port, { type: 'failed', id, error: encodeError(error) });
  } finally {
    // After the message: whoever is woken finds it.
    Atomics.store(shared, isDoneWord, 1);
    Atomics.notify(shared, isDoneWord);
  }
}

async function serve(data: WorkerData): Promise<void> {
  const { port, niceness } = data;
  const priorityError = lowerPriority(niceness);
  await loadCodecs();
  post(port, { type: 'ready', priorityError });
  let last = Promise.resolve();
  port.on('message', (message: JobMessage) => {
    last = last.then(() => answer(data, message));
  });
}

// A failure to load ends the worker with that error, and with it the jobs that wait.
void serve(workerData as WorkerData);
