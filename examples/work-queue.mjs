// A queue of work that survives crashes: append at one end, take at the other.
//
// `waiting` and `running` are keyspaces under the same numbers. Taking a job moves
// it from one to the other in one batch, finishing it removes it and writes the
// result in one batch. So a job is always in exactly one place, and after a crash
// what was running waits again: each job is done at least once, and its result is
// written once.
//
// The jobs here: count the words of each page in docs/.
//
//     node examples/work-queue.mjs [directory]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'nori-lsm';

/** Numbers as keys in their order: big-endian bytes. */
const number48 = {
  name: 'number48',
  encode(number) {
    const bytes = Buffer.alloc(6);
    bytes.writeUIntBE(number, 0, 6);
    return bytes;
  },
  decode: (bytes) => Buffer.from(bytes).readUIntBE(0, 6),
};

class WorkQueue {
  #next;
  /** Taking is not one step (read, then move), so one taker waits for the other. */
  #taking = Promise.resolve();

  static async open(directory) {
    const db = await open(directory, { keyEncoding: number48, valueEncoding: 'json' });
    const queue = new WorkQueue();
    queue.db = db;
    queue.waiting = await db.keyspace('waiting');
    queue.running = await db.keyspace('running');
    queue.results = await db.keyspace('results', { keyEncoding: 'utf8' });
    // What was running when the last process died waits again.
    queue.recovered = 0;
    const batch = db.batch();
    for await (const [number, job] of queue.running.entries()) {
      batch.delete(number, { keyspace: queue.running });
      batch.put(number, job, { keyspace: queue.waiting });
      queue.recovered++;
    }
    await batch.commit();
    const [last = -1] = await queue.waiting.keys({ reverse: true, limit: 1 }).nextMany(1);
    queue.#next = last + 1;
    return queue;
  }

  async append(job) {
    await this.waiting.put(this.#next++, job);
  }

  /** The oldest job, with what finishes it; undefined when none waits. */
  take() {
    const taken = this.#taking.then(async () => {
      // Cheap however many were taken before: scans remember where all keys are deleted.
      const [first] = await this.waiting.entries({ limit: 1 }).nextMany(1);
      if (first === undefined) return undefined;
      const [number, job] = first;
      const { db, waiting, running } = this;
      await db
        .batch()
        .delete(number, { keyspace: waiting })
        .put(number, job, { keyspace: running })
        .commit();
      return { job, finish: (result) => this.#finish(number, job, result) };
    });
    this.#taking = taken.catch(() => undefined);
    return taken;
  }

  async #finish(number, job, result) {
    const { db, running, results } = this;
    await db
      .batch()
      .delete(number, { keyspace: running })
      .put(job.page, result, { keyspace: results })
      .commit();
  }
}

const docs = join(dirname(fileURLToPath(import.meta.url)), '../docs');
const directory = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'nori-queue-'));

let queue = await WorkQueue.open(directory);
try {
  const pages = readdirSync(docs).filter((name) => name.endsWith('.md'));
  for (const page of pages) await queue.append({ page });
  console.log(`appended ${pages.length} jobs`);

  const { job } = await queue.take();
  await queue.db.close(); // somebody dies in the middle of a job
  queue = await WorkQueue.open(directory);
  console.log(`opened again: ${queue.recovered} job was running (${job.page}), and waits again`);

  const workers = ['one', 'two', 'three'].map(async (name) => {
    let done = 0;
    for (let taken; (taken = await queue.take()) !== undefined; done++) {
      const text = readFileSync(join(docs, taken.job.page), 'utf8');
      await taken.finish({ words: text.split(/\s+/).length, worker: name });
    }
    return done;
  });
  const done = await Promise.all(workers);
  console.log(`three workers finished ${done.reduce((sum, count) => sum + count)} jobs`);
  for await (const [page, { words }] of queue.results.entries()) {
    console.log(`  ${String(words).padStart(6)} words in ${page}`);
  }
} finally {
  await queue.db.close();
  if (process.argv[2] === undefined) rmSync(directory, { recursive: true });
}
