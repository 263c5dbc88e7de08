// Small custom elements. Each draws in a shadow root: enhanced navigation merges the document and would wipe anything else.

const copyStyles = new CSSStyleSheet();
copyStyles.replaceSync(`
  button { all: unset; display: grid; place-items: center; width: 18px; height: 18px; border-radius: 4px; cursor: pointer; color: var(--muted); }
  button:hover { background: var(--hover); color: var(--text); }
  button:focus-visible { outline: 2px solid var(--accent); }
  svg { width: 12px; height: 12px; fill: none; stroke: currentColor; stroke-width: 1.5; }
`);
const copyIcon = '<svg viewBox="0 0 16 16" aria-hidden="true"><rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2"/></svg>';
const doneIcon = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8.5l3.5 3.5L13 4.5"/></svg>';

/** <copy-text value="sha256:..."></copy-text>: a button that copies its value. Without JavaScript it is not shown. */
class CopyText extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [copyStyles];
    const button = document.createElement('button');
    button.type = 'button';
    button.title = button.ariaLabel = this.getAttribute('label') ?? 'Copy';
    button.innerHTML = copyIcon;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(this.getAttribute('value') ?? '');
      button.innerHTML = doneIcon;
      button.ariaLabel = 'Copied';
      setTimeout(() => { button.innerHTML = copyIcon; button.ariaLabel = button.title; }, 1200);
    });
    root.append(button);
  }
}
customElements.define('copy-text', CopyText);

/** <auto-refresh seconds="5"></auto-refresh>: renders the page again while something on it is under way and someone looks. */
class AutoRefresh extends HTMLElement {
  #timer = 0;
  connectedCallback() {
    const seconds = Math.max(1, Number(this.getAttribute('seconds')) || 5);
    this.#timer = setInterval(() => {
      const busy = document.activeElement && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
      if (!document.hidden && !busy) refreshPage();
    }, seconds * 1000);
  }
  disconnectedCallback() { clearInterval(this.#timer); }
}
customElements.define('auto-refresh', AutoRefresh);

function refreshPage() {
  const [x, y] = [scrollX, scrollY];
  if (window.Blazor?.navigateTo) window.Blazor.navigateTo(location.href, { replaceHistoryEntry: true });
  else location.reload();
  requestAnimationFrame(() => scrollTo(x, y));
}

document.addEventListener('pilothouse:refresh', refreshPage);

// A choice in <select data-submit> or a checkbox is applied at once; without JavaScript the form's own button does it.
document.addEventListener('change', event => {
  if (event.target instanceof Element && event.target.matches('[data-submit]')) event.target.closest('form')?.requestSubmit();
});
