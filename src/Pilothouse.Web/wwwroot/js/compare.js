// The comparison of runs: plots, the slider, and an address that follows what is dragged.
import './compare/parallel-plot.js';
import './compare/scatter-plot.js';

/** Renders the page for an address that differs in some values; what is on the screen already stays. */
let timer = 0;
function follow(change) {
  const address = new URL(location.href);
  change(address.searchParams);
  for (const once of ['flip', 'drop', 'turn']) address.searchParams.delete(once);
  history.replaceState(history.state, '', address);
  clearTimeout(timer);
  timer = setTimeout(() => window.Blazor?.navigateTo(address.href, { replaceHistoryEntry: true }), 400);
}

document.addEventListener('chart-zoom', event => {
  if (!document.querySelector('line-chart[sync=compare]')) return;
  follow(query => { for (const [name, value] of Object.entries(event.detail)) if (value === null) query.delete(name); else query.set(name, value); });
});

document.addEventListener('plot-brush', event => follow(query => { query.delete('brush'); for (const brush of event.detail) query.append('brush', brush); }));

// The slider moves the curves while it moves; the address follows when it rests.
document.addEventListener('input', event => {
  const name = event.target.dataset?.chart;
  if (!name) return;
  for (const chart of document.querySelectorAll('line-chart[sync]')) chart.setAttribute(name, event.target.value);
  const output = event.target.parentElement.querySelector('output');
  if (output) output.textContent = event.target.value;
});

// Pointing at a run in the legend or a table brings out its curves.
const highlight = event => document.dispatchEvent(new CustomEvent('pilothouse:highlight', { detail: event.target.closest?.('#runs [data-run]')?.dataset.run ?? null }));
let last = null;
const onlyChanges = event => {
  const run = event.target.closest?.('#runs [data-run]')?.dataset.run ?? null;
  if (run !== last) { last = run; highlight(event); }
};
document.addEventListener('pointerover', onlyChanges);
document.addEventListener('focusin', onlyChanges);
