// <filter-complete src="/api/v1/experiments/ID"><input type="search"></filter-complete>: completes a filter in MLflow's grammar.
// Names and operators are those that the server knows; values are read as they are asked for.

const KEY = /^(?:(?:metrics?|params?|parameters?|tags?|attributes?|attr|run)\.)?(?:`[^`]*`?|"[^"]*"?|[^\s=<>!,;()'"`]*)/i;
const OPERATOR = /^(?:<=|>=|!=|=|<|>|(?:NOT\s+IN|IS\s+NOT\s+NULL|IS\s+NULL|I?LIKE|IN)(?![^\s('"]))/i;
const VALUE = /^(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|\([^)]*\)|[+-]?[\d.][^\s'"]*)/;
const MAX_SHOWN = 50;

/** What can come at the end of a text: a key, an operator, a value or AND, from which place on, and what of it is there already. */
export function contextOf(text) {
  let at = 0;
  const skip = () => { at += /^\s*/.exec(text.slice(at))[0].length; };
  for (;;) {
    skip();
    const and = /^and\s+/i.exec(text.slice(at));
    if (and) { at += and[0].length; continue; }
    const key = KEY.exec(text.slice(at))[0];
    if (at + key.length >= text.length) return { kind: 'key', from: at, typed: key };
    if (key.length === 0) return { kind: 'none', from: at, typed: '' };
    at += key.length;
    skip();
    const operator = OPERATOR.exec(text.slice(at))?.[0];
    // "<" at the very end may become "<=": both are offered.
    if (operator === undefined || (at + operator.length === text.length && !/null$/i.test(operator))) return { kind: 'operator', key, from: at, typed: text.slice(at) };
    at += operator.length;
    if (!/null$/i.test(operator)) {
      skip();
      const value = VALUE.exec(text.slice(at))?.[0];
      if (value === undefined || (at + value.length === text.length && !/['")]$/.test(value))) return { kind: 'value', key, operator, from: at, typed: text.slice(at) };
      at += value.length;
    }
    if (at === text.length) return { kind: 'none', from: at, typed: '' };
    skip();
    if (at === text.length || /^(?:a|an|and)$/i.test(text.slice(at))) return { kind: 'and', from: at, typed: text.slice(at) };
  }
}

const quoted = (kind, name) => `${kind}.${/[\s=<>!,;()'"`]/.test(name) ? `\`${name}\`` : name}`;

class FilterComplete extends HTMLElement {
  #input; #list; #items = []; #active = -1; #names; #asked = 0;

  connectedCallback() {
    if (!this.getAttribute('src')) return;
    this.#input = this.querySelector('input');
    this.#input.addEventListener('input', this.#offer);
    this.#input.addEventListener('focus', this.#offer);
    this.#input.addEventListener('click', this.#offer);
    this.#input.addEventListener('blur', this.#close);
    this.#input.addEventListener('keydown', this.#key);
    this.#input.setAttribute('role', 'combobox');
    this.#input.setAttribute('aria-autocomplete', 'list');
    this.#input.setAttribute('aria-expanded', 'false');
  }

  async #columns() {
    this.#names ??= fetch(`${this.getAttribute('src')}/columns`).then(response => response.ok ? response.json() : null, () => null);
    const names = await this.#names;
    if (!names) this.#names = undefined;
    return names;
  }

  #offer = async () => {
    const asked = ++this.#asked;
    const before = this.#input.value.slice(0, this.#input.selectionStart);
    const context = contextOf(before);
    const names = await this.#columns();
    const items = names ? await this.#itemsFor(context, names) : [];
    if (asked !== this.#asked || document.activeElement !== this.#input) return;
    this.#items = items.filter(item => item.toLowerCase() !== context.typed.toLowerCase()).slice(0, MAX_SHOWN).map(text => ({ text, from: context.from }));
    this.#show();
  };

  async #itemsFor(context, names) {
    const typed = context.typed.toLowerCase();
    switch (context.kind) {
      case 'key': {
        const all = [...names.metrics.map(n => quoted('metrics', n)), ...names.params.map(n => quoted('params', n)), ...names.attributes, ...names.tags.map(n => quoted('tags', n))];
        const starts = all.filter(name => name.toLowerCase().startsWith(typed));
        return [...starts, ...all.filter(name => !starts.includes(name) && name.toLowerCase().includes(typed))];
      }
      case 'operator': {
        const kind = /^(metric|param|tag)/i.exec(context.key)?.[1]?.toLowerCase();
        const known = context.key.includes('.') && kind ? names.operators[kind + 's'] : names.operators[context.key.replace(/^[^.]*\./, '')];
        return (known ?? []).filter(operator => operator.toLowerCase().startsWith(typed.trim()));
      }
      case 'value': {
        if (/^metric|time$/i.test(context.key)) return [];
        const prefix = context.typed.replace(/^\(?['"]?/, '').replaceAll("''", "'");
        const query = new URLSearchParams({ column: context.key, prefix });
        const values = await fetch(`${this.getAttribute('src')}/values?${query}`).then(response => response.ok ? response.json() : [], () => []);
        const text = values.map(value => `'${value.replaceAll("'", "''")}'`);
        return /in$/i.test(context.operator) ? text.map(value => `(${value})`) : text;
      }
      case 'and': return ['and'];
      default: return [];
    }
  }

  #show() {
    this.#active = -1;
    if (this.#items.length === 0) { this.#close(); return; }
    if (!this.#list?.isConnected) {
      this.#list = document.createElement('ul');
      this.#list.className = 'completions';
      this.#list.id = 'completions';
      this.#list.setAttribute('role', 'listbox');
      this.#list.ariaLabel = 'Completions';
      this.#list.addEventListener('pointerdown', event => {
        event.preventDefault(); // the field keeps the focus
        const option = event.target.closest('li');
        if (option) this.#take(Number(option.dataset.at));
      });
      this.append(this.#list);
    }
    this.#list.replaceChildren(...this.#items.map((item, i) => {
      const option = document.createElement('li');
      option.id = `completion-${i}`;
      option.dataset.at = i;
      option.setAttribute('role', 'option');
      option.setAttribute('aria-selected', 'false');
      option.textContent = item.text;
      return option;
    }));
    this.#input.setAttribute('aria-expanded', 'true');
    this.#input.setAttribute('aria-controls', 'completions');
    this.#input.removeAttribute('aria-activedescendant');
  }

  #close = () => {
    this.#asked++;
    this.#list?.remove();
    this.#items = [];
    this.#active = -1;
    this.#input.setAttribute('aria-expanded', 'false');
    this.#input.removeAttribute('aria-controls');
    this.#input.removeAttribute('aria-activedescendant');
  };

  #mark(at) {
    const options = [...this.#list.children];
    options[this.#active]?.setAttribute('aria-selected', 'false');
    this.#active = (at + options.length) % options.length;
    options[this.#active].setAttribute('aria-selected', 'true');
    options[this.#active].scrollIntoView({ block: 'nearest' });
    this.#input.setAttribute('aria-activedescendant', options[this.#active].id);
  }

  #key = event => {
    if (this.#items.length === 0) {
      if (event.key === 'ArrowDown') { this.#offer(); event.preventDefault(); }
      return;
    }
    if (event.key === 'ArrowDown') this.#mark(this.#active + 1);
    else if (event.key === 'ArrowUp') this.#mark(this.#active < 0 ? -1 : this.#active - 1);
    else if ((event.key === 'Enter' || event.key === 'Tab') && this.#active >= 0) this.#take(this.#active);
    else if (event.key === 'Escape') this.#close();
    else return;
    event.preventDefault();
  };

  #take(at) {
    const { text, from } = this.#items[at];
    const caret = this.#input.selectionStart, value = this.#input.value;
    const rest = value.slice(caret).trimStart();
    this.#input.value = `${value.slice(0, from)}${text} ${rest}`;
    this.#input.setSelectionRange(from + text.length + 1, from + text.length + 1);
    this.#offer();
  }
}
customElements.define('filter-complete', FilterComplete);
