/** Whether the run was steady, from its samples: each claim with its value and limit. */
export function judge(samples, stalls) {
  const windows = windowsOf(samples, 10);
  const rates = windows.map((each) => mean(each, ({ operations }) => operations));
  const lowest = Math.min(...rates) / median(rates);
  const growth = (pick) =>
    median(quarter(samples, 3).map(pick)) / median(quarter(samples, 1).map(pick));
  const trend =
    median(quarter(samples, 3).map((each) => each.operations)) /
    median(quarter(samples, 1).map((each) => each.operations));
  const worst = Math.max(...windows.map((each) => median(each.map(({ put }) => put.p999))));
  const loop = quantile(
    samples.map(({ loopMaxMs }) => loopMaxMs),
    0.99,
  );
  return [
    atLeast('slowest 10 s against the median', lowest, 0.5),
    atLeast('throughput of the last quarter against the second', trend, 0.8),
    atMost(
      'resident memory of the last quarter against the second',
      growth((each) => each.rssMB),
      1.1,
    ),
    atMost(
      'heap of the last quarter against the second',
      growth((each) => each.heapMB),
      1.25,
    ),
    atMost(
      'space of the last quarter against the second',
      growth((each) => each.directoryMB),
      1.15,
    ),
    atMost('times that writers were stopped', stalls.stops, 0),
    atMost('p99.9 of a put in the worst 10 s, ms', worst, 50),
    atMost('event loop: longest delay of a second, in 99 of 100 seconds, ms', loop, 30),
  ];
}

const atLeast = (what, value, limit) => claim(what, value, `>= ${limit}`, value >= limit);
const atMost = (what, value, limit) => claim(what, value, `<= ${limit}`, value <= limit);

function claim(what, value, limit, isMet) {
  return { what, value: Number(value.toFixed(2)), limit, isMet };
}

function windowsOf(samples, length) {
  const windows = [];
  for (let from = 0; from + length <= samples.length; from += length) {
    windows.push(samples.slice(from, from + length));
  }
  return windows.length > 0 ? windows : [samples];
}

/** The first is number 0. */
function quarter(samples, number) {
  const length = samples.length / 4;
  return samples.slice(Math.floor(number * length), Math.floor((number + 1) * length));
}

function mean(samples, pick) {
  return samples.reduce((sum, each) => sum + pick(each), 0) / samples.length;
}

function median(numbers) {
  return quantile(numbers, 0.5);
}

function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
