// Scales of the drawn plots: numbers (linear or logarithmic) or texts.
import { number } from '../chart/series.js';

/** A column of values as positions 0..1: numbers when all are, else texts in their order. */
export function scaleOf(values) {
  const known = values.filter(v => v !== null && v !== undefined && v !== '');
  const numbers = known.map(Number);
  if (known.length > 0 && numbers.every(Number.isFinite)) {
    let [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    // Two decades of positive numbers (learning rates) are read on a logarithmic scale.
    const log = low > 0 && high / low >= 100;
    if (low === high) [low, high] = low === 0 ? [-1, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
    const to = log ? Math.log10 : v => v, from = log ? p => 10 ** p : p => p;
    const [a, b] = [to(low), to(high)];
    return {
      log, texts: null,
      at: value => value === null || value === undefined || value === '' || !Number.isFinite(Number(value)) ? null : (to(Number(value)) - a) / (b - a),
      value: position => from(a + position * (b - a)),
      ticks: ticks(low, high, log),
    };
  }
  const texts = [...new Set(known)].sort();
  const place = new Map(texts.map((text, i) => [text, texts.length === 1 ? 0.5 : i / (texts.length - 1)]));
  return {
    log: false, texts,
    at: value => place.get(value) ?? null,
    value: position => position,
    ticks: (texts.length > 12 ? texts.filter((_, i) => i % Math.ceil(texts.length / 12) === 0) : texts).map(text => ({ at: place.get(text), label: text.length > 16 ? text.slice(0, 15) + '…' : text })),
  };
}

function ticks(low, high, log) {
  const found = [];
  if (log) {
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const each = Math.max(1, Math.round((b - a) / 5));
    for (let e = Math.ceil(a - 1e-9); e <= b + 1e-9; e += each) found.push({ at: (e - a) / (b - a), label: number(10 ** e) });
    return found;
  }
  const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw);
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) found.push({ at: (v - low) / (high - low), label: number(Number(v.toPrecision(10))) });
  return found;
}

const SVG = 'http://www.w3.org/2000/svg';
export function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Colours as attributes: the drawing can then be saved by itself. */
export function colours(host) {
  const probe = document.createElement('span');
  host.shadowRoot.append(probe);
  const of = name => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const result = { line: of('--line-strong'), text: of('--text'), muted: of('--muted'), surface: of('--surface'), accent: of('--accent'), series: Array.from({ length: 8 }, (_, i) => of(`--series-${i + 1}`)) };
  probe.remove();
  return result;
}

export function savePng(svg, background, name) {
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  const copy = svg.cloneNode(true);
  copy.setAttribute('xmlns', SVG);
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  copy.setAttribute('font-family', 'sans-serif');
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement('canvas');
    canvas.width = width * 2;
    canvas.height = height * 2;
    const ctx = canvas.getContext('2d');
    ctx.scale(2, 2);
    ctx.fillStyle = background;
    ctx.fillRect(0, 0, width, height);
    ctx.drawImage(image, 0, 0);
    canvas.toBlob(blob => save(blob, name));
  };
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(new XMLSerializer().serializeToString(copy));
}

export function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const plotStyles = new CSSStyleSheet();
plotStyles.replaceSync(`
  :host { display: block; position: relative; }
  svg { display: block; width: 100%; overflow: visible; font: 11px var(--font); font-variant-numeric: tabular-nums; }
  svg [tabindex]:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  .bar { display: flex; gap: 8px; justify-content: flex-end; align-items: center; color: var(--muted); font: 11px/22px var(--font); }
  .bar output { margin-right: auto; font-size: 12px; }
  .bar button { all: unset; padding: 0 6px; border-radius: 4px; cursor: pointer; }
  .bar button:hover { background: var(--hover); color: var(--text); }
  .bar button:focus-visible { outline: 2px solid var(--accent); }
  [hidden] { display: none !important; }
`);
