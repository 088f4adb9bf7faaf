import { useEffect, useState } from "preact/hooks";
import { tap } from "../state/tap.ts";

/** Draws the component again after an event arrived, at most once in `ms` milliseconds. */
export function useNews(ms: number): void {
  const [, draw] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = tap.version.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        draw((count) => count + 1);
      }, ms);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [ms]);
}
