// Write, space and read amplification under overwrites: a table, JSON, and charts.
//   npm run build && node bench/amplification/run.mjs
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { drawWritten } from './chart.mjs';
import { configurationNames, optionsOf } from './configurations.mjs';
import { measure } from './measure.mjs';
import { workloads } from './workloads.mjs';

const usage = `usage: node bench/amplification/run.mjs [flags]
  --ratio 64            database size in memtables; several with commas
  --long                the same as --ratio 64,512
  --memtable-mib 1      every other size keeps its proportion to it
  --only NAME           one configuration: ${configurationNames.map((name) => `'${name}'`).join(', ')}
  --workload NAME       one of ${Object.keys(workloads).join(', ')}
  --options JSON        options beside those of the configuration, sizes as for its own memtable
  --warm-up 2           overwrites before anything is counted, in sizes of the database
  --passes 4            overwrites that are counted, in sizes of the database
  --inline              flushes and compactions in this thread: the same counts on a busy machine
  --dir DIR             where to put the database
  --json FILE           where to write all figures
  --charts DIR          where to write one SVG for each workload and ratio`;

const { values: flags } = parseArgs({
  options: {
    ratio: { type: 'string', default: '64' },
    long: { type: 'boolean', default: false },
    'memtable-mib': { type: 'string', default: '1' },
    only: { type: 'string' },
    workload: { type: 'string' },
    options: { type: 'string', default: '{}' },
    'warm-up': { type: 'string', default: '2' },
    passes: { type: 'string', default: '4' },
    inline: { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    charts: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  console.log(usage);
  process.exit(0);
}

const columns = [
  ['write', (each) => each.writeAmplification.toFixed(2)],
  ['space', (each) => each.spaceAmplification.toFixed(2)],
  ['most', (each) => each.largestSpaceAmplification.toFixed(2)],
  ['L0', (each) => `${each.level0.median}/${each.level0.most}`],
  ['tables/get', (each) => each.reads.present.tables.toFixed(2)],
  ['blocks/get', (each) => each.reads.present.blocks.toFixed(2)],
  ['(absent)', (each) => each.reads.absent.tables.toFixed(2)],
  ['(absent)', (each) => each.reads.absent.blocks.toFixed(3)],
  ['MB/s', (each) => each.compactionMBps.toFixed(0)],
  ['seconds', (each) => (each.elapsedMs / 1000).toFixed(0)],
];

const ratios = flags.long ? [64, 512] : flags.ratio.split(',').map(Number);
const names = flags.only === undefined ? configurationNames : [flags.only];
const chosen = flags.workload === undefined ? Object.keys(workloads) : [flags.workload];
const memtableBytes = Number(flags['memtable-mib']) * 2 ** 20;

const results = [];
for (const ratio of ratios) {
  for (const workload of chosen) {
    console.log(
      `\n${workload} overwrites of a database ${ratio}x the memtable (${flags['memtable-mib']} MiB)`,
    );
    console.log(line('', ...columns.map(([title]) => title)));
    for (const name of names) {
      const result = await measure({
        options: optionsOf(name, memtableBytes, JSON.parse(flags.options)),
        workload,
        ratio,
        warmUp: Number(flags['warm-up']),
        passes: Number(flags.passes),
        executor: flags.inline ? 'inline' : 'worker',
        dir: flags.dir,
      });
      results.push({ name, workload, ratio, memtableBytes, ...result });
      console.log(line(name, ...columns.map(([, show]) => show(result))));
    }
  }
}

if (flags.json !== undefined) {
  write(
    flags.json,
    JSON.stringify({ node: process.version, cpu: cpus()[0].model, flags, results }, null, 2) + '\n',
  );
}
if (flags.charts !== undefined) {
  for (const ratio of ratios) {
    for (const workload of chosen) {
      const rows = results.filter((each) => each.ratio === ratio && each.workload === workload);
      write(`${flags.charts}/amplification-${workload}-${ratio}x.svg`, drawWritten(rows));
    }
  }
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${path}`);
}

function line(name, ...cells) {
  return [name.padEnd(30), ...cells.map((cell) => cell.padStart(10))].join('');
}
