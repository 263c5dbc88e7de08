// <step-view src="/api/v1/runs/ID/media/points?kind=image&key=K&spread=true" kind="image|text|audio|pr_curve" label="samples" step="100" html="/runs/ID/media/text?key=K" page="/runs/ID/media?...">
// One series with a slider over its steps. Texts come as HTML that the server made of Markdown, without any script in it.
import { number } from '../chart/series.js';
import { near } from './near.js';

const POINTS = 100;
const SVG = 'http://www.w3.org/2000/svg';

const styles = new CSSStyleSheet();
styles.replaceSync(`
  :host { display: block; }
  .bar { display: flex; gap: 10px; align-items: center; font: 12px/18px var(--font); color: var(--muted); font-variant-numeric: tabular-nums; }
  .bar input { flex: 1; min-width: 80px; accent-color: var(--accent); }
  .bar a { color: var(--accent); text-decoration: none; }
  .view { margin-top: 8px; overflow: auto; max-height: 70vh; color: var(--text); font: 13px/20px var(--font); }
  .view:focus-visible { outline: 2px solid var(--accent); }
  .images { display: grid; gap: 8px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 140px), 1fr)); }
  .images.one { grid-template-columns: minmax(0, 1fr); }
  img { max-width: 100%; display: block; background: var(--sunken); }
  .small img { width: 100%; image-rendering: pixelated; }
  audio { width: 100%; max-width: 520px; display: block; }
  svg { width: 100%; max-width: 460px; height: auto; display: block; }
  svg text { fill: var(--muted); font: 11px var(--font); }
  svg .grid { stroke: var(--line); }
  svg .curve { fill: none; stroke: var(--series-1); stroke-width: 2; stroke-linejoin: round; }
  svg .mark { fill: var(--series-2); stroke: var(--surface); }
  table { border-collapse: collapse; } th, td { border: 1px solid var(--line); padding: 4px 8px; text-align: left; }
  pre { background: var(--sunken); padding: 8px 10px; overflow: auto; font: 12px/18px var(--mono); } code { font: 12px/18px var(--mono); }
  p { margin: 0 0 8px; } h3, h4, h5, h6 { font-size: 13px; margin: 8px 0 4px; } a { color: var(--accent); }
  blockquote { margin: 0; padding-left: 12px; border-left: 3px solid var(--line-strong); color: var(--muted); }
  [hidden] { display: none !important; }
`);

class StepView extends HTMLElement {
  static observedAttributes = ['src', 'step'];
  #slider; #said; #view; #bar; #fallback; #points = []; #generation = 0; #shown = -1; #unwatch;

