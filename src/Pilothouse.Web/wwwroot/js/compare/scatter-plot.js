// <scatter-plot data-plot='{"runs":[{id,name,color}],"axes":[{x},{y}]}'>: a point a run. The table in its light DOM has the same numbers.
import { scaleOf, draw, colours, savePng, plotStyles } from './axes.js';

const HEIGHT = 360, TOP = 12, BOTTOM = 44, LEFT = 74, RIGHT = 16;

class ScatterPlot extends HTMLElement {
  static observedAttributes = ['data-plot'];
  #svg; #said; #resize; #theme; #dots = [];

  connectedCallback() {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [plotStyles];
      this.#svg = draw('svg', { role: 'img', 'aria-label': 'Scatter', height: HEIGHT });
      const bar = document.createElement('div');
      bar.className = 'bar';
      this.#said = document.createElement('output');
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'PNG';
      button.addEventListener('click', () => savePng(this.#svg, colours(this).surface, 'scatter.png'));
      bar.append(this.#said, button);
      root.append(this.#svg, bar, document.createElement('slot'));
    }
    this.#resize = new ResizeObserver(this.#paint);
    this.#resize.observe(this);
    this.#theme = matchMedia('(prefers-color-scheme: dark)');
    this.#theme.addEventListener('change', this.#paint);
    document.addEventListener('pilothouse:highlight', this.#highlight);
    this.#paint();
  }

  disconnectedCallback() {
    this.#resize?.disconnect();
    this.#theme?.removeEventListener('change', this.#paint);
    document.removeEventListener('pilothouse:highlight', this.#highlight);
  }

  attributeChangedCallback(name, before, after) { if (before !== after && this.shadowRoot) this.#paint(); }

  #paint = () => {
    const plot = JSON.parse(this.dataset.plot);
    if (plot.axes.length < 2 || this.clientWidth === 0) return;
    const look = colours(this);
    const [x, y] = plot.axes, [across, up] = [scaleOf(x.values), scaleOf(y.values)];
    const width = this.clientWidth - LEFT - RIGHT, height = HEIGHT - TOP - BOTTOM;
    // A little room around: points on the edge are whole.
    const px = p => LEFT + (0.03 + p * 0.94) * width, py = p => TOP + height - (0.03 + p * 0.94) * height;
    const parts = [draw('rect', { x: LEFT, y: TOP, width, height, fill: 'none', stroke: look.line })];
    for (const tick of across.ticks) {
      parts.push(draw('line', { x1: px(tick.at), x2: px(tick.at), y1: TOP, y2: TOP + height, stroke: look.line, 'stroke-opacity': 0.5 }));
      parts.push(draw('text', { x: px(tick.at), y: TOP + height + 15, fill: look.muted, 'text-anchor': 'middle' }, tick.label));
    }
    for (const tick of up.ticks) {
      parts.push(draw('line', { x1: LEFT, x2: LEFT + width, y1: py(tick.at), y2: py(tick.at), stroke: look.line, 'stroke-opacity': 0.5 }));
      parts.push(draw('text', { x: LEFT - 6, y: py(tick.at) + 4, fill: look.muted, 'text-anchor': 'end' }, tick.label));
    }
    parts.push(draw('text', { x: LEFT + width / 2, y: HEIGHT - 8, fill: look.text, 'text-anchor': 'middle', 'font-weight': 600 }, x.name + (across.log ? ' (logarithmic)' : '')));
    parts.push(draw('text', { x: 14, y: TOP + height / 2, fill: look.text, 'text-anchor': 'middle', 'font-weight': 600, transform: `rotate(-90 14 ${TOP + height / 2})` }, y.name + (up.log ? ' (logarithmic)' : '')));
    this.#dots = [];
    plot.runs.forEach((run, i) => {
      const [a, b] = [across.at(x.values[i]), up.at(y.values[i])];
      if (a === null || b === null) return;
      const dot = draw('circle', { cx: px(a), cy: py(b), r: 5, fill: look.series[run.color], 'fill-opacity': 0.8, stroke: look.surface });
      dot.append(draw('title', {}, `${run.name}: ${x.name} ${x.values[i]}, ${y.name} ${y.values[i]}`));
      dot.dataset.run = run.id;
      dot.addEventListener('pointerenter', () => { this.#said.textContent = `${run.name}: ${x.name} ${x.values[i]}, ${y.name} ${y.values[i]}`; });
      this.#dots.push(dot);
    });
    this.#svg.replaceChildren(...parts, ...this.#dots);
    this.#svg.setAttribute('aria-label', `${y.name} against ${x.name}: ${this.#dots.length} of ${plot.runs.length} runs have both. The table below has the numbers.`);
    this.#said.textContent = `${this.#dots.length} of ${plot.runs.length} runs have both`;
    this.dataset.points = this.#dots.length;
  };

  #highlight = event => { for (const dot of this.#dots) dot.setAttribute('r', dot.dataset.run === event.detail ? 9 : 5); };
}
customElements.define('scatter-plot', ScatterPlot);
