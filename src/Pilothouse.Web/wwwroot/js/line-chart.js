// A chart of metric curves. Everything it needs stands in attributes, so that the server sets its state and enhanced navigation changes it in place:
//   <line-chart key="loss" src="/api/v1/series?run=ID&key=loss" uplot="..." css="..." live="/api/v1/runs/ID/live">fallback</line-chart>
//   src        answers in the form of /api/v1/series; the chart adds points=, from=, to=
//   series     several runs: JSON [{"id":"RUN","name":"lr-01","color":0,"dash":0,"group":"0.01","start":1700000000000,"key":"loss"}]; src then is /api/v1/series, and
//              the chart adds run= and key= (a series' own key, or the chart's); color 0-7, dash 0-3, start in epoch ms
//   series-from  id of an element whose data-series holds that JSON, for many charts of the same runs
//   x          step (default) | relative | wall
//   smooth     0..0.999, TensorBoard's smoothing; the raw curve stays behind it, faint
//   xlog ylog  logarithmic axes
//   from to    range of steps
//   group      mean over the series of one group instead of each: minmax | std is the band around it
//   best       min | max: marks each curve's best point
//   outliers   "ignore": the y axis leaves 2 % of the values out at either end
//   sync       charts with the same word share crosshair and range
//   height     pixels, default 176
// Events: "chart-zoom" (bubbles) with detail {from, to} in steps, null = all. dataset.points = points drawn, dataset.curves = curves, dataset.total = points there are.
import { number, points, positions, decode, smooth, meanOf, nearest, span, csvField } from './chart/series.js';
import { load, plot, look, strokeOf, dashOf } from './chart/plot.js';
import { listen } from './chart/live.js';
import { chartStyles, toolbar } from './chart/frame.js';

const MAX_TIP = 10;
const MAX_EXPORT = 20_000;
const MAX_TABLE = 50;

/** Charts that share a crosshair and a range, by the word in their attribute sync. */
const groups = new Map();

class LineChart extends HTMLElement {
  static observedAttributes = ['src', 'live', 'series', 'x', 'smooth', 'xlog', 'ylog', 'from', 'to', 'group', 'best', 'outliers', 'height', 'sync'];
  #plot; #stop; #resize; #theme; #watch; #pending = false; #again = false; #generation = 0;
  #box; #state; #tip; #said; #bar; #table; #fallback;
  #fetched; #curves = []; #view; #colours; #starts = new Map(); #dimmed = null; #cursor = null; #drag = null;

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    this.#resize = new ResizeObserver(() => { if (this.#plot && Math.abs(this.#plot.width - this.#size().width) > 1) this.#paint(); });
    this.#resize.observe(this);
    this.#theme = matchMedia('(prefers-color-scheme: dark)');
    this.#theme.addEventListener('change', this.#paint);
    document.addEventListener('pilothouse:highlight', this.#highlight);
    this.#start();
  }

