// Tables of runs: completion of filters, selection over pages, news without reload. Everything works without this, only less comfortably.
import './runs/filter-complete.js';

/** <run-selection key="EXPERIMENT">: remembers which runs are chosen while pages of the table come and go, and counts them. */
class RunSelection extends HTMLElement {
  #chosen = new Set();
  #form; #lastClicked = null;

  connectedCallback() {
    this.#form = this.closest('form');
    try { this.#chosen = new Set(JSON.parse(sessionStorage.getItem(this.#name) ?? '[]')); } catch { /* a full or forbidden storage: the selection is this page's */ }
    this.#form.addEventListener('change', this.#changed);
    this.#form.addEventListener('click', this.#clicked);
    this.#form.addEventListener('formdata', this.#complete);
    document.addEventListener('pilothouse:rendered', this.#restore);
    this.#restore();
  }

  disconnectedCallback() {
    this.#form.removeEventListener('change', this.#changed);
    this.#form.removeEventListener('click', this.#clicked);
    this.#form.removeEventListener('formdata', this.#complete);
    document.removeEventListener('pilothouse:rendered', this.#restore);
  }

  get #name() { return `pilothouse.runs.${this.getAttribute('key')}`; }
  get #boxes() { return [...this.#form.querySelectorAll('input[name=run]')]; }

  #changed = event => {
    if (event.target.name === 'all') for (const box of this.#boxes) { box.checked = event.target.checked; this.#note(box); }
    else if (event.target.name === 'run') this.#note(event.target);
    else return;
    this.#show();
  };

  /** Shift chooses everything since the last click. */
  #clicked = event => {
    if (event.target.name !== 'run') return;
    const boxes = this.#boxes;
    if (event.shiftKey && this.#lastClicked && boxes.includes(this.#lastClicked)) {
      const [a, b] = [boxes.indexOf(this.#lastClicked), boxes.indexOf(event.target)].sort((x, y) => x - y);
      for (const box of boxes.slice(a, b + 1)) { box.checked = event.target.checked; this.#note(box); }
      this.#show();
    }
    this.#lastClicked = event.target;
  };

  #note(box) { if (box.checked) this.#chosen.add(box.value); else this.#chosen.delete(box.value); }

  #restore = () => { for (const box of this.#boxes) box.checked = this.#chosen.has(box.value); this.#show(); };

  /** Runs that were chosen on other pages go with the form. What is done once is not chosen any more. */
  #complete = event => {
    const here = new Set(this.#boxes.map(box => box.value));
    for (const id of this.#chosen) if (!here.has(id)) event.formData.append('run', id);
    if (/^(delete|restore|tag)$/.test(event.formData.get('action') ?? '')) sessionStorage.removeItem(this.#name);
  };

  #show() {
    try { sessionStorage.setItem(this.#name, JSON.stringify([...this.#chosen])); } catch { /* as above */ }
    const boxes = this.#boxes, here = boxes.filter(box => box.checked).length, all = this.#chosen.size;
    const text = this.querySelector('.count');
    text.textContent = all === 0 ? 'Choose runs' : `${all} chosen${all > here ? ` (${all - here} elsewhere)` : ''}`;
    for (const button of this.querySelectorAll('button')) button.disabled = all === 0 || (button.value === 'compare' && all < 2);
    let clear = this.querySelector('[data-clear]');
    if (all > 0 && !clear) {
      clear = document.createElement('button');
      clear.type = 'button';
      clear.className = 'link';
      clear.dataset.clear = '';
      clear.textContent = 'None';
      clear.addEventListener('click', () => { this.#chosen.clear(); this.#restore(); });
      text.after(clear);
    } else if (all === 0) clear?.remove();
    const head = this.#form.querySelector('thead .check');
    if (head && !head.querySelector('input')) {
      const box = document.createElement('input');
      box.type = 'checkbox';
      box.name = 'all';
      box.ariaLabel = 'Choose all runs of this page';
      head.append(box);
    }
    const master = head?.querySelector('input');
    if (master) { master.checked = boxes.length > 0 && here === boxes.length; master.indeterminate = here > 0 && here < boxes.length; }
  }
}
customElements.define('run-selection', RunSelection);

/** <live-page src="...">: renders the page again when the stream says that something changed, but never under somebody's hands. */
class LivePage extends HTMLElement {
  static #pause = 2000;
  #source; #due = false; #last = 0; #timer = 0;

  connectedCallback() {
    this.#source = new EventSource(this.getAttribute('src'));
    this.#source.addEventListener('changed', () => { this.#due = true; this.#soon(); });
    document.addEventListener('visibilitychange', this.#soon);
  }

  disconnectedCallback() {
    this.#source.close();
    clearTimeout(this.#timer);
    document.removeEventListener('visibilitychange', this.#soon);
  }

  #soon = () => {
    clearTimeout(this.#timer);
    if (!this.#due || document.hidden) return;
    this.#timer = setTimeout(() => {
      if (document.hidden) return;
      const busy = document.querySelector('main details.columns[open], main [popover]:popover-open') || document.activeElement?.matches('input:not([type=checkbox]), select, textarea');
      if (busy) { this.#soon(); return; }
      this.#due = false;
      this.#last = Date.now();
      document.dispatchEvent(new Event('pilothouse:refresh'));
    }, Math.max(200, this.#last + LivePage.#pause - Date.now()));
  };
}
customElements.define('live-page', LivePage);

/** <list-search for="ID">: a field that leaves of a list of labels those with its text. */
class ListSearch extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    const field = document.createElement('input');
    field.type = 'search';
    field.placeholder = 'Search columns';
    field.ariaLabel = 'Search columns';
    field.addEventListener('input', () => {
      const list = document.getElementById(this.getAttribute('for'));
      const words = field.value.toLowerCase();
      for (const label of list.querySelectorAll('label')) label.hidden = !label.textContent.toLowerCase().includes(words);
      for (const set of list.querySelectorAll('fieldset')) set.hidden = !set.querySelector('label:not([hidden])');
    });
    field.addEventListener('keydown', event => { if (event.key === 'Enter') event.preventDefault(); });
    this.append(field);
  }
}
customElements.define('list-search', ListSearch);

// Enhanced navigation merges the new page into this one: elements that keep a state put it back then.
const rendered = () => document.dispatchEvent(new Event('pilothouse:rendered'));
if (window.Blazor?.addEventListener) window.Blazor.addEventListener('enhancedload', rendered);
else addEventListener('load', () => window.Blazor?.addEventListener('enhancedload', rendered));

// A panel that opens closes the others, and a click elsewhere closes it.
document.addEventListener('click', event => {
  for (const open of document.querySelectorAll('details.columns[open]')) if (!open.contains(event.target)) open.open = false;
});
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  const open = event.target.closest?.('details.columns[open]');
  if (open) { open.open = false; open.querySelector('summary').focus(); }
});
