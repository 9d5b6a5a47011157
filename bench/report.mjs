// From the lines of the children to the figures of a report.
import { median, spread } from './statistics.mjs';
import { rowsOf } from './targets.mjs';

/** Of all runs of one workload by one store. */
function summarise(runs) {
  const of = (pick) => {
    const numbers = runs.map(pick).filter((number) => Number.isFinite(number));
    return numbers.length === 0 ? undefined : median(numbers);
  };
  const notes = {};
  for (const name of Object.keys(runs[0].notes)) {
    // The longest is the longest of all runs.
    notes[name] = name.includes('max')
      ? Math.max(...runs.map((run) => run.notes[name] ?? 0))
      : of((run) => run.notes[name]);
  }
  return {
    perSecond: spread(runs.map((run) => (run.operations / run.milliseconds) * 1000)),
    runs: runs.length,
    operations: of((run) => run.operations),
    latencyMs: {
      p50: of((run) => run.latencyMs?.p50),
      p99: of((run) => run.latencyMs?.p99),
      p999: of((run) => run.latencyMs?.p999),
      max: of((run) => run.latencyMs?.max),
    },
    cpuMicrosecondsPerOperation: of((run) => run.cpuMicroseconds / run.operations),
    cpuMicrosecondsPerOperationSettled: of((run) => run.cpuMicrosecondsSettled / run.operations),
    deviceBytesPerOperation: of((run) => run.deviceBytes / run.operations),
    processBytesPerOperation: of((run) => run.processBytes / run.operations),
    diskBytesPerOperation: of((run) => run.diskBytes / run.operations),
    notes,
  };
}

/**
 * The rows of a set with the figures of each store, the best peer, and nori-lsm's
 * ratio to it.
 * @param messages - of the children: those about a workload have `store` and `repeat` beside
 */
export function makeReport(set, workloads, messages) {
  const results = {};
  for (const message of messages) {
    if (message.workload === undefined) continue;
    ((results[message.workload] ??= {})[message.store] ??= []).push(message);
  }
  const summaries = {};
  for (const [workload, stores] of Object.entries(results)) {
    summaries[workload] = {};
    for (const [store, runs] of Object.entries(stores))
      summaries[workload][store] = summarise(runs);
  }
  const stores = [...new Set(messages.map(({ store }) => store))];
  const rows = [];
  for (const row of rowsOf(set)) {
    const figures = {};
    for (const store of stores) {
      const best = row.workloads
        .filter((workload) => summaries[workload]?.[store] !== undefined)
        .map((workload) => ({ workload, ...summaries[workload][store] }))
        .sort((a, b) => b.perSecond.median - a.perSecond.median)[0];
      if (best !== undefined) figures[store] = best;
    }
    if (Object.keys(figures).length === 0) continue;
    const { durability } = workloads.find(({ name }) => name === row.workloads[0]);
    rows.push({ ...row, durability, stores: figures, ...compare(row, figures) });
  }
  return { rows, workloads: summaries, memory: memoryOf(messages, stores) };
}

function compare({ must, aim }, figures) {
  const peers = Object.keys(figures).filter((store) => store !== 'nori' && store !== 'empty');
  if (figures.nori === undefined || peers.length === 0) return {};
  const rate = (store) => figures[store].perSecond.median;
  const bestPeer = peers.reduce((best, store) => (rate(store) > rate(best) ? store : best));
  const ratio = rate('nori') / rate(bestPeer);
  const verdict =
    must === undefined ? undefined : ratio >= aim ? 'aim' : ratio >= must ? 'must' : 'missed';
  return { bestPeer, ratio, verdict };
}

/** The most memory that a process of each store held, which includes the keys and values of the runner. */
function memoryOf(messages, stores) {
  const memory = {};
  for (const store of stores) {
    memory[store] = {};
    for (const group of ['fresh', 'loaded']) {
      const sizes = messages
        .filter((message) => message.store === store && message.group === group)
        .map(({ maxRssBytes }) => maxRssBytes);
      if (sizes.length > 0) memory[store][group] = median(sizes);
    }
  }
  return memory;
}
