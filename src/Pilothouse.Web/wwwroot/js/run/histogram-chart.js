// <histogram-chart src="/api/v1/runs/ID/media/points?kind=histogram&key=K&spread=true" view="ridge|heat|bands" label="weights" height="240">fallback</histogram-chart>
// Histograms over steps: as ridges (one outline a step, the newest in front), as a heat map (steps by values), or as bands of quantiles.
import { look } from '../chart/plot.js';
import { number } from '../chart/series.js';
import { near } from './near.js';

const POINTS = 60;
const ROWS = 64;
const HEIGHT = 240;
const PAD = { left: 8, right: 56, top: 10, bottom: 24 };
const QUANTILES = [0, 0.0668, 0.1587, 0.3085, 0.5, 0.6915, 0.8413, 0.9332, 1]; // a normal distribution's -1.5 to 1.5 deviations, as TensorBoard draws them

const styles = new CSSStyleSheet();
styles.replaceSync(`
  :host { display: block; position: relative; }
  canvas { display: block; width: 100%; cursor: crosshair; }
  canvas:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
  output { display: block; min-height: 18px; font: 12px/18px var(--font); font-variant-numeric: tabular-nums; color: var(--muted); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  [hidden] { display: none !important; }
`);

class HistogramChart extends HTMLElement {
  static observedAttributes = ['src', 'view', 'height'];
  #canvas; #output; #fallback; #points = []; #colours; #resize; #theme; #generation = 0; #at = -1; #grid; #unwatch;

  connectedCallback() {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [styles];
      this.#canvas = document.createElement('canvas');
      this.#canvas.tabIndex = 0;
      this.#canvas.setAttribute('role', 'img');
      this.#output = document.createElement('output');
      this.#output.textContent = 'Loading …';
      this.#fallback = document.createElement('slot');
      this.#fallback.hidden = true;
      root.append(this.#canvas, this.#output, this.#fallback);
      this.#canvas.addEventListener('pointermove', event => this.#hover(event.offsetX, event.offsetY));
      this.#canvas.addEventListener('pointerleave', () => this.#choose(-1));
      this.#canvas.addEventListener('keydown', event => {
        const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        this.#choose(Math.max(0, Math.min(this.#points.length - 1, (this.#at < 0 ? this.#points.length - 1 : this.#at) + by)));
      });
    }
    this.#resize = new ResizeObserver(() => this.#paint());
    this.#resize.observe(this);
    this.#theme = matchMedia('(prefers-color-scheme: dark)');
    this.#theme.addEventListener('change', this.#paint);
    this.#unwatch = near(this, () => this.#load());
  }

  disconnectedCallback() {
    this.#generation++;
    this.#unwatch?.();
    this.#resize?.disconnect();
    this.#theme?.removeEventListener('change', this.#paint);
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected || !this.shadowRoot) return;
    if (name === 'src') this.#load(); else this.#paint();
  }

  async #load() {
    const generation = ++this.#generation;
    try {
      const url = new URL(this.getAttribute('src'), document.baseURI);
      url.searchParams.set('limit', POINTS);
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${response.status}`);
      const page = await response.json();
      if (generation !== this.#generation) return;
      this.#points = page.items.filter(point => point.histogram).map(point => ({ step: point.step, bins: clean(point.histogram) })).filter(point => point.bins.length > 0);
      this.#canvas.ariaLabel = this.#points.length === 0 ? `${this.getAttribute('label')}: no values` : `Histograms of ${this.getAttribute('label')}, steps ${this.#points[0].step} to ${this.#points.at(-1).step}; arrow keys go through them`;
      this.#at = -1;
      this.#paint();
      this.#say();
      this.dataset.points = this.#points.length;
    } catch (error) {
      this.#canvas.hidden = true;
      this.#output.textContent = '';
      this.#fallback.hidden = false;
      console.warn('histogram', error);
    }
  }

  #paint = () => {
    if (this.#points.length === 0 || this.clientWidth === 0) return;
    const width = this.#canvas.clientWidth || this.clientWidth;
    const height = Number(this.getAttribute('height')) || HEIGHT;
    const ratio = devicePixelRatio;
    [this.#canvas.width, this.#canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.#canvas.style.height = `${height}px`;
    const ctx = this.#canvas.getContext('2d');
    ctx.scale(ratio, ratio);
    this.#colours = look(this);
    ctx.font = `11px ${this.#colours.font}`;
    this.#grid = { width, height, ...({ heat, bands }[this.getAttribute('view')] ?? ridge)(ctx, this.#points, this.#colours, width, height, this.#at) };
  };

  #hover(x, y) {
    if (!this.#grid) return;
    this.#choose(this.#grid.find(x, y), this.#grid.value(x, y));
  }

  #choose(at, value) {
    const other = at !== this.#at;
    this.#at = at;
    if (other) this.#paint();
    this.#say(value);
  }

  #say(value) {
    const point = this.#points[this.#at];
    if (!point) {
      this.#output.textContent = this.#points.length === 0 ? 'No values' : `${this.#points.length} of the steps ${this.#points[0].step} to ${this.#points.at(-1).step}`;
      return;
    }
    const bin = value === undefined ? undefined : point.bins.find(([left, right]) => value >= left && value <= right);
    const total = point.bins.reduce((sum, b) => sum + b[2], 0);
    this.#output.textContent = `step ${point.step} · ${number(total)} values from ${number(point.bins[0][0])} to ${number(point.bins.at(-1)[1])}, median ${number(quantile(point.bins, 0.5))}` + (bin ? ` · ${number(bin[2])} in ${number(bin[0])} to ${number(bin[1])}` : '');
  }
}

