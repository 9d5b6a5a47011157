// The report as a picture: each store's rate as a multiple of nori-lsm's, row by row.
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

const colours = {
  nori: '#1b1f24',
  'classic-level': '#1f77b4',
  lmdb: '#d62728',
  'better-sqlite3': '#2ca02c',
  'rocksdb-native': '#9467bd',
  rocksdb: '#ff7f0e',
  'lmdb-writemap': '#e7969c',
};

/** An SVG document. Right of the line at 1 a store is quicker than nori-lsm, left of it slower. */
export async function drawRates(report) {
  const names = Object.keys(report.stores).filter((name) => name !== 'empty');
  const values = [];
  for (const row of report.rows) {
    const ours = row.stores.nori?.perSecond.median;
    if (ours === undefined) continue;
    for (const name of names) {
      const rate = row.stores[name]?.perSecond;
      if (rate === undefined) continue;
      const [times, lower, upper] = [rate.median, rate.lower, rate.upper].map(
        (each) => each / ours,
      );
      values.push({ workload: row.title, store: report.stores[name].name, times, lower, upper });
    }
  }
  const y = {
    field: 'workload',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { labelLimit: 420, grid: true },
  };
  const scale = { type: 'log', base: 2 };
  const color = {
    field: 'store',
    type: 'nominal',
    title: null,
    scale: {
      domain: names.map((name) => report.stores[name].name),
      range: names.map((name) => colours[name] ?? '#777777'),
    },
    legend: { orient: 'top' },
  };
  const specification = {
    title: {
      text: `Operations per second, nori-lsm = 1 (${report.title})`,
      subtitle: [
        `medians of ${report.repeats} interleaved runs, lines from quartile to quartile`,
        `${report.machine.cpu}, ${report.machine.cores} cores, Node ${report.machine.node}`,
      ],
    },
    background: 'white',
    width: 620,
    height: { step: 22 },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', color: '#1b1f24', strokeDash: [4, 3] },
        data: { values: [{ one: 1 }] },
        encoding: { x: { field: 'one', type: 'quantitative' } },
      },
      {
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.5 },
        encoding: {
          y,
          color,
          x: { field: 'lower', type: 'quantitative', scale },
          x2: { field: 'upper' },
        },
      },
      {
        mark: { type: 'point', filled: true, size: 70, opacity: 0.9 },
        encoding: {
          y,
          color,
          x: {
            field: 'times',
            type: 'quantitative',
            scale,
            title: 'times the rate of nori-lsm',
            axis: { format: '~r', tickCount: 9 },
          },
        },
      },
    ],
  };
  const view = new View(parse(compile(specification).spec), { renderer: 'none' });
  return view.toSVG();
}
