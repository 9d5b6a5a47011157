// A process that opens databases as it is told, one request in JSON per line, and
// answers each. The same in a worker thread of it, where `place` says so.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { destroy, open, repair } from '../../dist/index.js';

const held = new Map();

const actions = {
  async open({ path, options }) {
    const db = await open(path, { executor: 'inline', ...options });
    held.set(path, db);
    await db.put('opened by', String(process.pid));
  },
  async 'read-only'({ path }) {
    const db = await open(path, { readOnly: true });
    await db.get('opened by');
    await db.close();
  },
  async destroy({ path }) {
    await destroy(path);
  },
  async repair({ path }) {
    await repair(path);
  },
  async close({ path }) {
    await held.get(path).close();
    held.delete(path);
  },
  /** A program that lives on when this one is killed. */
  async child() {
    return spawn('sleep', ['600'], { stdio: 'inherit', detached: true }).pid;
  },
};

async function answer(request) {
  try {
    return { id: request.id, value: await actions[request.action](request) };
  } catch (error) {
    return { id: request.id, code: error.code ?? error.name, message: error.message };
  }
}

if (isMainThread) {
  let worker;
  const say = (reply) => console.log(JSON.stringify(reply));
  const inWorker = (request) => {
    worker ??= new Worker(new URL(import.meta.url)).on('message', say);
    worker.postMessage(request);
  };
  createInterface({ input: process.stdin }).on('line', (line) => {
    const request = JSON.parse(line);
    if (request.action === 'terminate') {
      const ending = worker;
      worker = undefined;
      void ending.terminate().then(() => say({ id: request.id }));
    } else if (request.place === 'worker') inWorker(request);
    else void answer(request).then(say);
  });
} else {
  parentPort.on('message', (request) => {
    void answer(request).then((reply) => parentPort.postMessage(reply));
  });
}
