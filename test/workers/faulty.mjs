// Loaded before the program, in its main thread and in each worker: makes the
// workers of a database die in the middle of a job, as NORI_FAULT says, for the
// first NORI_FAULT_TIMES flushes and compactions each. Nothing of this is in the package.
import * as fs from 'node:fs';
import fsModule from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import workerThreads, {
  isMainThread,
  MessagePort,
  parentPort,
  workerData,
} from 'node:worker_threads';

const { NORI_FAULT: fault, NORI_FAULT_TIMES: times } = process.env;
/** One for flushes, one for compactions: their threads have another priority. */
const log = `${process.env.NORI_FAULT_LOG}.${workerData?.niceness}`;
const { appendFileSync, readFileSync, writeSync } = fs;
const { wait } = Atomics;

function hang() {
  wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function fillMemory() {
  const kept = [];
  for (;;) kept.push(new Array(100).fill(kept.length));
}

/** Asks the main thread for its end, and does not live to see an answer. */
function beTerminated() {
  parentPort.postMessage('terminate me');
  hang();
}

const ends = {
  exits: () => process.exit(7),
  'is terminated': beTerminated,
  'runs out of memory': fillMemory,
  'hangs in a call': hang,
  'fails in a call': () => {
    throw new TypeError('a fault of the test');
  },
};

/** Whether this job is one that goes wrong; each is written down, as all workers share the count. */
function isDue() {
  const count = fs.existsSync(log) ? readFileSync(log, 'utf8').length : 0;
  if (count >= Number(times)) return false;
  appendFileSync(log, 'x');
  Atomics.store(workerData.word, 0, 1);
  return true;
}

if (isMainThread) {
  /** By priority: the word of the newest thread, 1 once it has gone wrong. */
  const newest = new Map();
  /** The looks at a thread that has gone wrong take no second each. */
  const shortened = (ms) => {
    const isWrong = [...newest.values()].some((word) => Atomics.load(word, 0) === 1);
    return ms === 1000 && isWrong ? 20 : ms;
  };
  Atomics.wait = (words, index, value, ms) => wait(words, index, value, shortened(ms));
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (run, ms, ...rest) => setTimeout(run, shortened(ms), ...rest);
  const { Worker } = workerThreads;
  workerThreads.Worker = class extends Worker {
    constructor(file, options) {
      const word = new Int32Array(new SharedArrayBuffer(4));
      const resourceLimits = { maxOldGenerationSizeMb: 24 };
      super(file, {
        ...options,
        workerData: { ...options.workerData, word },
        ...(fault === 'runs out of memory' && { resourceLimits }),
      });
      newest.set(options.workerData.niceness, word);
    }
  };
  process.on('worker', (worker) =>
    worker.on('message', (message) => {
      if (message === 'terminate me') void worker.terminate();
    }),
  );
} else if (fault in ends) {
  let written = 0;
  fsModule.writeSync = (fd, ...rest) => {
    const result = writeSync(fd, ...rest);
    if (fd > 2 && ++written === 1 && isDue()) ends[fault]();
    return result;
  };
} else if (fault === 'hangs') {
  const { add } = Atomics;
  Atomics.add = (...args) => {
    if (isDue()) hang();
    return add(...args);
  };
} else if (fault === 'throws') {
  const { postMessage } = MessagePort.prototype;
  let isDying = false;
  MessagePort.prototype.postMessage = function (message, ...rest) {
    if (message.type === 'done') isDying ||= isDue();
    if (isDying) throw new Error('a fault of the test');
    return postMessage.call(this, message, ...rest);
  };
}
syncBuiltinESMExports();
