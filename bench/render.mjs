// Fills the tables of docs/performance.md from bench/results/*.json, between the
// comments that name them, and draws docs/performance.svg: node bench/render.mjs
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { drawRates } from './chart.mjs';
import { costRows, formatLatency, formatRate, formatRatio, latenessVerdict } from './print.mjs';
import { sets } from './sets.mjs';

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url));

function readReport(set) {
  const path = pathOf(`results/${set}.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const ruler = head.map((_, i) => (i === 0 ? '---' : '--:'));
  return [line(head), line(ruler), ...rows.map(line)].join('\n');
}

const namesOf = (report) => Object.keys(report.stores);
const headOf = (report) => namesOf(report).map((name) => report.stores[name].name);

function rates(report) {
  const names = namesOf(report).filter((name) => name !== 'empty');
  const rows = report.rows.map((row) => {
    const cells = names.map((name) => {
      const rate = row.stores[name]?.perSecond;
      if (rate === undefined) return '–';
      const text = `${formatRate(rate.median)} (${formatRate(rate.lower)}–${formatRate(rate.upper)})`;
      return name === 'nori' || name === row.bestPeer ? `**${text}**` : text;
    });
    const targets = row.must === undefined ? ['', ''] : [`${row.must}x`, `${row.aim}x`];
    const verdict = { aim: 'aim met', must: 'must met', missed: '**missed**' }[row.verdict] ?? '';
    const title = row.durability === 'disk' ? `${row.title} (synced)` : row.title;
    return [title, ...cells, formatRatio(row.ratio), ...targets, verdict];
  });
  const head = names.map((name) => report.stores[name].name);
  return table(['Operations per second', ...head, 'to the best', 'must', 'aim', ''], rows);
}

function latencies(report) {
  const names = namesOf(report).filter((name) => name !== 'empty');
  const rows = report.rows.map((row) => [
    row.title,
    ...names.map((name) => {
      const latency = row.stores[name]?.latencyMs;
      if (latency?.p50 === undefined) return '–';
      return [latency.p50, latency.p99, latency.p999].map(formatLatency).join(' / ');
    }),
  ]);
  return table(['p50 / p99 / p99.9', ...names.map((name) => report.stores[name].name)], rows);
}

function costs(report) {
  const rows = costRows(report).map(({ title, cells }) => [title, ...cells]);
  const verdict = latenessVerdict(report)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `- ${line}`);
  return [table(['', ...headOf(report)], rows), verdict.join('\n')].join('\n\n');
}

function machine(report) {
  const { cpu, cores, memoryBytes, system, fileSystem, node } = report.machine;
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`;
  return `Measured on ${report.begun.slice(0, 10)}, ${report.repeats} interleaved runs in ${Math.round(report.minutes)} minutes: ${cpu}, ${cores} cores, ${memory}, ${system}, ${fileSystem}, Node ${node}.`;
}

function stores(report) {
  const rows = namesOf(report)
    .filter((name) => name !== 'empty')
    .map((name) => {
      const { version, settings, acknowledgement } = report.stores[name];
      return [
        `${report.stores[name].name} ${version}`,
        settings,
        acknowledgement.os ?? '–',
        acknowledgement.disk ?? 'not offered',
      ];
    });
  const head = ['Store', 'Settings and calls', 'Acknowledged means', 'in rows "synced"'];
  return table(head, rows).replaceAll('--:', '---');
}

const parts = { machine, rates, latencies, costs, stores };

/** Replaces what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. */
function fill(page, name, text) {
  const begin = `<!-- begin ${name} -->`;
  const end = `<!-- end ${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) return page;
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

/** Writes what the results say into the page and the chart. */
export async function render() {
  const pagePath = pathOf('../docs/performance.md');
  let page = readFileSync(pagePath, 'utf8');
  for (const set of Object.keys(sets)) {
    const report = readReport(set);
    if (report === undefined) continue;
    for (const [part, describe] of Object.entries(parts)) {
      page = fill(page, `${set}-${part}`, describe(report));
    }
    if (set === 'standard') {
      writeFileSync(pathOf('../docs/performance.svg'), `${await drawRates(report)}\n`);
      page = fill(
        page,
        'chart',
        '![Rates of each store as multiples of nori-lsm](performance.svg)',
      );
    }
  }
  const options = await resolveConfig(pagePath);
  writeFileSync(pagePath, await format(page, { ...options, parser: 'markdown' }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await render();
