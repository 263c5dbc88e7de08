// <run-live src="/api/v1/runs/ID/live" watch="all|new">: renders the page again when the run has news that it does not show by itself. Charts and logs follow on their own;
// "new" waits for metrics that have no chart yet, "all" for any metric.
import { listen } from '../chart/live.js';

const PAUSE_MS = 2500;

class RunLive extends HTMLElement {
  #stop; #timer = 0; #last = 0; #seen = new Set();

  connectedCallback() {
    this.#stop = listen(this.getAttribute('src'), keys => {
      const fresh = this.getAttribute('watch') === 'all' || keys.some(key => !this.#seen.has(key) && !document.querySelector(`[data-key="${CSS.escape(key)}"]`));
      for (const key of keys) this.#seen.add(key);
      if (fresh) this.#refresh();
    });
  }

  disconnectedCallback() {
    this.#stop?.();
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  /** At most once in a while, and never under a person's hands. */
  #refresh() {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      const busy = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '') || document.querySelector('.columns[open]') || document.hidden;
      if (busy) { this.#refresh(); return; }
      this.#last = Date.now();
      document.dispatchEvent(new Event('pilothouse:refresh'));
    }, Math.max(300, this.#last + PAUSE_MS - Date.now()));
  }
}
customElements.define('run-live', RunLive);
