// Drawing of line charts: uPlot does axes and lines; bands, single points and marks are drawn over it.
import { extent, number, span } from './series.js';

const FEW_POINTS = 30;
const DASHES = [undefined, [7, 3], [2, 3], [9, 3, 2, 3]];

let library;
/** uPlot is a classic script that sets a global: loaded once, on the first page with a chart. */
export function load(url) {
  return library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = url;
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => { library = undefined; reject(new Error('uPlot was not loaded')); };
    document.head.append(script);
  });
}

export const SERIES_COLOURS = 8;

/** Colours of the tokens as a canvas understands them: it knows no light-dark(). */
export function look(host) {
  const probe = document.createElement('span');
  host.shadowRoot.append(probe);
  const of = name => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const colours = {
    line: of('--line'), text: of('--text'), muted: of('--muted'), surface: of('--surface'),
    series: Array.from({ length: SERIES_COLOURS }, (_, i) => of(`--series-${i + 1}`)),
    font: getComputedStyle(host).getPropertyValue('--font').trim(),
  };
  probe.remove();
  return colours;
}

export const strokeOf = (curve, colours) => colours.series[(curve.color ?? 0) % SERIES_COLOURS];
export const dashOf = curve => DASHES[(curve.dash ?? 0) % DASHES.length];

/** @param view {{curves, x, logX, logY, from, to, outliers, best, width, height}} */
export function plot(uPlot, box, view, colours) {
  const { curves } = view;
  const [xMin, xMax] = xRange(view);
  const [yMin, yMax] = yRange(view);
  const font = `11px ${colours.font}`;
  const axis = { stroke: colours.muted, font, grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line, width: 1, size: 4 } };
  const logTicks = (_, __, min, max) => logSplits(min, max);
  const log = { splits: logTicks, filter: (_, splits) => splits };
  const facets = [{ scale: 'x', auto: true }, { scale: 'y', auto: true }];
  const series = [{}];
  const data = [null];
  for (const curve of curves) {
    const stroke = strokeOf(curve, colours);
    if (curve.raw) {
      series.push({ facets, stroke, width: 1, alpha: 0.25, paths: uPlot.paths.linear(), points: { show: false } });
      data.push([curve.xs, curve.raw]);
    }
    series.push({ facets, stroke, width: curve.low ? 2 : 1.5, dash: dashOf(curve), paths: uPlot.paths.linear(), points: { show: false } });
    data.push([curve.xs, curve.ys]);
  }
  if (series.length === 1) { series.push({ facets, paths: () => null, points: { show: false } }); data.push([[], []]); }
  return new uPlot({
    mode: 2,
    width: view.width,
    height: view.height,
    cursor: { show: false },
    select: { show: false },
    legend: { show: false },
    padding: [8, 10, 0, 0],
    scales: {
      x: { time: view.x === 'wall', distr: view.logX ? 3 : 1, range: () => [xMin, xMax] },
      y: { distr: view.logY ? 3 : 1, range: () => [yMin, yMax] },
    },
    axes: [
      { ...axis, size: 26, ...(view.x === 'wall' ? {} : { values: (_, splits) => splits.map(v => v === null ? '' : view.x === 'relative' ? span(v) : short(v)), space: 64 }), ...(view.logX ? log : {}) },
      { ...axis, size: 54, values: (_, splits) => splits.map(v => v === null ? '' : short(v)), ...(view.logY ? log : {}) },
    ],
    series,
    hooks: {
      drawAxes: [u => curves.forEach(curve => curve.low && band(u, curve, strokeOf(curve, colours)))],
      draw: [u => { curves.forEach(curve => curve.xs.length <= FEW_POINTS && dots(u, curve, strokeOf(curve, colours))); marks(u, view, colours); }],
    },
  }, data, box);
}

function xRange({ curves, x, logX, from, to }) {
  let range = extent(curves.map(c => c.xs)) ?? (logX ? [1, 10] : [0, 1]);
  if (x === 'step') range = [from ?? range[0], to ?? range[1]];
  if (logX) range = [Math.max(range[0], Number.MIN_VALUE), Math.max(range[1], Number.MIN_VALUE)];
  return range[0] < range[1] ? range : logX ? [range[0] / 2, range[0] * 2] : [range[0] - 0.5, range[0] + 0.5];
}