  disconnectedCallback() {
    this.#generation++;
    this.#stop?.();
    this.#stop = undefined;
    this.#resize?.disconnect();
    this.#watch?.disconnect();
    this.#theme?.removeEventListener('change', this.#paint);
    document.removeEventListener('pilothouse:highlight', this.#highlight);
    this.#leave();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected || !this.shadowRoot) return;
    if (['src', 'live', 'series', 'sync'].includes(name)) this.#start();
    else if (name === 'from' || name === 'to') this.#draw();
    else if (this.#fetched) this.#paint();
  }

  /** What is drawn: name, colour and values of each curve. */
  get curves() { return this.#curves; }

  #build() {
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [chartStyles];
    const sheet = document.createElement('link');
    sheet.rel = 'stylesheet';
    sheet.href = this.getAttribute('css');
    const part = (tag, name) => { const element = document.createElement(tag); element.className = name; return element; };
    const frame = part('div', 'frame');
    this.#box = part('div', 'chart');
    this.#box.tabIndex = 0;
    this.#box.setAttribute('role', 'img');
    this.#state = part('div', 'state');
    this.#state.textContent = 'Loading …';
    this.#tip = part('div', 'tip');
    this.#tip.hidden = true;
    this.#said = part('output', 'said');
    this.#said.setAttribute('aria-live', 'polite');
    this.#bar = toolbar({ reset: () => this.#zoom(null, null), log: () => this.toggleAttribute('ylog'), larger: () => this.#larger(), png: () => this.#png(), csv: () => this.#csv(), table: () => this.#showTable() });
    this.#table = part('div', 'table');
    this.#table.hidden = true;
    // The fallback (a drawing and a table rendered by the server) is shown when the chart cannot be drawn.
    this.#fallback = document.createElement('slot');
    this.#fallback.hidden = true;
    frame.append(this.#box, this.#state, this.#tip);
    root.append(sheet, frame, this.#bar, this.#said, this.#table, this.#fallback);
    this.#listenToPointer();
  }

  #start() {
    this.#generation++;
    this.#stop?.();
    this.#watch?.disconnect();
    const live = this.getAttribute('live');
    this.#stop = live ? listen(live, keys => { if (keys.length === 0 || this.#keys().some(key => keys.includes(key))) this.#draw(); }) : undefined;
    const from = document.getElementById(this.getAttribute('series-from') ?? '');
    if (from) {
      this.#watch = new MutationObserver(() => this.#draw());
      this.#watch.observe(from, { attributes: true, attributeFilter: ['data-series'] });
    }
    this.#leave();
    const word = this.getAttribute('sync');
    if (word) groups.set(word, (groups.get(word) ?? new Set()).add(this));
    this.#draw();
  }

  #leave() { for (const group of groups.values()) group.delete(this); }

  #peers() { return [...(groups.get(this.getAttribute('sync')) ?? [])].filter(chart => chart !== this); }

  #number(name) { return this.hasAttribute(name) && Number.isFinite(Number(this.getAttribute(name))) ? Number(this.getAttribute(name)) : null; }

  #descriptors() {
    const text = document.getElementById(this.getAttribute('series-from') ?? '')?.dataset.series ?? this.getAttribute('series');
    const key = this.getAttribute('key') ?? 'value';
    return text ? JSON.parse(text).map(one => ({ key, ...one })) : [{ id: new URL(this.getAttribute('src'), document.baseURI).searchParams.get('run') ?? '', name: key, key }];
  }

  #keys() { return [...new Set(this.#descriptors().map(one => one.key))]; }

  /** At most one request at a time; news that arrive meanwhile cause one more. */
  async #draw() {
    if (this.#pending) { this.#again = true; return; }
    this.#pending = true;
    const generation = this.#generation;
    try {
      const [uPlot, fetched] = await Promise.all([load(this.getAttribute('uplot')), this.#fetch(Math.max(200, Math.round(this.clientWidth * 2)))]);
      if (generation !== this.#generation) { this.#again = this.isConnected; return; }
      this.#fetched = fetched;
      this.uPlot = uPlot;
      this.#paint();
    } catch (error) {
      if (this.#plot) return; // a failed update leaves the last good curve; the next event tries again
      this.#state.textContent = '';
      this.shadowRoot.querySelector('.frame').hidden = this.#bar.hidden = true;
      this.#fallback.hidden = false;
      console.warn('chart', error);
    } finally {
      this.#pending = false;
      if (this.#again) { this.#again = false; setTimeout(() => this.isConnected && this.#draw(), 250); }
    }
  }

  async #fetch(wanted) {
    const descriptors = this.#descriptors();
    const many = this.hasAttribute('series') || this.hasAttribute('series-from');
    const result = [];
    for (const key of new Set(descriptors.map(one => one.key))) {
      const mine = descriptors.filter(one => one.key === key);
      const source = new URL(this.getAttribute('src'), document.baseURI);
      if (many) {
        source.searchParams.set('key', key);
        for (const one of mine) source.searchParams.append('run', one.id);
      }
      source.searchParams.set('points', wanted);
      for (const name of ['from', 'to']) if (this.#number(name) !== null) source.searchParams.set(name, this.#number(name));
      const response = await fetch(source, { headers: { Accept: 'application/octet-stream' } });
      if (!response.ok) throw new Error(`${source.pathname}: ${response.status}`);
      decode(await response.arrayBuffer()).forEach((data, i) => result.push({ ...mine[i], ...data }));
    }
    for (const one of result) {
      const known = `${one.id}/${one.key}`;
      const first = Math.min(one.times[0] ?? Infinity, one.start || Infinity, this.#starts.get(known) ?? Infinity);
      if (Number.isFinite(first)) this.#starts.set(known, first);
    }
    return result;
  }

  #curvesOf(fetched) {
    const x = this.getAttribute('x') ?? 'step';
    const weight = Math.min(0.999, this.#number('smooth') ?? 0);
    const curves = fetched.filter(one => one.steps.length > 0).map(one => {
      const made = points(positions(one, x, this.#starts.get(`${one.id}/${one.key}`) ?? 0), one.values, one.steps, this.hasAttribute('xlog'), this.hasAttribute('ylog'));
      const ys = smooth(made.ys, weight);
      return { id: one.id, key: one.key, name: one.name, color: one.color, dash: one.dash, group: one.group, ...made, ys, raw: ys === made.ys ? null : made.ys };
    });
    const how = this.getAttribute('group');
    if (!how) return curves;
    return [...Map.groupBy(curves, curve => curve.group ?? '')].map(([name, members]) =>
      ({ id: members.map(m => m.id).join(' '), name: `${name} (${members.length})`, color: members[0].color, dash: members[0].dash, raw: null, ...meanOf(members, how === 'std' ? 'std' : 'minmax') }));
  }

  #size() { return { width: Math.max(200, this.clientWidth), height: this.#number('height') ?? 176 }; }

  #paint = () => {
    if (!this.#fetched) return;
    this.#curves = this.#curvesOf(this.#fetched);
    this.#colours = look(this);
    const from = this.#number('from'), to = this.#number('to');
    this.#view = { curves: this.#curves, x: this.getAttribute('x') ?? 'step', logX: this.hasAttribute('xlog'), logY: this.hasAttribute('ylog'), from, to,
      outliers: this.getAttribute('outliers') === 'ignore', best: this.getAttribute('best'), ...this.#size() };
    this.#plot?.destroy();
    this.#plot = plot(this.uPlot, this.#box, this.#view, this.#colours);
    this.#cross = document.createElement('div');
    this.#cross.className = 'cross';
    this.#cross.hidden = true;
    this.#plot.over.append(this.#cross);
    this.#dim();
    const drawn = this.#fetched.reduce((sum, one) => sum + one.steps.length, 0);
    this.#state.textContent = drawn === 0 ? (from === null && to === null ? 'No points yet' : 'No points in this range') : '';
    this.#bar.querySelector('[data-act=reset]').hidden = from === null && to === null;
    this.#bar.querySelector('[data-act=log]').setAttribute('aria-pressed', String(this.hasAttribute('ylog')));
    this.#box.ariaLabel = this.#describe();
    if (!this.#table.hidden) this.#fillTable();
    this.dataset.curves = this.#curves.length;
    this.dataset.points = drawn;
    this.dataset.total = this.#fetched.reduce((sum, one) => sum + one.total, 0);
  };
  #cross;

  #describe() {
    const some = this.#curves.slice(0, 5).map(c => `${c.name} ${number(c.ys.findLast(v => v !== null))}`).join(', ');
    return `${this.getAttribute('key') ?? 'Chart'}: ${this.#curves.length} ${this.#curves.length === 1 ? 'curve' : 'curves'}; last values ${some}${this.#curves.length > 5 ? ', …' : ''}. Arrow keys read points.`;
  }

  // Crosshair, tip, drag and keys

  #listenToPointer() {
    const box = this.#box;
    const at = event => { const r = this.#plot.over.getBoundingClientRect(); return { left: event.clientX - r.left, top: event.clientY - r.top, width: r.width, height: r.height }; };
    box.addEventListener('pointermove', event => {
      if (!this.#plot) return;
      const p = at(event);
      if (this.#drag) { this.#shade(this.#drag.left, Math.max(0, Math.min(p.width, p.left))); return; }
      if (p.left < 0 || p.left > p.width) { this.#hover(null); return; }
      this.#hover(this.#plot.posToVal(p.left, 'x'), p.top);
    });
    box.addEventListener('pointerleave', () => { if (!this.#drag) this.#hover(null); });
    box.addEventListener('pointerdown', event => {
      if (!this.#plot || event.button !== 0) return;
      const p = at(event);
      if (p.left < 0 || p.left > p.width) return;
      this.#drag = { left: p.left };
      box.setPointerCapture(event.pointerId);
    });
    box.addEventListener('pointerup', event => {
      if (!this.#drag) return;
      const [a, b] = [this.#drag.left, Math.max(0, Math.min(at(event).width, at(event).left))];
      this.#drag = null;
      this.#shade(0, 0);
      if (Math.abs(a - b) > 6) this.#zoomTo(this.#plot.posToVal(Math.min(a, b), 'x'), this.#plot.posToVal(Math.max(a, b), 'x'));
    });
    box.addEventListener('dblclick', () => this.#zoom(null, null));
    box.addEventListener('keydown', event => this.#key(event));
    box.addEventListener('blur', () => this.#hover(null));
  }

  #shade(a, b) {
    let shade = this.#plot.over.querySelector('.shade');
    if (!shade) { shade = document.createElement('div'); shade.className = 'shade'; this.#plot.over.append(shade); }
    shade.style.left = `${Math.min(a, b)}px`;
    shade.style.width = `${Math.abs(a - b)}px`;
  }

  #hover(x, top) {
    this.crosshair(x);
    for (const peer of this.#peers()) peer.crosshair(x);
    this.#tip.hidden = true;
    if (x === null || this.#curves.length === 0) return;
    const found = this.#curves.map(curve => ({ curve, i: nearest(curve.xs, x) })).filter(f => f.i >= 0 && f.curve.ys[f.i] !== null);
    if (found.length === 0) return;
    const distance = f => top === undefined ? 0 : Math.abs(this.#plot.valToPos(f.curve.ys[f.i], 'y') - top);
    const near = found.toSorted((a, b) => distance(a) - distance(b)).slice(0, MAX_TIP).sort((a, b) => b.curve.ys[b.i] - a.curve.ys[a.i]);
    const closest = found.reduce((a, b) => distance(b) < distance(a) ? b : a);
    this.#tip.replaceChildren(...near.map(f => this.#row(f, f === closest && near.length > 1)), this.#line(`${this.#xText(closest.curve, closest.i)}${found.length > near.length ? ` · ${found.length - near.length} more` : ''}`));
    this.#tip.hidden = false;
    const left = this.#plot.valToPos(x, 'x') + 54;
    this.#tip.style.left = left > this.clientWidth / 2 ? '' : `${left + 12}px`;
    this.#tip.style.right = left > this.clientWidth / 2 ? `${this.clientWidth - left + 12}px` : '';
  }

  #row({ curve, i }, strong) {
    const row = document.createElement('div');
    if (strong) row.className = 'strong';
    const mark = document.createElement('i');
    mark.style.background = strokeOf(curve, this.#colours);
    const value = document.createElement('b');
    value.textContent = number(curve.ys[i]) + (curve.low ? ` [${number(curve.low[i])}, ${number(curve.high[i])}]` : curve.raw ? ` (${number(curve.raw[i])})` : '');
    row.append(mark, document.createTextNode(curve.name), value);
    return row;
  }

  #line(text) { const line = document.createElement('small'); line.textContent = text; return line; }

  #xText(curve, i) {
    const x = this.#view.x;
    return x === 'wall' ? new Date(curve.xs[i] * 1000).toISOString().slice(0, 19).replace('T', ' ') + ' UTC' : x === 'relative' ? `after ${span(curve.xs[i])}` : `step ${number(curve.xs[i])}`;
  }

  /** Shows the crosshair at a place of the x axis; null hides it. */
  crosshair(x) {
    if (!this.#cross || !this.#plot) return;
    this.#cross.hidden = x === null;
    if (x !== null) this.#cross.style.left = `${this.#plot.valToPos(x, 'x')}px`;
  }

  #key(event) {
    if (!this.#plot || this.#curves.length === 0) return;
    const cursor = this.#cursor ?? { curve: 0, i: -1 };
    const curve = this.#curves[Math.min(cursor.curve, this.#curves.length - 1)];
    const last = curve.xs.length - 1;
    const moves = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 };
    if (event.key in moves) cursor.i = Math.max(0, Math.min(last, cursor.i + moves[event.key]));
    else if (event.key === 'Home') cursor.i = 0;
    else if (event.key === 'End') cursor.i = last;
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const x = curve.xs[Math.max(0, cursor.i)];
      cursor.curve = (cursor.curve + (event.key === 'ArrowDown' ? 1 : this.#curves.length - 1)) % this.#curves.length;
      cursor.i = nearest(this.#curves[cursor.curve].xs, x);
    } else if (event.key === '+' || event.key === '-') { this.#keyZoom(event.key === '+', curve.xs[Math.max(0, cursor.i)]); event.preventDefault(); return; }
    else if (event.key === 'Escape' || event.key === '0') { this.#zoom(null, null); return; }
    else return;
    event.preventDefault();
    this.#cursor = cursor;
    const shown = this.#curves[cursor.curve];
    this.#hover(shown.xs[cursor.i], this.#plot.valToPos(shown.ys[cursor.i] ?? 0, 'y'));
    this.#said.textContent = `${shown.name}: ${number(shown.ys[cursor.i])} at ${this.#xText(shown, cursor.i)}`;
  }

  #keyZoom(closer, x) {
    const { min, max } = this.#plot.scales.x;
    const half = (max - min) * (closer ? 0.25 : 1);
    this.#zoomTo(Math.max(x - half, closer ? min : -Infinity), x + half);
  }

  /** From a range of the x axis to the steps that lie in it. */
  #zoomTo(low, high) {
    if (this.#view.x === 'step') { this.#zoom(Math.max(0, Math.floor(low)), Math.max(Math.ceil(high), Math.floor(low) + 1)); return; }
    const steps = this.#curves.flatMap(curve => curve.steps.filter((_, i) => curve.xs[i] >= low && curve.xs[i] <= high));
    if (steps.length > 1) this.#zoom(steps.reduce((a, b) => Math.min(a, b)), steps.reduce((a, b) => Math.max(a, b)));
  }

  #zoom(from, to) {
    for (const chart of [this, ...this.#peers()]) {
      for (const [name, value] of [['from', from], ['to', to]]) if (value === null) chart.removeAttribute(name); else chart.setAttribute(name, value);
    }
    this.dispatchEvent(new CustomEvent('chart-zoom', { bubbles: true, composed: true, detail: { from, to } }));
  }

  #highlight = event => { this.#dimmed = event.detail ?? null; this.#dim(); };

  #dim() {
    if (!this.#plot) return;
    let at = 1;
    for (const curve of this.#curves) {
      const away = this.#dimmed && !curve.id.includes(this.#dimmed);
      if (curve.raw) this.#plot.series[at++].alpha = away ? 0.05 : 0.25;
      if (this.#plot.series[at]) this.#plot.series[at++].alpha = away ? 0.12 : 1;
    }
    if (this.#dimmed !== null || this.#wasDimmed) this.#plot.redraw(false);
    this.#wasDimmed = this.#dimmed !== null;
  }
  #wasDimmed = false;

  // What a chart hands out

  #larger() {
    const large = this.classList.toggle('large');
    this.setAttribute('height', large ? Math.max(320, Math.round(innerHeight * 0.6)) : this.dataset.height ?? '176');
  }

  #showTable() { this.#table.hidden = !this.#table.hidden; if (!this.#table.hidden) this.#fillTable(); }

  #fillTable() {
    const table = document.createElement('table');
    const head = table.createTHead().insertRow();
    const column = text => { const th = document.createElement('th'); th.scope = 'col'; th.textContent = text; head.append(th); };
    const curves = this.#curves.slice(0, 12);
    column(this.#view.x === 'step' ? 'Step' : 'Time');
    curves.forEach(curve => column(curve.name));
    const longest = curves.reduce((a, b) => b.xs.length > (a?.xs.length ?? 0) ? b : a, null);
    const body = table.createTBody();
    const count = Math.min(MAX_TABLE, longest?.xs.length ?? 0);
    for (let k = 0; k < count; k++) {
      const i = count === 1 ? 0 : Math.round(k * (longest.xs.length - 1) / (count - 1));
      const row = body.insertRow();
      row.insertCell().textContent = this.#xText(longest, i).replace(/^step /, '');
      for (const curve of curves) { const j = nearest(curve.xs, longest.xs[i]); row.insertCell().textContent = number(curve.ys[j]); }
    }
    this.#table.tabIndex = 0;
    this.#table.setAttribute('role', 'group');
    this.#table.ariaLabel = `${this.getAttribute('key')}: table of ${count} points`;
    this.#table.replaceChildren(table);
  }

  #fileName(ending) { return `${(this.getAttribute('key') ?? 'chart').replace(/[^\w.-]+/g, '_')}.${ending}`; }

  #save(blob, name) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  /** The chart as it is seen, with title and legend. */
  #png() {
    const source = this.#plot.ctx.canvas, scale = devicePixelRatio;
    const line = 18 * scale, columns = 3, shown = this.#curves.slice(0, 30);
    const canvas = document.createElement('canvas');
    canvas.width = source.width;
    canvas.height = source.height + line * (2 + Math.ceil(shown.length / columns));
    const ctx = canvas.getContext('2d');
    ctx.fillStyle = this.#colours.surface;
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.textBaseline = 'middle';
    ctx.font = `600 ${13 * scale}px ${this.#colours.font}`;
    ctx.fillStyle = this.#colours.text;
    ctx.fillText(this.getAttribute('key') ?? '', 12 * scale, line * 0.75);
    ctx.drawImage(source, 0, line * 1.25);
    ctx.font = `${11 * scale}px ${this.#colours.font}`;
    shown.forEach((curve, i) => {
      const x = 12 * scale + (i % columns) * (canvas.width - 24 * scale) / columns, y = source.height + line * (1.9 + Math.floor(i / columns));
      ctx.strokeStyle = strokeOf(curve, this.#colours);
      ctx.lineWidth = 2 * scale;
      ctx.setLineDash((dashOf(curve) ?? []).map(d => d * scale));
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.lineTo(x + 18 * scale, y);
      ctx.stroke();
      ctx.fillStyle = this.#colours.text;
      ctx.fillText(curve.name, x + 24 * scale, y, (canvas.width - 24 * scale) / columns - 30 * scale);
    });
    canvas.toBlob(blob => this.#save(blob, this.#fileName('png')));
  }

  /** The points of the range that is seen, as finely as the server gives them (20,000 a run), not smoothed. */
  async #csv() {
    const rows = ['run,name,metric,step,time,value'];
    for (const one of await this.#fetch(MAX_EXPORT)) {
      for (let i = 0; i < one.steps.length; i++)
        rows.push([one.id, one.name, one.key, one.steps[i], new Date(one.times[i]).toISOString(), one.values[i]].map(csvField).join(','));
    }
    this.#save(new Blob([rows.join('\r\n') + '\r\n'], { type: 'text/csv' }), this.#fileName('csv'));
  }
}
customElements.define('line-chart', LineChart);