/** Buckets that hold something; the edges that TensorBoard sets to the largest number there is are drawn in to their neighbour. */
function clean(bins) {
  let [first, last] = [0, bins.length - 1];
  while (first < bins.length && !(bins[first][2] > 0)) first++;
  while (last >= 0 && !(bins[last][2] > 0)) last--;
  return bins.slice(first, last + 1).map(([left, right, count]) => {
    if (!(Math.abs(left) < 1e300)) left = right;
    if (!(Math.abs(right) < 1e300)) right = left;
    return [left, right, count];
  }).filter(([left, right, count]) => Number.isFinite(left) && Number.isFinite(right) && Number.isFinite(count));
}

function range(points) {
  let low = Math.min(...points.map(p => p.bins[0][0]));
  let high = Math.max(...points.map(p => p.bins.at(-1)[1]));
  if (!(high > low)) { const pad = Math.abs(low) * 0.1 || 0.5; low -= pad; high += pad; }
  return [low, high];
}

/** Counts in equal parts of the range, each bucket spread evenly over what it covers. */
function rebin(bins, low, high, parts) {
  const out = new Float64Array(parts);
  const scale = parts / (high - low);
  for (const [left, right, count] of bins) {
    const [from, to] = [(left - low) * scale, (right - low) * scale];
    if (to - from < 1e-9) { out[Math.max(0, Math.min(parts - 1, Math.floor(from)))] += count; continue; }
    for (let i = Math.max(0, Math.floor(from)); i < Math.min(parts, Math.ceil(to)); i++) out[i] += count * Math.max(0, Math.min(to, i + 1) - Math.max(from, i)) / (to - from);
  }
  return out;
}

function quantile(bins, share) {
  const total = bins.reduce((sum, b) => sum + b[2], 0);
  let left = share * total;
  for (const [from, to, count] of bins) {
    if (left <= count) return count > 0 ? from + (to - from) * left / count : from;
    left -= count;
  }
  return bins.at(-1)[1];
}

function ticks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw);
  const all = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) all.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return all;
}

function valueAxis(ctx, colours, low, high, width, height) {
  const x = value => PAD.left + (value - low) / (high - low) * (width - PAD.left - PAD.right);
  ctx.fillStyle = colours.muted;
  ctx.strokeStyle = colours.line;
  ctx.textAlign = 'center';
  for (const tick of ticks(low, high, Math.max(2, width / 90))) {
    ctx.beginPath();
    ctx.moveTo(x(tick), PAD.top);
    ctx.lineTo(x(tick), height - PAD.bottom);
    ctx.stroke();
    ctx.fillText(number(tick), x(tick), height - 8);
  }
  return x;
}

