/** The items of a conversation in their order, each found by what it is and its id. */
import { signal } from "@preact/signals";
import type { Item } from "./items.ts";

export class ItemList {
  readonly all = signal<readonly Item[]>([]);
  readonly #byKey = new Map<string, Item>();

  /** In their order, by key. */
  get byKey(): ReadonlyMap<string, Item> {
    return this.#byKey;
  }

  find<K extends Item["kind"]>(kind: K, id: string): Extract<Item, { kind: K }> | undefined {
    return this.#byKey.get(`${kind}:${id}`) as Extract<Item, { kind: K }> | undefined;
  }

  /** At the end, or in the place of the one that has its key. */
  put(item: Item): void {
    const key = keyOf(item);
    const known = this.#byKey.has(key);
    this.#byKey.set(key, item);
    this.all.value = known
      ? this.all.value.map((other) => (keyOf(other) === key ? item : other))
      : [...this.all.value, item];
  }

  /** Adds to a person's message. `false`: there is none with this id. */
  grow(id: string, delta: string): boolean {
    const item = this.find("user", id);
    if (item) this.put({ ...item, content: `${String(item.content)}${delta}` });
    return item !== undefined;
  }

  replace(items: readonly Item[]): void {
    this.#byKey.clear();
    for (const item of items) this.#byKey.set(keyOf(item), item);
    this.all.value = items;
  }

  /** Takes out all that came after an item. */
  cutAfter(id: string): void {
    const index = this.all.value.findIndex((item) => item.id === id);
    if (index >= 0) this.replace(this.all.value.slice(0, index + 1));
  }
}

/** Names an item among all of a conversation. */
export function keyOf({ kind, id }: Item): string {
  return `${kind}:${id}`;
}
