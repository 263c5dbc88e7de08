// Loads the module of a custom element when one comes onto the page, e.g. <log-tail module="/assets/js/run/log-tail.js">: pages without it do not pay for it.
// Also what forms of the run's pages do at once instead of at a button.

function load() {
  for (const element of document.querySelectorAll('[module]:not(:defined)')) import(new URL(element.getAttribute('module'), document.baseURI).href).catch(error => console.warn('element', error));
  for (const section of document.querySelectorAll('details[data-section]')) if (closed().has(section.dataset.section)) section.open = false;
}

// Sections of charts that a person folded stay folded, on every run.
const CLOSED = 'pilothouse:closed-sections';
const MAX_CLOSED = 100;
function closed() {
  try { return new Set(JSON.parse(localStorage.getItem(CLOSED) ?? '[]')); } catch { return new Set(); }
}
document.addEventListener('click', event => {
  const section = event.target instanceof Element && event.target.closest('details[data-section] > summary')?.parentElement;
  if (!section) return;
  const all = closed();
  if (section.open) all.add(section.dataset.section); else all.delete(section.dataset.section); // before the click does its work
  try { localStorage.setItem(CLOSED, JSON.stringify([...all].slice(-MAX_CLOSED))); } catch { /* storage is off: it is not remembered */ }
});

/** State of a form of settings as the address has it: what is at its default is left out. */
function address(form) {
  const url = new URL(location.href);
  for (const field of form.elements) {
    if (!field.name || field.type === 'hidden') continue;
    const value = field.type === 'checkbox' ? (field.checked ? field.value : '') : field.value;
    if (value === '' || (field.name === 'smooth' && Number(value) === 0) || (field.name === 'x' && value === 'step')) url.searchParams.delete(field.name);
    else url.searchParams.set(field.name, value);
  }
  return url;
}

/** Draws all charts of the page anew, without asking the server. */
function apply(form) {
  const value = name => form.elements[name];
  for (const output of form.querySelectorAll('output')) output.value = value('smooth').value;
  for (const chart of document.querySelectorAll('lazy-chart')) {
    const set = (name, text) => { if (text === null) chart.removeAttribute(name); else if (chart.getAttribute(name) !== text) chart.setAttribute(name, text); };
    set('smooth', Number(value('smooth').value) > 0 ? value('smooth').value : null);
    set('x', value('x').value === 'step' ? null : value('x').value);
    set('xlog', value('xlog').checked ? '' : null);
    set('ylog', value('ylog').checked ? '' : null);
    set('outliers', value('outliers').checked ? 'ignore' : null);
  }
}

const go = url => window.Blazor?.navigateTo ? window.Blazor.navigateTo(url, { replaceHistoryEntry: true }) : location.replace(url);

let frame = 0;
let typing = 0;
document.addEventListener('input', event => {
  if (!(event.target instanceof Element)) return;
  const form = event.target.closest('form');
  if (event.target.matches('[data-typing]')) {
    clearTimeout(typing);
    typing = setTimeout(() => form.matches('[data-chart-controls]') ? go(address(form).href) : form.requestSubmit(), 350);
  } else if (form?.matches('[data-chart-controls]')) {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => apply(form));
  }
});
// When the change is made, the address has it, and so have all links of the page, which the server writes.
document.addEventListener('change', event => {
  const form = event.target instanceof Element && !event.target.matches('[data-typing]') && event.target.closest('form[data-chart-controls]');
  if (form) go(address(form).href);
});

load();
if (window.Blazor?.addEventListener) window.Blazor.addEventListener('enhancedload', load);
else addEventListener('load', () => window.Blazor?.addEventListener('enhancedload', load));
