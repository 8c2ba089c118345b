/** Elements that are watched, and who is told whether they can be seen. */
const told = new WeakMap<Element, (seen: boolean) => void>();
let observer: IntersectionObserver | undefined;

/** Whether a row can be seen. What can't be is left as it is: of 200 shares that change, a dozen are drawn anew. */
export class Sight {
  seen = $state(true);

  /** Watches an element, as an attachment. */
  readonly watch = (element: Element) => {
    // Where it can't be told everything is taken for seen.
    if (typeof IntersectionObserver === "undefined") return;
    observer ??= new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) told.get(target)?.(isIntersecting);
    });
    const watching = observer;
    told.set(element, (seen) => (this.seen = seen));
    watching.observe(element);
    return () => {
      watching.unobserve(element);
      told.delete(element);
    };
  };

  /** What `look` gives while it is seen, and after that what it gave last. */
  last<T>(look: () => T): () => T {
    let known: { value: T } | undefined;
    return () => {
      if (this.seen || !known) known = { value: look() };
      return known.value;
    };
  }
}
