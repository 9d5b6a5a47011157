import { Worker } from 'node:worker_threads';

const inputBytes = 16 * 1024;
const words = 4;

/**
 * Ends a test that hangs. A loop without an end cannot be interrupted from its own
 * thread: so another one looks whether inputs go on, says which one does not, and
 * ends this process. No verdict depends on it but that one.
 */
export class Watchdog {
  readonly #shared = new SharedArrayBuffer(4 * words + 256 + inputBytes);
  readonly #words = new Int32Array(this.#shared, 0, words);
  readonly #name = new Uint8Array(this.#shared, 4 * words, 256);
  readonly #input = new Uint8Array(this.#shared, 4 * words + 256);
  readonly #worker: Worker;

  constructor(testFile: string, patienceMs = 120_000) {
    const workerData = { shared: this.#shared, testFile, patienceMs };
    this.#worker = new Worker(watch, { eval: true, workerData });
    this.#worker.unref();
  }

  /** This input comes next. */
  see(seed: number, name: string, input: Uint8Array): void {
    const nameLength = Math.min(name.length, 255);
    for (let i = 0; i < nameLength; i++) this.#name[i] = name.charCodeAt(i);
    this.#name[nameLength] = 0;
    const kept = Math.min(input.length, inputBytes);
    this.#input.set(input.subarray(0, kept));
    this.#words[1] = seed;
    this.#words[2] = kept;
    Atomics.add(this.#words, 0, 1);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

const watch = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { shared, testFile, patienceMs } = workerData;
const words = new Int32Array(shared, 0, ${words});
let last = -1;
setInterval(() => {
  const now = Atomics.load(words, 0);
  if (now !== last) { last = now; return; }
  const text = Buffer.from(Buffer.from(shared, ${4 * words}, 256));
  const name = text.toString('latin1', 0, text.indexOf(0));
  const input = Buffer.from(shared, ${4 * words + 256}, words[2]).toString('hex');
  writeSync(2, 'T8: ' + name + ' hangs; repeat with: NORI_SEED=' + words[1] +
    ' npx vitest run ' + testFile + '\\n' + input + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, patienceMs);
`;
