/**
 * Text that arrives in pieces. Each piece is only appended; `flush` updates the views, as often as the page can draw.
 */
import { batch } from "@preact/signals";
import type { Growing } from "./items.ts";

export class Growth {
  readonly #dirty = new Set<Growing>();
  readonly #changed: () => void;

  /** `changed` is called when there is something to flush. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  flush(): void {
    if (this.#dirty.size === 0) return;
    batch(() => {
      for (const body of this.#dirty) body.revision.value += 1;
    });
    this.#dirty.clear();
  }

  /** Clears the text, which is sent again from its beginning. */
  restart(body: Growing): void {
    body.text = "";
    body.done.value = false;
    this.#touch(body);
  }

  grow(body: Growing | undefined, delta: string): void {
    if (!body) return;
    body.text += delta;
    this.#touch(body);
  }

  close(body: Growing | undefined): void {
    if (!body || body.done.value) return;
    body.done.value = true;
    this.#touch(body);
  }

  #touch(body: Growing): void {
    this.#dirty.add(body);
    this.#changed();
  }
}
