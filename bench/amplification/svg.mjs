// A few words of SVG, for the charts of the documentation: readable on light and dark pages.
export const colours = ['#9aa0a6', '#4c8bf5', '#12a594', '#e5932c', '#c2589f'];

export function svg(width, height, body) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${body.join('\n')}
</svg>
`;
}

export function text(
  x,
  y,
  content,
  { anchor = 'start', weight = 'normal', fill = '#333333' } = {},
) {
  const escaped = String(content).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${f(x)}" y="${f(y)}" text-anchor="${anchor}" font-weight="${weight}" fill="${fill}">${escaped}</text>`;
}

export function box(x, y, width, height, fill) {
  return `<rect x="${f(x)}" y="${f(y)}" width="${f(width)}" height="${f(height)}" fill="${fill}"/>`;
}

export function line(x1, y1, x2, y2, stroke = '#dddddd') {
  return `<line x1="${f(x1)}" y1="${f(y1)}" x2="${f(x2)}" y2="${f(y2)}" stroke="${stroke}"/>`;
}

export function path(points, stroke) {
  const steps = points.map(([x, y]) => `${f(x)},${f(y)}`).join(' ');
  return `<polyline points="${steps}" fill="none" stroke="${stroke}" stroke-width="1.2"/>`;
}

/** A round number at or above `most`. */
export function roundUp(most) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(most, 1e-9)));
  return [1, 2, 2.5, 4, 5, 8, 10].map((step) => step * unit).find((each) => each >= most) ?? most;
}

const f = (number) => Number(number.toFixed(1));
