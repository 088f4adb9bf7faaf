import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Makes a component that is loaded when it is first shown. */
export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Lazy(props) {
    const [problem, setProblem] = useState("");
    const [, arrived] = useState(() => loaded);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (component) => {
          loaded = component;
          arrived(() => component);
        },
        () => setProblem("This part of the page could not be loaded. Reload the page to try again."),
      );
    }, []);
    if (problem) return <p class="problem">{problem}</p>;
    const Loaded = loaded;
    return Loaded ? <Loaded {...props} /> : null;
  };
}