  connectedCallback() {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [styles];
      this.#bar = document.createElement('div');
      this.#bar.className = 'bar';
      this.#slider = document.createElement('input');
      this.#slider.type = 'range';
      this.#slider.min = 0;
      this.#slider.ariaLabel = `Step of ${this.getAttribute('label')}`;
      this.#said = document.createElement('output');
      this.#said.textContent = 'Loading …';
      this.#bar.append(this.#slider, this.#said);
      this.#view = document.createElement('div');
      this.#view.className = 'view';
      this.#view.tabIndex = 0;
      this.#view.setAttribute('role', 'group');
      this.#view.ariaLabel = this.getAttribute('label');
      this.#fallback = document.createElement('slot');
      root.append(this.#bar, this.#view, this.#fallback);
      this.#slider.addEventListener('input', () => {
        this.#show(Number(this.#slider.value));
        if (document.querySelector('[data-sync-steps]')?.checked) document.dispatchEvent(new CustomEvent('pilothouse:step', { detail: { step: this.#points[this.#shown].step, from: this } }));
      });
      this.#slider.addEventListener('change', () => {
        if (this.closest('.large') === null && !document.querySelector('[data-sync-steps]')?.checked) return;
        const url = new URL(location.href); // a link to what is seen
        url.searchParams.set('step', this.#points[this.#shown].step);
        history.replaceState(history.state, '', url);
      });
    }
    document.addEventListener('pilothouse:step', this.#together);
    this.#unwatch = near(this, () => this.#load());
  }

  disconnectedCallback() {
    this.#generation++;
    this.#unwatch?.();
    document.removeEventListener('pilothouse:step', this.#together);
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected || !this.shadowRoot || this.#points.length === 0) return;
    if (name === 'src') this.#load(); else this.#show(this.#nearest(Number(after)));
  }

  #together = event => { if (event.detail.from !== this && this.#points.length > 0) this.#show(this.#nearest(event.detail.step)); };

  #nearest(step) {
    return this.#points.reduce((best, point, i) => Math.abs(point.step - step) < Math.abs(this.#points[best].step - step) ? i : best, 0);
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
      this.#points = page.items;
      if (this.#points.length === 0) { this.#said.textContent = 'No points'; return; }
      this.#slider.max = this.#points.length - 1;
      this.#slider.hidden = this.#points.length === 1;
      this.#shown = -1;
      this.#show(this.hasAttribute('step') ? this.#nearest(Number(this.getAttribute('step'))) : this.#points.length - 1);
      this.#fallback.hidden = true;
      this.dataset.points = this.#points.length;
    } catch (error) {
      this.#bar.hidden = this.#view.hidden = true;
      console.warn('steps', error);
    }
  }

  async #show(index) {
    if (index === this.#shown) return;
    this.#shown = index;
    const point = this.#points[index];
    this.#slider.value = index;
    this.#slider.setAttribute('aria-valuetext', `step ${point.step}`);
    this.#said.textContent = `step ${point.step}` + (point.time_ms > 0 ? ` · ${new Date(point.time_ms).toLocaleString()}` : '');
    const draw = { image: images, audio: sounds, pr_curve: curve, text: () => this.#text(point.step) }[this.getAttribute('kind')];
    const content = point.error ? [Object.assign(document.createElement('p'), { textContent: point.error })] : await draw(point, this.getAttribute('label'));
    if (this.#shown !== index) return; // the slider went on meanwhile
    this.#view.replaceChildren(...content);
    this.dataset.step = point.step;
  }

  async #text(step) {
    const url = new URL(this.getAttribute('html'), document.baseURI);
    url.searchParams.set('step', step);
    const response = await fetch(url);
    if (!response.ok) return [Object.assign(document.createElement('p'), { textContent: `Not loaded (${response.status})` })];
    return [...new DOMParser().parseFromString(await response.text(), 'text/html').body.childNodes];
  }
}

function images(point, label) {
  const box = document.createElement('div');
  const { items = [], width = 0 } = point.image ?? {};
  box.className = `images ${items.length === 1 ? 'one' : ''} ${width > 0 && width < 200 ? 'small' : ''}`;
  items.forEach((item, i) => {
    const image = new Image();
    image.src = item.url;
    image.alt = `${label}, step ${point.step}${items.length > 1 ? `, ${i + 1} of ${items.length}` : ''}`;
    if (width > 0 && width < 200) image.style.maxWidth = `${Math.max(width, Math.min(320, width * 8))}px`;
    box.append(image);
  });
  return [box];
}

function sounds(point, label) {
  return (point.audio?.items ?? []).flatMap(item => {
    const audio = document.createElement('audio');
    audio.controls = true;
    audio.preload = 'none';
    audio.src = item.url;
    audio.ariaLabel = `${label}, step ${point.step}`;
    return item.label ? [Object.assign(document.createElement('p'), { textContent: item.label }), audio] : [audio];
  });
}

/** Precision over recall, the point of the best F1 marked. */
function curve(point) {
  const { precision = [], recall = [], tp = [], fp = [] } = point.pr_curve ?? {};
  const [size, pad] = [300, 34];
  const at = (r, p) => [pad + r * (size - pad - 8), 8 + (1 - p) * (size - pad - 8)];
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('role', 'img');
  const make = (tag, attributes, text) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    svg.append(element);
    return element;
  };
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    const [x, y] = at(tick, tick);
    make('line', { class: 'grid', x1: x, x2: x, y1: 8, y2: size - pad });
    make('line', { class: 'grid', x1: pad, x2: size - 8, y1: y, y2: y });
    make('text', { x, y: size - pad + 14, 'text-anchor': 'middle' }, tick);
    make('text', { x: pad - 5, y: y + 4, 'text-anchor': 'end' }, tick);
  }
  make('text', { x: size / 2 + 10, y: size - 4, 'text-anchor': 'middle' }, 'recall');
  make('text', { x: 10, y: size / 2, 'text-anchor': 'middle', transform: `rotate(-90 10 ${size / 2})` }, 'precision');
  // Thresholds above every score have neither hits nor false alarms: their precision says nothing.
  const points = recall.map((r, i) => [r, precision[i], i]).filter(([r, p, i]) => Number.isFinite(r) && Number.isFinite(p) && (tp[i] ?? 1) + (fp[i] ?? 1) > 0);
  make('polyline', { class: 'curve', points: points.map(([r, p]) => at(r, p).map(v => v.toFixed(1)).join(',')).join(' ') });
  let best = null;
  for (const [r, p, i] of points) { const f = p + r > 0 ? 2 * p * r / (p + r) : 0; if (!best || f > best.f) best = { f, r, p, threshold: recall.length > 1 ? i / (recall.length - 1) : 0 }; }
  let area = 0; // average precision: precision summed over the steps of recall
  const rising = [...points].sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < rising.length; i++) area += (rising[i][0] - rising[i - 1][0]) * rising[i][1];
  if (rising.length > 0) area += rising[0][0] * rising[0][1];
  const text = document.createElement('p');
  if (best) {
    const [x, y] = at(best.r, best.p);
    make('circle', { class: 'mark', cx: x, cy: y, r: 4.5 });
    text.textContent = `best F1 ${number(best.f)} at threshold ${number(best.threshold)} (precision ${number(best.p)}, recall ${number(best.r)}) · average precision ${number(area)}`;
  }
  svg.setAttribute('aria-label', text.textContent || 'no points');
  return [svg, text];
}

customElements.define('step-view', StepView);
