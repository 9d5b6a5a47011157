// Hours in small: reads and writes for minutes in one process, sampled each second.
// Says whether throughput has cliffs, whether anything grows, and whether calls stall.
//   npm run build && node bench/steady-state/run.mjs [--minutes 10] [--entries 10000000]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { open } from '../../dist/index.js';
import { drawSamples } from './chart.mjs';
import { Load } from './load.mjs';
import { Sampler } from './sampler.mjs';
import { judge } from './verdict.mjs';

const usage = `usage: node bench/steady-state/run.mjs [flags]
  --minutes 10          how long to read and write
  --entries 10000000    entries of 16 + 100 bytes that are loaded before
  --reads 80            percent of the calls that are gets
  --workload zipfian    or uniform
  --options JSON        options of open
  --dir DIR             where to put the database
  --json FILE           where to write samples and verdict
  --svg FILE            where to write the chart`;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    entries: { type: 'string', default: '10000000' },
    reads: { type: 'string', default: '80' },
    workload: { type: 'string', default: 'zipfian' },
    options: { type: 'string', default: '{}' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    svg: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  console.log(usage);
  process.exit(0);
}

const seconds = Number(flags.minutes) * 60;
const path = mkdtempSync(join(flags.dir, 'nori-steady-'));
const db = await open(path, JSON.parse(flags.options));
try {
  const load = new Load(db, Number(flags.entries), flags.workload, Number(flags.reads) / 100);
  const loadSeconds = await load.fill();
  console.log(`loaded ${flags.entries} entries in ${loadSeconds.toFixed(1)} s`);
  const before = db.stats();
  const sampler = new Sampler(db, path, load);
  await load.run(seconds, (elapsed) => {
    const sample = sampler.take();
    if (elapsed % 10 === 0) console.log(show(elapsed, sample));
  });
  sampler.stop();
  const after = db.stats();
  const put = after.written.userBytes - before.written.userBytes;
  const written =
    after.written.flushBytes +
    after.written.compactionBytes -
    before.written.flushBytes -
    before.written.compactionBytes;
  const verdict = judge(sampler.samples, sampler.stalls);
  const result = {
    node: process.version,
    cpu: cpus()[0].model,
    flags,
    loadSeconds,
    writeAmplification: written / put,
    tablesPerGet: sampler.tablesPerGet,
    stalls: sampler.stalls,
    verdict,
    samples: sampler.samples,
  };
  console.log(
    `write amplification ${result.writeAmplification.toFixed(2)}, tables asked per get ${result.tablesPerGet.toFixed(2)}`,
  );
  for (const { isMet, what, value, limit } of verdict) {
    console.log(`${isMet ? 'met    ' : 'NOT met'}  ${what}: ${value} (${limit})`);
  }
  if (flags.json !== undefined) write(flags.json, JSON.stringify(result) + '\n');
  if (flags.svg !== undefined) write(flags.svg, drawSamples(sampler.samples));
  process.exitCode = verdict.every(({ isMet }) => isMet) ? 0 : 1;
} finally {
  await db.close();
  rmSync(path, { recursive: true, force: true });
}

function show(elapsed, { operations, get, put, loopMaxMs, rssMB, directoryMB, levels }) {
  return [
    `${elapsed} s`.padStart(6),
    `${(operations / 1000).toFixed(0)} k/s`.padStart(9),
    `get p99.9 ${get.p999.toFixed(2)} ms`,
    `put p99.9 ${put.p999.toFixed(2)} ms`,
    `loop ${loopMaxMs.toFixed(1)} ms`,
    `rss ${rssMB.toFixed(0)} MB`,
    `disk ${directoryMB.toFixed(0)} MB`,
    `tables ${levels.join('/')}`,
  ].join('  ');
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
}
