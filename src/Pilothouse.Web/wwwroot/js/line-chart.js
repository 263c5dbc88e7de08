// <line-chart src="/api/v1/runs/ID/metrics/KEY/series?format=binary" live="/api/v1/runs/ID/live" key="loss" uplot="..." css="...">fallback</line-chart>
// The series is binary (n float64 steps, then n float64 values, little endian), already reduced by the server to what the width can show.

const styles = new CSSStyleSheet();
styles.replaceSync(`
  :host { display: block; position: relative; }
  .chart { min-height: 190px; }
  .state { position: absolute; inset: 0; display: grid; place-items: center; color: var(--muted); }
  .state:empty { display: none; }
  .u-legend { text-align: left; font: 12px/18px var(--font); color: var(--muted); }
  .u-legend .u-marker { display: none; }
  .u-select { background: var(--accent); opacity: .12; }
  .uplot, .uplot .u-wrap { font-family: var(--font); }
`);

let library;
/** uPlot is a classic script that sets a global: loaded once, on the first page with a chart. */
function load(url) {
  return library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = url;
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => { library = undefined; reject(new Error('uPlot was not loaded')); };
    document.head.append(script);
  });
}

/** One event stream a run, however many charts the page has: browsers open only six connections to a server. */
const streams = new Map();
function listen(url, listener) {
  let stream = streams.get(url);
  if (!stream) {
    const source = new EventSource(url);
    stream = { source, listeners: new Set() };
    streams.set(url, stream);
    source.addEventListener('metrics', event => {
      const keys = JSON.parse(event.data).keys ?? [];
      for (const each of stream.listeners) each(keys);
    });
    source.addEventListener('run', () => document.dispatchEvent(new Event('pilothouse:refresh')));
  }
  stream.listeners.add(listener);
  return () => {
    stream.listeners.delete(listener);
    if (stream.listeners.size === 0) { stream.source.close(); streams.delete(url); }
  };
}

class LineChart extends HTMLElement {
  static observedAttributes = ['src', 'live'];
  #plot; #stop; #resize; #theme; #pending = false; #again = false; #box; #state; #generation = 0;

  connectedCallback() {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [styles];
      const sheet = document.createElement('link');
      sheet.rel = 'stylesheet';
      sheet.href = this.getAttribute('css');
      this.#box = document.createElement('div');
      this.#box.className = 'chart';
      this.#state = document.createElement('div');
      this.#state.className = 'state';
      this.#state.textContent = 'Loading …';
      // The fallback (a drawing and a table rendered by the server) stays for screen readers, and is shown when the chart cannot be drawn.
      const fallback = document.createElement('slot');
      fallback.hidden = true;
      root.append(sheet, this.#box, this.#state, fallback);
    }
    this.#resize = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    this.#resize.observe(this);
    this.#theme = matchMedia('(prefers-color-scheme: dark)');
    this.#theme.addEventListener('change', this.#redraw);
    this.#start();
  }

  disconnectedCallback() {
    this.#generation++;
    this.#stop?.();
    this.#stop = undefined;
    this.#resize?.disconnect();
    this.#theme?.removeEventListener('change', this.#redraw);
  }

  attributeChangedCallback(name, before, after) {
    if (before !== null && before !== after && this.isConnected) this.#start();
  }

  #start() {
    this.#generation++;
    this.#stop?.();
    const live = this.getAttribute('live');
    this.#stop = live ? listen(live, keys => { if (keys.length === 0 || keys.includes(this.getAttribute('key'))) this.#draw(); }) : undefined;
    this.#draw();
  }

  #redraw = () => { this.#plot?.destroy(); this.#plot = undefined; this.#draw(); };

  /** At most one request at a time; news that arrive meanwhile cause one more. */
  async #draw() {
    if (this.#pending) { this.#again = true; return; }
    this.#pending = true;
    const generation = this.#generation;
    try {
      const [uPlot, data] = await Promise.all([load(this.getAttribute('uplot')), this.#fetch()]);
      if (generation !== this.#generation) { this.#again = this.isConnected; return; }
      if (this.#plot) this.#plot.setData(data);
      else this.#plot = new uPlot(this.#options(), data, this.#box);
      this.#state.textContent = data[0].length === 0 ? 'No points yet' : '';
      this.dataset.points = data[0].length;
    } catch (error) {
      if (this.#plot) return; // a failed update leaves the last good curve; the next event tries again
      this.#state.textContent = '';
      this.#box.hidden = true;
      this.shadowRoot.querySelector('slot').hidden = false;
      console.warn('chart', error);
    } finally {
      this.#pending = false;
      if (this.#again) { this.#again = false; setTimeout(() => this.isConnected && this.#draw(), 250); }
    }
  }

  async #fetch() {
    const points = Math.max(200, Math.round(this.clientWidth * 2));
    const source = new URL(this.getAttribute('src'), document.baseURI);
    source.searchParams.set('points', points);
    const response = await fetch(source, { headers: { Accept: 'application/octet-stream' } });
    if (!response.ok) throw new Error(`${source.pathname}: ${response.status}`);
    const values = new Float64Array(await response.arrayBuffer());
    const n = values.length / 2;
    // A gap, not a line through zero, where the value is not a number.
    return [values.subarray(0, n), Array.from(values.subarray(n), v => Number.isFinite(v) ? v : null)];
  }

  #size() { return { width: Math.max(200, this.clientWidth), height: 176 }; }

  #options() {
    const color = name => getComputedStyle(this).getPropertyValue(name).trim();
    // uPlot draws on a canvas, which does not know light-dark(): a probe resolves the token.
    const probe = document.createElement('span');
    this.shadowRoot.append(probe);
    const resolved = name => { probe.style.color = color(name); return getComputedStyle(probe).color; };
    const [line, grid, text, muted] = [resolved('--series-1'), resolved('--line'), resolved('--text'), resolved('--muted')];
    probe.remove();
    const font = `11px ${color('--font')}`;
    const axis = { stroke: muted, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } };
    return {
      ...this.#size(),
      cursor: { y: false, points: { fill: text } },
      scales: { x: { time: false } },
      legend: { live: true },
      axes: [{ ...axis, size: 26 }, { ...axis, size: 54 }],
      series: [{ label: 'step' }, { label: this.getAttribute('key') ?? 'value', stroke: line, width: 1.5, spanGaps: false, points: { show: (_, __, first, last) => last - first < 30 } }],
    };
  }
}
customElements.define('line-chart', LineChart);
