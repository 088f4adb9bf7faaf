/** Renders a React hook without a browser, and returns its last value. */
import { Window } from "happy-dom";

export interface Rendered<T> {
  /** The last value that the hook returned. */
  readonly now: T;
  /** Resolves when the hook's value passes the test. */
  until(test: (value: T) => boolean): Promise<T>;
  unmount(): void;
}

/** React looks for `window` when it is loaded. */
const window = new Window({ url: "http://127.0.0.1/" });
const { document, navigator } = window;
Object.assign(globalThis, { window, document });
if (!("navigator" in globalThis)) Object.assign(globalThis, { navigator });
const [{ createElement }, { createRoot }] = await Promise.all([import("react"), import("react-dom/client")]);

export async function renderHook<T>(hook: () => T): Promise<Rendered<T>> {
  const waiting = new Set<() => void>();
  let now: T | undefined;
  const root = createRoot(document.createElement("div") as unknown as Parameters<typeof createRoot>[0]);
  const rendered: Rendered<T> = {
    get now() {
      return now as T;
    },
    until: (test) =>
      new Promise((resolve) => {
        const look = () => {
          if (now === undefined || !test(now)) return;
          waiting.delete(look);
          resolve(now);
        };
        waiting.add(look);
        look();
      }),
    unmount: () => root.unmount(),
  };
  root.render(
    createElement(() => {
      now = hook();
      queueMicrotask(() => {
        for (const look of waiting) look();
      });
      return null;
    }),
  );
  await rendered.until(() => true);
  return rendered;
}
