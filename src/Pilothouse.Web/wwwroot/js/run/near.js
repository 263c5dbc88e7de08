// Calls back once, when an element comes near the window.
const waiting = new Map();
const observer = new IntersectionObserver(entries => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    const start = waiting.get(target);
    waiting.delete(target);
    observer.unobserve(target);
    start?.();
  }
}, { rootMargin: '300px' });

/** @returns a function that ends the waiting */
export function near(element, start) {
  waiting.set(element, start);
  observer.observe(element);
  return () => { waiting.delete(element); observer.unobserve(element); };
}
