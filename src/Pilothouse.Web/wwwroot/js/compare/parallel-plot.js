// <parallel-plot data-plot='{"runs":[{id,name,color}],"axes":[{id,name,metric,values}]}' data-brush="metrics.loss~0~0.5">: one axis a column, one line a run.
// Dragging along an axis keeps the runs that cross the range there; the page's address remembers it (event "plot-brush" with the list of ranges).
import { scaleOf, draw, colours, savePng, plotStyles } from './axes.js';

const HEIGHT = 320, TOP = 34, BOTTOM = 14, SIDE = 56, STEP = 0.05;

class ParallelPlot extends HTMLElement {
  static observedAttributes = ['data-plot', 'data-brush'];
  #svg; #count; #brushes = new Map(); #scales = []; #plot; #resize; #theme; #lines = [];

  connectedCallback() {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [plotStyles];
      this.#svg = draw('svg', { role: 'group', 'aria-label': 'Parallel coordinates', height: HEIGHT });
      const bar = document.createElement('div');
      bar.className = 'bar';
      this.#count = document.createElement('output');
      const button = (text, act) => { const b = document.createElement('button'); b.type = 'button'; b.textContent = text; b.addEventListener('click', act); bar.append(b); };
      bar.append(this.#count);
      button('All runs', () => { this.#brushes.clear(); this.#changed(); });
      button('Compare only these', () => this.#keep());
      button('PNG', () => savePng(this.#svg, colours(this).surface, 'parallel.png'));
      root.append(this.#svg, bar, document.createElement('slot'));
    }
    this.#resize = new ResizeObserver(() => this.#paint());
    this.#resize.observe(this);
    this.#theme = matchMedia('(prefers-color-scheme: dark)');
    this.#theme.addEventListener('change', this.#paint);
    document.addEventListener('pilothouse:highlight', this.#highlight);
    this.#read();
  }

  disconnectedCallback() {
    this.#resize?.disconnect();
    this.#theme?.removeEventListener('change', this.#paint);
    document.removeEventListener('pilothouse:highlight', this.#highlight);
  }

  attributeChangedCallback(name, before, after) { if (before !== after && this.shadowRoot) this.#read(); }

  #read() {
    this.#plot = JSON.parse(this.dataset.plot);
    this.#scales = this.#plot.axes.map(axis => scaleOf(axis.values));
    this.#brushes = new Map();
    for (const text of (this.dataset.brush ?? '').split('\n').filter(Boolean)) {
      const [high, low, ...id] = text.split('~').reverse();
      const at = this.#plot.axes.findIndex(axis => axis.id === id.reverse().join('~'));
      if (at >= 0 && Number.isFinite(Number(low)) && Number.isFinite(Number(high))) this.#brushes.set(at, [this.#position(at, Number(low)), this.#position(at, Number(high))]);
    }
    this.#paint();
  }

  /** Ranges of numbers are kept as numbers, ranges of texts as parts of the axis. */
  #position(at, value) { const scale = this.#scales[at]; return scale.texts ? value : Math.min(1, Math.max(0, scale.at(value) ?? 0)); }

  #passes(run) {
    for (const [at, [low, high]] of this.#brushes) {
      const position = this.#scales[at].at(this.#plot.axes[at].values[run]);
      if (position === null || position < low - 1e-9 || position > high + 1e-9) return false;
    }
    return true;
  }

  #x(at) { const width = this.clientWidth - 2 * SIDE; return SIDE + (this.#plot.axes.length === 1 ? width / 2 : at * width / (this.#plot.axes.length - 1)); }
  #y(position) { return HEIGHT - BOTTOM - position * (HEIGHT - TOP - BOTTOM); }

  #paint = () => {
    if (!this.#plot || this.clientWidth === 0) return;
    const focused = this.shadowRoot.activeElement?.dataset?.at;
    const look = colours(this);
    const parts = [];
    const passing = this.#plot.runs.map((_, run) => this.#passes(run));
    this.#lines = this.#plot.runs.map((run, i) => {
      let path = '', pen = 'M';
      this.#plot.axes.forEach((axis, at) => {
        const position = this.#scales[at].at(axis.values[i]);
        if (position === null) { pen = 'M'; return; }
        path += `${pen}${this.#x(at).toFixed(1)} ${this.#y(position).toFixed(1)}`;
        pen = 'L';
      });
      const line = draw('path', { d: path, fill: 'none', stroke: passing[i] ? look.series[run.color] : look.line, 'stroke-width': passing[i] ? 1.6 : 1, opacity: passing[i] ? 0.9 : 0.35 });
      line.append(draw('title', {}, run.name));
      line.dataset.run = run.id;
      return line;
    });
    parts.push(...this.#lines.filter((_, i) => !passing[i]), ...this.#lines.filter((_, i) => passing[i]));
    this.#plot.axes.forEach((axis, at) => parts.push(this.#axis(axis, at, look)));
    this.#svg.replaceChildren(...parts);
    if (focused !== undefined) this.#svg.querySelector(`[data-at="${focused}"]`)?.focus();
    const kept = passing.filter(Boolean).length;
    this.#count.textContent = this.#brushes.size > 0 ? `${kept} of ${passing.length} runs in the ranges` : 'Drag along an axis to choose runs';
    this.#plot.runs.forEach((run, i) => this.querySelector(`tr[data-run="${CSS.escape(run.id)}"]`)?.classList.toggle('away', !passing[i]));
    this.dataset.kept = kept;
  };

  #axis(axis, at, look) {
    const x = this.#x(at), scale = this.#scales[at], brush = this.#brushes.get(at);
    const group = draw('g', {
      tabindex: 0, role: 'slider', 'aria-orientation': 'vertical', 'aria-label': `Range of ${axis.name}`, 'aria-valuemin': 0, 'aria-valuemax': 100,
      'aria-valuenow': Math.round((brush?.[1] ?? 1) * 100), 'aria-valuetext': brush ? this.#rangeText(at) : 'all runs',
    });
    group.dataset.at = at;
    group.append(draw('line', { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, stroke: look.muted }));
    const edge = at === 0 ? 'start' : at === this.#plot.axes.length - 1 ? 'end' : 'middle';
    const room = Math.max(6, Math.floor((this.clientWidth - 2 * SIDE) / Math.max(1, this.#plot.axes.length - 1) / 6.5));
    const name = axis.name.length > room ? '…' + axis.name.slice(-room + 1) : axis.name;
    const title = draw('text', { x: edge === 'start' ? x - SIDE + 4 : edge === 'end' ? x + SIDE - 4 : x, y: 14, fill: look.text, 'font-weight': 600, 'text-anchor': edge }, name);
    title.append(draw('title', {}, `${axis.name}${scale.log ? ' (logarithmic)' : ''}`));
    group.append(title);
    for (const tick of scale.ticks) {
      group.append(draw('line', { x1: x - 3, x2: x + 3, y1: this.#y(tick.at), y2: this.#y(tick.at), stroke: look.muted }));
      group.append(draw('text', { x: x - 6, y: this.#y(tick.at) + 4, fill: look.text, 'text-anchor': 'end', stroke: look.surface, 'stroke-width': 3, 'paint-order': 'stroke' }, tick.label));
    }
    if (brush) group.append(draw('rect', { x: x - 7, width: 14, y: this.#y(brush[1]), height: Math.max(3, this.#y(brush[0]) - this.#y(brush[1])), fill: look.accent, 'fill-opacity': 0.25, stroke: look.accent }));
    const area = draw('rect', { x: x - 14, width: 28, y: TOP - 6, height: HEIGHT - TOP - BOTTOM + 12, fill: 'transparent', cursor: 'ns-resize' });
    area.addEventListener('pointerdown', event => this.#drag(event, at, area));
    area.addEventListener('dblclick', () => { this.#brushes.delete(at); this.#changed(); });
    group.append(area);
    group.addEventListener('keydown', event => this.#key(event, at));
    return group;
  }

  #rangeText(at) {
    const [low, high] = this.#brushes.get(at), scale = this.#scales[at];
    return scale.texts ? scale.texts.filter(text => scale.at(text) >= low - 1e-9 && scale.at(text) <= high + 1e-9).join(', ') : `${scale.value(low).toPrecision(4)} to ${scale.value(high).toPrecision(4)}`;
  }

  #drag(event, at, area) {
    event.preventDefault();
    const place = e => Math.min(1, Math.max(0, (HEIGHT - BOTTOM - (e.clientY - this.#svg.getBoundingClientRect().top)) / (HEIGHT - TOP - BOTTOM)));
    const start = place(event);
    const move = e => { const p = place(e); this.#brushes.set(at, [Math.min(start, p), Math.max(start, p)]); this.#paint(); };
    const end = e => {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', end);
      if (Math.abs(place(e) - start) < 0.01) this.#brushes.delete(at);
      this.#changed();
    };
    addEventListener('pointermove', move);
    addEventListener('pointerup', end);
  }

  /** Up and down move the range, with Shift they move its upper end; Escape takes it away. */
  #key(event, at) {
    const [low, high] = this.#brushes.get(at) ?? [0, 1];
    const by = event.key === 'ArrowUp' ? STEP : event.key === 'ArrowDown' ? -STEP : 0;
    if (event.key === 'Escape' || event.key === 'Delete') this.#brushes.delete(at);
    else if (by !== 0 && event.shiftKey) this.#brushes.set(at, [low, Math.min(1, Math.max(low, high + by))]);
    else if (by !== 0 && low === 0 && high === 1) this.#brushes.set(at, by > 0 ? [STEP, 1] : [0, 1 - STEP]);
    else if (by !== 0) { const size = high - low, to = Math.min(1 - size, Math.max(0, low + by)); this.#brushes.set(at, [to, to + size]); }
    else return;
    event.preventDefault();
    this.#changed();
  }

  #changed() {
    this.#paint();
    const brushes = [...this.#brushes].map(([at, [low, high]]) => {
      const scale = this.#scales[at];
      return [this.#plot.axes[at].id, ...[low, high].map(p => scale.texts ? p.toFixed(3) : String(Number(scale.value(p).toPrecision(6))))].join('~');
    });
    this.dispatchEvent(new CustomEvent('plot-brush', { bubbles: true, detail: brushes }));
  }

  #keep() {
    const runs = this.#plot.runs.filter((_, i) => this.#passes(i));
    const address = new URL(location.href);
    for (const name of ['run', 'experiment', 'filter', 'sort', 'hide', 'brush', 'flip', 'drop']) address.searchParams.delete(name);
    for (const run of runs) address.searchParams.append('run', run.id);
    if (runs.length > 0) location.assign(address);
  }

  #highlight = event => { for (const line of this.#lines) line.setAttribute('stroke-width', line.dataset.run === event.detail ? 3.5 : 1.6); };
}
customElements.define('parallel-plot', ParallelPlot);
