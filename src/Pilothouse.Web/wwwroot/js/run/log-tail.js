// <log-tail src="/api/v1/runs/ID/logs/part?path=logs/stdout.log" live>lines by the server</log-tail>: the end of a log, growing while the run is under way.
// The server sends text and words of a fixed list for its colours; nothing of a log is ever taken for HTML.
import { listen } from '../chart/live.js';

const MAX_LINES = 5000;
const POLL_MS = 4000;
const STYLES = /^(bold|dim|italic|underline|[fb](1[0-5]|[0-9]))$/;

class LogTail extends HTMLElement {
  static observedAttributes = ['src', 'live'];
  #pre; #follow; #note; #stop; #timer = 0; #next = null; #style = ''; #busy = false; #again = false; #generation = 0;

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    document.addEventListener('pilothouse:log', this.#news);
    this.#start();
  }

  disconnectedCallback() {
    this.#generation++;
    this.#stop?.();
    this.#stop = undefined;
    clearInterval(this.#timer);
    document.removeEventListener('pilothouse:log', this.#news);
  }

  attributeChangedCallback(name, before, after) {
    if (before !== after && this.isConnected && this.shadowRoot) this.#start(name === 'live');
  }

  #build() {
    const root = this.attachShadow({ mode: 'open' });
    for (const link of document.querySelectorAll('link[rel=stylesheet]')) root.append(link.cloneNode()); // the colours are those of the page
    const bar = document.createElement('div');
    bar.className = 'pager';
    const label = document.createElement('label');
    this.#follow = document.createElement('input');
    this.#follow.type = 'checkbox';
    this.#follow.checked = true;
    this.#follow.addEventListener('change', () => this.#scroll());
    label.append(this.#follow, ' Follow');
    this.#note = document.createElement('span');
    this.#note.className = 'right';
    bar.append(label, this.#note);
    this.#pre = document.createElement('pre');
    this.#pre.className = 'text plain log';
    this.#pre.tabIndex = 0;
    this.#pre.ariaLabel = 'Log';
    this.#pre.setAttribute('role', 'log');
    // Who scrolls up wants to read; who comes back to the end wants to follow.
    this.#pre.addEventListener('scroll', () => { this.#follow.checked = this.#pre.scrollHeight - this.#pre.scrollTop - this.#pre.clientHeight < 40; });
    root.append(bar, this.#pre);
  }

  #start(keep = false) {
    this.#generation++;
    this.#stop?.();
    clearInterval(this.#timer);
    if (!keep) { this.#next = null; this.#style = ''; this.#pre.replaceChildren(); }
    const live = this.hasAttribute('live') && this.getAttribute('src').match(/^\/api\/v1\/runs\/[^/]+/);
    this.#stop = live ? listen(`${live[0]}/live`, () => {}) : undefined;
    this.#timer = live ? setInterval(() => { if (!document.hidden) this.#read(); }, POLL_MS) : 0;
    this.#read();
  }

  #news = () => this.#read();

  /** One request at a time; goes on at once while there is more. */
  async #read() {
    if (this.#busy) { this.#again = true; return; }
    this.#busy = true;
    const generation = this.#generation;
    try {
      for (let more = true; more;) {
        const url = new URL(this.getAttribute('src'), document.baseURI);
        if (this.#next !== null) { url.searchParams.set('after', this.#next); url.searchParams.set('style', this.#style); }
        const response = await fetch(url);
        if (!response.ok) throw new Error(`${response.status}`);
        const part = await response.json();
        if (generation !== this.#generation) { this.#again = this.isConnected; return; }
        more = part.next > (this.#next ?? part.from) && part.next < part.size && part.lines.length > 0;
        if (this.#next !== null && part.size < this.#next) { this.#start(); return; } // another file took its place
        [this.#next, this.#style] = [part.next, part.style ?? ''];
        this.#append(part.lines);
        this.#note.textContent = part.live ? 'live' : '';
        this.dataset.lines = this.#pre.childElementCount;
      }
    } catch (error) {
      this.#note.textContent = `not up to date (${error.message})`;
    } finally {
      this.#busy = false;
      if (this.#again) { this.#again = false; setTimeout(() => this.isConnected && this.#read(), 200); }
    }
  }

  #append(lines) {
    const fragment = document.createDocumentFragment();
    for (const spans of lines) {
      const line = document.createElement('span');
      line.className = 'line';
      for (const { text, style } of spans) {
        const words = (style ?? '').split(' ').filter(word => STYLES.test(word));
        if (words.length === 0) { line.append(text); continue; }
        const span = document.createElement('span');
        span.className = words.join(' ');
        span.textContent = text;
        line.append(span);
      }
      line.append('\n');
      fragment.append(line);
    }
    this.#pre.append(fragment);
    while (this.#pre.childElementCount > MAX_LINES) this.#pre.firstElementChild.remove();
    this.#scroll();
  }

  #scroll() { if (this.#follow.checked) this.#pre.scrollTop = this.#pre.scrollHeight; }
}
customElements.define('log-tail', LogTail);
