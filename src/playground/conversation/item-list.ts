/** The items of a conversation in order. Each is found by its kind and id. */
import { signal } from "@preact/signals";
import type { Item } from "./items.ts";

export class ItemList {
  readonly all = signal<readonly Item[]>([]);
  readonly #byKey = new Map<string, Item>();

  /** The items by key, in order. */
  get byKey(): ReadonlyMap<string, Item> {
    return this.#byKey;
  }

  find<K extends Item["kind"]>(kind: K, id: string): Extract<Item, { kind: K }> | undefined {
    return this.#byKey.get(`${kind}:${id}`) as Extract<Item, { kind: K }> | undefined;
  }

  /** Adds an item at the end, or replaces the item with the same key. */
  put(item: Item): void {
    const key = keyOf(item);
    const known = this.#byKey.has(key);
    this.#byKey.set(key, item);
    this.all.value = known
      ? this.all.value.map((other) => (keyOf(other) === key ? item : other))
      : [...this.all.value, item];
  }

  /** Appends to a person's message. Returns `false` if no message has this id. */
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

  /** Removes all items after an item. */
  cutAfter(id: string): void {
    const index = this.all.value.findIndex((item) => item.id === id);
    if (index >= 0) this.replace(this.all.value.slice(0, index + 1));
  }
}

/** Returns the key of an item, which is unique in a conversation. */
export function keyOf({ kind, id }: Item): string {
  return `${kind}:${id}`;
}
