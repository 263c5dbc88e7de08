// Looks of a chart's frame: styles and the row of buttons.

export const chartStyles = new CSSStyleSheet();
chartStyles.replaceSync(`
  :host { display: block; position: relative; }
  .frame { position: relative; }
  .chart { min-height: 120px; touch-action: pan-y; cursor: crosshair; user-select: none; }
  .chart:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
  .state { position: absolute; inset: 0; display: grid; place-items: center; color: var(--muted); pointer-events: none; }
  .state:empty { display: none; }
  .uplot, .uplot .u-wrap { font-family: var(--font); }
  .cross { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1px dashed var(--muted); pointer-events: none; }
  .shade { position: absolute; top: 0; bottom: 0; background: var(--accent); opacity: .14; pointer-events: none; }
  .tip { position: absolute; top: 6px; z-index: 3; max-width: min(420px, 70%); padding: 5px 8px; border: 1px solid var(--line-strong); border-radius: 5px; background: var(--surface); color: var(--text);
    font: 12px/17px var(--font); font-variant-numeric: tabular-nums; pointer-events: none; box-shadow: 0 4px 12px light-dark(#0002, #0008); }
  .tip div { display: flex; gap: 6px; align-items: center; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  .tip .strong { font-weight: 600; }
  .tip i { width: 8px; height: 8px; border-radius: 2px; flex: none; }
  .tip b { margin-left: auto; padding-left: 10px; font-weight: inherit; }
  .tip small { color: var(--muted); font-size: 11px; }
  .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .bar { display: flex; gap: 2px; justify-content: flex-end; margin-top: 2px; }
  .bar button { all: unset; box-sizing: border-box; height: 22px; padding: 0 6px; border-radius: 4px; color: var(--muted); font: 11px/22px var(--font); cursor: pointer; }
  .bar button[hidden] { display: none; }
  .bar button:hover, .bar button[aria-pressed=true] { background: var(--hover); color: var(--text); }
  .bar button:focus-visible { outline: 2px solid var(--accent); }
  .table { max-height: 260px; overflow: auto; margin-top: 6px; border: 1px solid var(--line); border-radius: 4px; }
  .table table { border-collapse: collapse; width: 100%; font: 12px/18px var(--font); font-variant-numeric: tabular-nums; color: var(--text); }
  .table th, .table td { padding: 2px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
  .table th { position: sticky; top: 0; background: var(--surface); color: var(--muted); font-weight: 500; }
  [hidden] { display: none !important; }
`);

/** @param acts {{reset, log, larger, png, csv, table}} */
export function toolbar(acts) {
  const bar = document.createElement('div');
  bar.className = 'bar';
  bar.setAttribute('role', 'group');
  bar.ariaLabel = 'Chart';
  const texts = { reset: ['Whole range', 'Show the whole range'], log: ['Log', 'Logarithmic y axis'], larger: ['Larger', 'Larger or smaller'], table: ['Table', 'Show points as a table'], png: ['PNG', 'Save as PNG'], csv: ['CSV', 'Save points as CSV'] };
  for (const [act, [text, label]] of Object.entries(texts)) {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.act = act;
    button.textContent = text;
    button.title = label;
    button.addEventListener('click', acts[act]);
    bar.append(button);
  }
  return bar;
}