function ridge(ctx, points, colours, width, height, at) {
  const [low, high] = range(points);
  const x = valueAxis(ctx, colours, low, high, width, height);
  const shapes = points.map(point => rebin(point.bins, low, high, ROWS));
  const peak = Math.max(...shapes.flatMap(shape => [...shape])) || 1;
  const room = height - PAD.top - PAD.bottom;
  const lift = Math.min(room * 0.5, 90);
  const base = i => points.length === 1 ? height - PAD.bottom : PAD.top + lift + (room - lift) * i / (points.length - 1);
  const order = points.map((_, i) => i); // oldest behind
  const label = Math.max(1, Math.ceil(points.length / Math.max(1, room / 16)));
  for (const i of order) {
    const y = base(i);
    ctx.beginPath();
    ctx.moveTo(x(low), y);
    shapes[i].forEach((count, row) => ctx.lineTo(x(low + (row + 0.5) * (high - low) / ROWS), y - count / peak * lift));
    ctx.lineTo(x(high), y);
    ctx.fillStyle = colours.surface;
    ctx.globalAlpha = 0.85;
    ctx.fill();
    ctx.globalAlpha = i === at ? 0.55 : 0.12 + 0.3 * i / Math.max(1, points.length - 1);
    ctx.fillStyle = colours.series[0];
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.lineWidth = i === at ? 2 : 1;
    ctx.strokeStyle = i === at ? colours.text : colours.series[0];
    ctx.stroke();
    if (i === at || (at < 0 && i % label === 0)) {
      ctx.fillStyle = i === at ? colours.text : colours.muted;
      ctx.textAlign = 'left';
      ctx.fillText(String(points[i].step), width - PAD.right + 8, y + 3);
    }
  }
  return {
    find: (_, y) => points.reduce((best, __, i) => Math.abs(base(i) - y - lift * 0.15) < Math.abs(base(best) - y - lift * 0.15) ? i : best, 0),
    value: px => low + (px - PAD.left) / (width - PAD.left - PAD.right) * (high - low),
  };
}

/** Steps from left to right, values from bottom to top. */
function plane(ctx, points, colours, low, high, width, height) {
  const inner = width - PAD.left - PAD.right, room = height - PAD.top - PAD.bottom;
  const y = value => PAD.top + (high - value) / (high - low) * room;
  ctx.fillStyle = colours.muted;
  ctx.textAlign = 'left';
  for (const tick of ticks(low, high, Math.max(2, room / 44))) ctx.fillText(number(tick), width - PAD.right + 8, y(tick) + 3);
  ctx.textAlign = 'center';
  const every = Math.max(1, Math.ceil(points.length / Math.max(1, inner / 70)));
  const column = inner / points.length;
  points.forEach((point, i) => { if (i % every === 0) ctx.fillText(String(point.step), PAD.left + (i + 0.5) * column, height - 8); });
  return {
    y, column, room,
    find: px => Math.max(0, Math.min(points.length - 1, Math.floor((px - PAD.left) / column))),
    value: (_, py) => high - (py - PAD.top) / room * (high - low),
  };
}

function heat(ctx, points, colours, width, height, at) {
  const [low, high] = range(points);
  const grid = plane(ctx, points, colours, low, high, width, height);
  ctx.fillStyle = colours.series[0];
  const cell = grid.room / ROWS;
  points.forEach((point, i) => {
    const counts = rebin(point.bins, low, high, ROWS);
    const most = Math.max(...counts) || 1; // each step by itself: their totals may differ
    counts.forEach((count, row) => {
      if (count <= 0) return;
      ctx.globalAlpha = 0.06 + 0.94 * Math.sqrt(count / most);
      const [left, right, top, bottom] = [i * grid.column, (i + 1) * grid.column, grid.room - (row + 1) * cell, grid.room - row * cell].map(Math.round); // whole pixels: no seams
      ctx.fillRect(PAD.left + left, PAD.top + top, right - left, bottom - top);
    });
  });
  ctx.globalAlpha = 1;
  if (at >= 0) { ctx.strokeStyle = colours.text; ctx.strokeRect(PAD.left + at * grid.column, PAD.top, grid.column, grid.room); }
  return grid;
}

function bands(ctx, points, colours, width, height, at) {
  const all = points.map(point => QUANTILES.map(q => quantile(point.bins, q)));
  const [low, high] = range(points);
  const grid = plane(ctx, points, colours, low, high, width, height);
  const x = i => PAD.left + (i + 0.5) * grid.column;
  ctx.fillStyle = colours.series[0];
  for (let k = 0; k < 4; k++) {
    ctx.globalAlpha = 0.14 + k * 0.1;
    ctx.beginPath();
    if (points.length === 1) {
      const [top, bottom] = [grid.y(all[0][8 - k]), grid.y(all[0][k])];
      ctx.rect(x(0) - 12, top, 24, Math.max(1, bottom - top));
    } else {
      all.forEach((q, i) => ctx.lineTo(x(i), grid.y(q[8 - k])));
      for (let i = points.length - 1; i >= 0; i--) ctx.lineTo(x(i), grid.y(all[i][k]));
    }
    ctx.fill();
  }
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colours.series[0];
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  all.forEach((q, i) => ctx.lineTo(x(i), grid.y(q[4])));
  ctx.stroke();
  if (at >= 0) { ctx.strokeStyle = colours.text; ctx.lineWidth = 1; ctx.beginPath(); ctx.moveTo(x(at), PAD.top); ctx.lineTo(x(at), PAD.top + grid.room); ctx.stroke(); }
  return grid;
}

customElements.define('histogram-chart', HistogramChart);