function yRange({ curves, logY, outliers }) {
  const lists = curves.flatMap(c => c.low && !logY ? [c.ys, c.low, c.high] : c.raw && !outliers ? [c.ys, c.raw] : [c.ys]);
  const range = extent(lists, outliers ? 0.02 : 0) ?? (logY ? [1, 10] : [0, 1]);
  if (logY) return range[0] < range[1] ? [range[0] / 1.15, range[1] * 1.15] : [range[0] / 2, range[0] * 2];
  const pad = (range[1] - range[0]) * 0.06 || Math.abs(range[0]) * 0.1 || 1;
  return [range[0] - pad, range[1] + pad];
}

/** Decades, with 2 and 5 between when there are few; even steps when the range is less than a decade. */
function logSplits(min, max) {
  const decades = Math.log10(max / min);
  const splits = [];
  if (decades < 1) {
    const raw = (max - min) / 5, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw);
    for (let v = Math.ceil(min / step) * step; v <= max; v += step) splits.push(Number(v.toPrecision(12)));
    return splits;
  }
  const each = Math.max(1, Math.round(decades / 6));
  for (let e = Math.floor(Math.log10(min)); e <= Math.ceil(Math.log10(max)); e += each)
    for (const m of decades < 3 ? [1, 2, 5] : [1]) { const v = m * 10 ** e; if (v >= min && v <= max) splits.push(v); }
  return splits;
}

/** 12000 becomes 12k: an axis has room for six characters. */
function short(value) {
  const size = Math.abs(value);
  for (const [unit, by] of [['G', 1e9], ['M', 1e6], ['k', 1e3]])
    if (size >= by * 10 || size === by) return `${Number((value / by).toPrecision(4))}${unit}`;
  return number(value);
}

const place = (u, x, y) => [u.valToPos(x, 'x', true), u.valToPos(y, 'y', true)];

function inside(u, draw) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx);
  ctx.restore();
}

function band(u, curve, colour) {
  inside(u, ctx => {
    ctx.globalAlpha = 0.18;
    ctx.fillStyle = colour;
    ctx.beginPath();
    const floor = u.scales.y.min;
    const known = curve.xs.map((_, i) => i).filter(i => curve.high[i] !== null);
    for (const i of known) ctx.lineTo(...place(u, curve.xs[i], Math.max(curve.high[i], floor)));
    for (const i of known.reverse()) ctx.lineTo(...place(u, curve.xs[i], Math.max(curve.low[i], floor)));
    ctx.fill();
  });
}

function dots(u, curve, colour) {
  inside(u, ctx => {
    ctx.fillStyle = colour;
    for (let i = 0; i < curve.xs.length; i++) {
      if (curve.ys[i] === null) continue;
      ctx.beginPath();
      ctx.arc(...place(u, curve.xs[i], curve.ys[i]), 2.5 * devicePixelRatio, 0, 7);
      ctx.fill();
    }
  });
}

/** The best point of each curve as a ring, the best of all filled. */
function marks(u, view, colours) {
  if (!view.best) return;
  const better = view.best === 'max' ? (a, b) => a > b : (a, b) => a < b;
  const found = view.curves.map(curve => {
    const ys = curve.raw ?? curve.ys;
    let at = -1;
    for (let i = 0; i < ys.length; i++) if (ys[i] !== null && (at < 0 || better(ys[i], ys[at]))) at = i;
    return { curve, at, value: ys[at] };
  }).filter(f => f.at >= 0);
  const winner = found.reduce((a, b) => a && !better(b.value, a.value) ? a : b, null);
  const { ctx } = u;
  for (const { curve, at, value } of found) {
    ctx.save();
    ctx.beginPath();
    const [x, y] = place(u, curve.xs[at], value);
    ctx.arc(x, y, (curve === winner.curve ? 5 : 3.5) * devicePixelRatio, 0, 7);
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.strokeStyle = strokeOf(curve, colours);
    ctx.fillStyle = curve === winner.curve ? strokeOf(curve, colours) : colours.surface;
    ctx.fill();
    ctx.stroke();
    ctx.restore();
  }
}
