/** Measures the time of a store's calls. A run makes only a few calls. */
import type { Counts } from "../counts/counts.ts";
import type { Store } from "../store/store.ts";

export function timedStore(store: Store, counts: Pick<Counts, "storeTook">): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        const startedAt = performance.now();
        const result: unknown = Reflect.apply(member, target, args);
        const took = () => counts.storeTook(String(name), (performance.now() - startedAt) / 1_000);
        return result instanceof Promise ? result.finally(took) : result;
      };
    },
  });
}
