// <lazy-chart src="..." key="loss" ...>fallback</lazy-chart>: a <line-chart> with the same attributes, made when it comes near the window and let go when it is far away,
// so that a page of 1,000 metrics has no more canvases than a person can see.
const PASSED = ['src', 'key', 'live', 'x', 'smooth', 'xlog', 'ylog', 'outliers', 'height', 'sync', 'uplot', 'css'];
const NEAR = '300px';
const FAR = '2000px';

const near = new IntersectionObserver(entries => { for (const entry of entries) if (entry.isIntersecting) entry.target.draw(); }, { rootMargin: NEAR });
const far = new IntersectionObserver(entries => { for (const entry of entries) if (!entry.isIntersecting) entry.target.rest(); }, { rootMargin: FAR });

class LazyChart extends HTMLElement {
  static observedAttributes = PASSED;
  #chart; #height = 0;

  connectedCallback() {
    if (!this.shadowRoot) {
      const style = new CSSStyleSheet();
      style.replaceSync(':host { display: block; } slot { display: none; }');
      this.attachShadow({ mode: 'open' }).append(document.createElement('slot'));
      this.shadowRoot.adoptedStyleSheets = [style];
    }
    near.observe(this);
    far.observe(this);
  }

  disconnectedCallback() {
    near.unobserve(this);
    far.unobserve(this);
    this.rest();
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#chart || before === after) return;
    if (name === 'key' || name === 'uplot' || name === 'css') { this.rest(); this.draw(); } // another metric in this place
    else this.#pass(name);
  }

  draw() {
    if (this.#chart) return;
    this.#chart = document.createElement('line-chart');
    for (const name of PASSED) this.#pass(name);
    this.shadowRoot.append(this.#chart);
    this.style.minHeight = '';
  }

  rest() {
    if (!this.#chart) return;
    this.#height = this.offsetHeight;
    if (this.#height > 0) this.style.minHeight = `${this.#height}px`; // the page must not jump
    this.#chart.remove();
    this.#chart = undefined;
  }

  #pass(name) {
    const value = this.getAttribute(name);
    if (value === null) this.#chart.removeAttribute(name);
    else this.#chart.setAttribute(name, value);
  }
}
customElements.define('lazy-chart', LazyChart);
