import { colours, line, path, roundUp, svg, text } from '../amplification/svg.mjs';

const width = 860;
const left = 70;
const right = 150;
const panelHeight = 110;

const panels = [
  { title: 'calls a second, in thousands', lines: { calls: (s) => s.operations / 1000 } },
  {
    title: 'p99.9 of a call, ms',
    lines: { get: (s) => s.get.p999, put: (s) => s.put.p999 },
  },
  {
    title: 'event loop delay, ms',
    lines: { 'p99 of a second': (s) => s.loopP99Ms, longest: (s) => s.loopMaxMs },
  },
  {
    title: 'memory, MB',
    lines: { resident: (s) => s.rssMB, heap: (s) => s.heapMB, external: (s) => s.externalMB },
  },
  { title: 'directory, MB', lines: { directory: (s) => s.directoryMB } },
  { title: 'tables in L0', lines: { tables: (s) => s.levels[0] } },
];

/** All samples of a run, one panel below the other over the same seconds. */
export function drawSamples(samples) {
  const times = [];
  let time = 0;
  for (const { seconds } of samples) times.push((time += seconds));
  const xOf = (at) => left + (at / time) * (width - left - right);
  const body = [];
  panels.forEach(({ title, lines }, row) => {
    const top = 30 + row * (panelHeight + 40);
    const bottom = top + panelHeight;
    const names = Object.keys(lines);
    const most = roundUp(Math.max(...names.flatMap((name) => samples.map(lines[name])), 1));
    const yOf = (value) => bottom - (value / most) * panelHeight;
    body.push(text(left, top - 8, title, { weight: 'bold' }));
    for (const share of [0, 0.5, 1]) {
      const y = yOf(share * most);
      body.push(line(left, y, width - right, y));
      body.push(text(left - 8, y + 4, share * most, { anchor: 'end' }));
    }
    names.forEach((name, i) => {
      const points = samples.map((sample, at) => [xOf(times[at]), yOf(lines[name](sample))]);
      body.push(path(points, colours[i + 1]));
      body.push(text(width - right + 10, top + 14 + 18 * i, name, { fill: colours[i + 1] }));
    });
  });
  const bottom = 30 + panels.length * (panelHeight + 40) - 30;
  for (let minute = 0; minute * 60 <= time; minute += Math.max(1, Math.round(time / 600))) {
    body.push(text(xOf(minute * 60), bottom + 10, `${minute} min`, { anchor: 'middle' }));
  }
  return svg(width, bottom + 24, body);
}
