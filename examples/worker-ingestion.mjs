// Loading a file while the program goes on: a worker thread reads and parses, the
// main thread, which owns the database, writes.
//
// A database belongs to the thread that opened it. What goes between threads are
// batches of plain entries, and acknowledgements back: the worker reads on only
// while few batches are under way, so that memory stays bounded however large the
// file is.
//
//     node examples/worker-ingestion.mjs [file with "key<tab>value" lines] [directory]
import { on, once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const batchLines = 1000;
const mostUnderWay = 4;

/** In the worker: parses the file, and waits where the writer is behind. */
async function parse({ file }) {
  let underWay = 0;
  parentPort.on('message', () => underWay--);
  const send = async (entries) => {
    while (underWay >= mostUnderWay) await once(parentPort, 'message');
    underWay++;
    parentPort.postMessage({ entries });
  };
  const entries = [];
  for await (const line of createInterface({ input: createReadStream(file, 'utf8') })) {
    const tab = line.indexOf('\t');
    if (tab < 0) continue;
    entries.push([line.slice(0, tab), line.slice(tab + 1)]);
    if (entries.length === batchLines) await send(entries.splice(0));
  }
  if (entries.length > 0) await send(entries);
  parentPort.postMessage({ isDone: true });
  parentPort.unref();
}

/** In the main thread: writes what comes, and says when it is written. */
async function ingest(db, worker) {
  let lines = 0;
  for await (const [{ entries, isDone }] of on(worker, 'message')) {
    if (isDone) break;
    await db.batch(entries.map(([key, value]) => ({ type: 'put', key, value })));
    lines += entries.length;
    worker.postMessage('written');
  }
  return lines;
}

async function main() {
  const { open } = await import('nori-lsm');
  const directory = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'nori-ingest-'));
  let file = process.argv[2];
  if (file === undefined) {
    const { readWordNet, writeTsv } = await import('./wordnet.mjs');
    file = join(directory, '../', `nori-words-${process.pid}.tsv`);
    writeTsv(file, readWordNet());
  }
  const db = await open(directory, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
  try {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { file } });
    let turns = 0;
    const timer = setInterval(() => turns++, 5); // the program that goes on
    const startedAt = performance.now();
    const lines = await ingest(db, worker);
    const ms = performance.now() - startedAt;
    clearInterval(timer);
    console.log(`wrote ${lines} lines, ${Math.round(lines / ms)} thousand a second`);
    console.log(`a timer of 5 ms ran ${turns} times meanwhile, in ${Math.round(ms)} ms`);
    let stored = 0;
    for await (const _ of db.keys()) stored++;
    console.log(`the database has ${stored} keys`);
  } finally {
    await db.close();
    if (process.argv[2] === undefined) rmSync(file, { force: true });
    if (process.argv[3] === undefined) rmSync(directory, { recursive: true });
  }
}

await (isMainThread ? main() : parse(workerData));
