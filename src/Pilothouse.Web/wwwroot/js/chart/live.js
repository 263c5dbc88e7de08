/** One event stream an address, however many charts the page has: browsers open only six connections to a server. */
const streams = new Map();

export function listen(url, listener) {
  let stream = streams.get(url);
  if (!stream) {
    const source = new EventSource(url);
    stream = { source, listeners: new Set() };
    streams.set(url, stream);
    source.addEventListener('metrics', event => {
      const keys = JSON.parse(event.data).keys ?? [];
      for (const each of stream.listeners) each(keys);
    });
    // News of an experiment name no keys: every chart of its runs looks again.
    source.addEventListener('changed', () => { for (const each of stream.listeners) each([]); });
    source.addEventListener('log', () => document.dispatchEvent(new Event('pilothouse:log')));
    source.addEventListener('run', () => document.dispatchEvent(new Event('pilothouse:refresh')));
  }
  stream.listeners.add(listener);
  return () => {
    stream.listeners.delete(listener);
    if (stream.listeners.size === 0) { stream.source.close(); streams.delete(url); }
  };
}
