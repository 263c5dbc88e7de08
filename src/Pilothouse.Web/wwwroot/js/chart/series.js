// Numbers of charts: what the server's answer holds, smoothing, groups. No DOM here.

/** Answer of /api/v1/series: uint32 runs; per run uint32 n, uint64 points in all, n float64 steps, n times (epoch ms), n values; little endian. */
export function decode(buffer) {
  const view = new DataView(buffer);
  const all = [];
  for (let count = view.getUint32(0, true), at = 4; count > 0; count--) {
    const n = view.getUint32(at, true);
    const total = Number(view.getBigUint64(at + 4, true));
    at += 12;
    const read = () => { const column = new Float64Array(buffer.slice(at, at + 8 * n)); at += 8 * n; return column; };
    all.push({ total, steps: read(), times: read(), values: read() });
  }
  return all;
}

/** TensorBoard's smoothing: an exponential moving average whose start is not pulled towards zero. A weight of 0 changes nothing. */
export function smooth(values, weight) {
  if (!(weight > 0) || values.every(v => v === values[0])) return values;
  let last = 0, used = 0;
  return values.map(value => {
    if (value === null || !Number.isFinite(value)) return value;
    last = last * weight + (1 - weight) * value;
    used++;
    return last / (1 - weight ** used);
  });
}

/** Position of each point on the x axis: a step, seconds since the start, or seconds since 1970. */
export function positions(series, mode, startMs) {
  if (mode === 'wall') return Array.from(series.times, t => t / 1000);
  if (mode === 'relative') return Array.from(series.times, t => (t - startMs) / 1000);
  return Array.from(series.steps);
}

/** Points in order of x, without those that the axes cannot show; a value that is no number becomes a gap. */
export function points(xs, values, steps, logX, logY) {
  const order = [];
  for (let i = 0; i < xs.length; i++) if (!logX || xs[i] > 0) order.push(i);
  if (order.some((at, i) => i > 0 && xs[at] < xs[order[i - 1]])) order.sort((a, b) => xs[a] - xs[b]);
  return {
    xs: order.map(i => xs[i]),
    ys: order.map(i => Number.isFinite(values[i]) && (!logY || values[i] > 0) ? values[i] : null),
    steps: order.map(i => steps[i]),
  };
}

const MAX_GRID = 400;

/** Mean over curves of one group, with the band of their extremes ("minmax") or of one standard deviation ("std"). */
export function meanOf(curves, band) {
  let grid = [...new Set(curves.flatMap(c => c.xs))].sort((a, b) => a - b);
  if (grid.length > MAX_GRID) {
    const last = grid.length - 1;
    grid = Array.from({ length: MAX_GRID }, (_, i) => grid[Math.round(i * last / (MAX_GRID - 1))]);
  }
  const rows = curves.map(curve => interpolate(curve.xs, curve.ys, grid));
  const mean = [], low = [], high = [];
  for (let i = 0; i < grid.length; i++) {
    const values = rows.map(row => row[i]).filter(v => v !== null);
    if (values.length === 0) { mean.push(null); low.push(null); high.push(null); continue; }
    const m = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = values.length > 1 ? Math.sqrt(values.reduce((a, b) => a + (b - m) ** 2, 0) / (values.length - 1)) : 0;
    mean.push(m);
    low.push(band === 'std' ? m - deviation : Math.min(...values));
    high.push(band === 'std' ? m + deviation : Math.max(...values));
  }
  return { xs: grid, ys: mean, steps: grid, low, high };
}

/** Values at the places of a grid; null outside of the curve, which is never prolonged. */
function interpolate(xs, ys, grid) {
  const known = [];
  for (let i = 0; i < xs.length; i++) if (ys[i] !== null) known.push(i);
  let at = 0;
  return grid.map(x => {
    if (known.length === 0 || x < xs[known[0]] || x > xs[known[known.length - 1]]) return null;
    while (at < known.length - 1 && xs[known[at + 1]] <= x) at++;
    const [a, b] = [known[at], known[Math.min(at + 1, known.length - 1)]];
    return xs[a] === x || xs[a] === xs[b] ? ys[a] : ys[a] + (ys[b] - ys[a]) * (x - xs[a]) / (xs[b] - xs[a]);
  });
}

/** Index of the point nearest to x; -1 when there is none. */
export function nearest(xs, x) {
  if (xs.length === 0) return -1;
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle; else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}

/** Smallest and largest number of several lists; with a share, without that share of the values at either end. */
export function extent(lists, share = 0) {
  let values = [];
  for (const list of lists) for (const v of list) if (v !== null && Number.isFinite(v)) values.push(v);
  if (values.length === 0) return null;
  if (share > 0 && values.length > 20) {
    values.sort((a, b) => a - b);
    values = values.slice(Math.floor(values.length * share), Math.ceil(values.length * (1 - share)));
  }
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
  return [low, high];
}

/** A field of a CSV file (RFC 4180). */
export const csvField = value => /[",\r\n]/.test(value = String(value ?? '')) ? `"${value.replaceAll('"', '""')}"` : value;

/** Five significant digits, as the pages write numbers. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return Number(value.toPrecision(size >= 1e5 ? Math.ceil(Math.log10(size)) : 5)).toLocaleString('en-US', { maximumFractionDigits: 8 }).replaceAll(',', '\u2009');
}

/** Seconds as 45 s, 12:05, 3:12:05. */
export function span(seconds) {
  const sign = seconds < 0 ? '−' : '';
  const s = Math.abs(seconds);
  if (s < 60) return `${sign}${number(Math.round(s * 1000) / 1000)} s`;
  const two = n => String(Math.floor(n)).padStart(2, '0');
  return sign + (s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(s / 60 % 60)}:${two(s % 60)}`);
}
