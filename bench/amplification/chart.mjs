import { box, colours, line, roundUp, svg, text } from './svg.mjs';

const left = 210;
const right = 60;
const width = 760;
const rowHeight = 30;

/** Bytes written for each byte put, one bar for each configuration, one part for each level. */
export function drawWritten(rows) {
  const { workload, ratio } = rows[0];
  const most = roundUp(Math.max(...rows.map(({ writeAmplification }) => writeAmplification)));
  const scale = (width - left - right) / most;
  const depth = Math.max(...rows.map(({ writtenByLevel }) => writtenByLevel.length));
  const top = 66;
  const bottom = top + rows.length * rowHeight;
  const body = [
    text(
      12,
      22,
      `Bytes written for each byte put: ${workload} overwrites, ${ratio}x the memtable`,
      {
        weight: 'bold',
      },
    ),
  ];
  for (let level = 0; level < depth; level++) {
    const x = left + level * 110;
    body.push(box(x, 36, 12, 12, colours[level]));
    body.push(text(x + 18, 46, level === 0 ? 'L0 (flush)' : `L${level}`));
  }
  for (let tick = 0; tick <= 4; tick++) {
    const x = left + (tick / 4) * most * scale;
    body.push(
      line(x, top - 6, x, bottom),
      text(x, bottom + 16, (tick / 4) * most, { anchor: 'middle' }),
    );
  }
  rows.forEach(({ name, writtenByLevel, writeAmplification }, row) => {
    const y = top + row * rowHeight;
    body.push(text(left - 10, y + 15, name, { anchor: 'end' }));
    let x = left;
    writtenByLevel.forEach((written, level) => {
      body.push(box(x, y, written * scale, 20, colours[level]));
      x += written * scale;
    });
    body.push(text(x + 6, y + 15, writeAmplification.toFixed(2)));
  });
  return svg(width, bottom + 28, body);
}
