// The report as a table for a terminal.
import Table from 'cli-table3';
import { lateness } from './targets.mjs';

export function formatRate(perSecond) {
  if (perSecond === undefined) return '';
  if (perSecond >= 10_000) return `${Math.round(perSecond / 1000).toLocaleString('en')} k`;
  return perSecond >= 1000 ? `${(perSecond / 1000).toFixed(1)} k` : String(Math.round(perSecond));
}

export const formatRatio = (ratio) => (ratio === undefined ? '' : `${ratio.toFixed(2)}x`);

const look = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
};

/** Operations a second: median, quartiles below. */
export function rateTable({ rows, stores }) {
  const names = Object.keys(stores);
  const table = new Table({
    head: ['operations/s', ...names, 'nori / best', 'must', 'aim', ''],
    ...look,
    colAligns: ['left', ...names.map(() => 'right'), 'right', 'right', 'right'],
  });
  for (const row of rows) {
    const cells = names.map((name) => {
      const rate = row.stores[name]?.perSecond;
      if (rate === undefined) return '–';
      return `${formatRate(rate.median)}\n${formatRate(rate.lower)}–${formatRate(rate.upper)}`;
    });
    const title =
      row.durability === 'disk' ? `${row.title}\n(acknowledged when synced)` : row.title;
    const targets = row.must === undefined ? ['', ''] : [`${row.must}x`, `${row.aim}x`];
    table.push([title, ...cells, formatRatio(row.ratio), ...targets, row.verdict ?? '']);
  }
  return table.toString();
}

export const formatLatency = (ms) =>
  ms === undefined
    ? '–'
    : ms < 0.1
      ? `${(ms * 1000).toFixed(1)} µs`
      : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;

/** How long a call takes: of a batch, of 100 keys, of 1000 entries of a walk, else of one operation. */
export function latencyTable({ rows, stores }) {
  const names = Object.keys(stores);
  const table = new Table({
    head: ['p50 / p99 / p99.9 of a call', ...names],
    ...look,
    colAligns: ['left', ...names.map(() => 'right')],
  });
  for (const row of rows) {
    const cells = names.map((name) => {
      const latency = row.stores[name]?.latencyMs;
      if (latency?.p50 === undefined) return '–';
      return [latency.p50, latency.p99, latency.p999].map(formatLatency).join('\n');
    });
    table.push([row.title, ...cells]);
  }
  return table.toString();
}

const mebibytes = (bytes) =>
  bytes === undefined ? '–' : `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MiB`;
const bytesEach = (bytes) =>
  bytes === undefined ? '–' : `${Math.round(bytes).toLocaleString('en')} B`;
const micros = (us) => (us === undefined ? '–' : `${us.toFixed(2)} µs`);

/** The rows of costs: a title, and what each store shows. */
export function costRows({ rows, stores, memory }) {
  const names = Object.keys(stores);
  const find = (workload) => rows.find((row) => row.workloads.includes(workload))?.stores ?? {};
  const random = find('fillrandom');
  const late = find('fill100-lateness');
  const beside = find('readwhilewriting');
  const each = (title, cell) => ({ title, cells: names.map((name) => cell(name)) });
  return [
    each('CPU per entry, fillrandom with its compactions', (name) =>
      micros(random[name]?.cpuMicrosecondsPerOperationSettled),
    ),
    each('CPU per readrandom getSync', (name) =>
      micros(find('readrandom-sync')[name]?.cpuMicrosecondsPerOperation),
    ),
    each('device bytes written per entry, fillrandom', (name) =>
      bytesEach(random[name]?.deviceBytesPerOperation),
    ),
    each('process bytes written per entry, fillrandom', (name) =>
      bytesEach(random[name]?.processBytesPerOperation),
    ),
    each('size on disk per entry, after fillrandom', (name) =>
      bytesEach(random[name]?.diskBytesPerOperation),
    ),
    each('memory at most, fills (runner included)', (name) => mebibytes(memory[name]?.fresh)),
    each('memory at most, reads (runner included)', (name) => mebibytes(memory[name]?.loaded)),
    each(
      'writes/s beside the reads of readwhilewriting',
      (name) => formatRate(beside[name]?.notes['writes/s']) || '–',
    ),
    each('lateness of a 5 ms timer while filling by 100: p50', (name) =>
      formatLatency(late[name]?.notes['late p50 ms']),
    ),
    each('… p99', (name) => formatLatency(late[name]?.notes['late p99 ms'])),
    each('… longest', (name) => formatLatency(late[name]?.notes['late max ms'])),
  ].filter(({ cells }) => cells.some((cell) => cell !== '–'));
}

export function costTable(report) {
  const names = Object.keys(report.stores);
  const table = new Table({
    head: ['costs', ...names],
    ...look,
    colAligns: ['left', ...names.map(() => 'right')],
  });
  for (const { title, cells } of costRows(report)) table.push([title, ...cells]);
  return table.toString();
}

/** The sentence about lateness, if it was measured with all that it needs. */
export function latenessVerdict({ rows }) {
  const late = rows.find((row) => row.workloads.includes('fill100-lateness'))?.stores;
  if (late?.nori?.notes['late p99 ms'] === undefined) return '';
  const { 'late p99 ms': p99, 'late max ms': longest } = late.nori.notes;
  const lines = [];
  if (late.empty?.notes['late p99 ms'] !== undefined) {
    const beyond = p99 - late.empty.notes['late p99 ms'];
    const isMet = beyond <= lateness.p99BeyondEmptyMs && longest <= lateness.maxMs;
    lines.push(
      `timer lateness: p99 ${beyond.toFixed(2)} ms beyond the empty driver (at most ${lateness.p99BeyondEmptyMs}), longest ${longest.toFixed(1)} ms (at most ${lateness.maxMs}): ${isMet ? 'met' : 'NOT met'}`,
    );
  }
  for (const peer of lateness.peers) {
    if (late[peer]?.notes['late p99 ms'] === undefined) continue;
    const theirs = late[peer].notes['late p99 ms'];
    lines.push(
      `timer lateness: p99 ${p99.toFixed(2)} ms against ${theirs.toFixed(2)} ms of ${peer}: ${p99 <= theirs ? 'met' : 'NOT met'}`,
    );
  }
  return lines.join('\n');
}

export function storeLines({ stores }) {
  return Object.values(stores)
    .map(
      ({ name, version, settings, acknowledgement }) =>
        `${name} ${version}: ${settings}.\n  An acknowledged write: ${acknowledgement.os ?? '–'}; where a row says synced: ${acknowledgement.disk ?? 'not offered'}.`,
    )
    .join('\n');
}
