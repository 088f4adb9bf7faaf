/** The order in which the texts of many clients are worked on. */

/**
 * Gives one turn in each turn of the event loop, so that everything else goes on between two of them. The keys take
 * turns, so that a key with many waiting callers does not delay another key.
 */
export class Turns {
  /** The callers of each key, the next key first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #goesOn = false;

  /** Resolves when the caller may go on. */
  wait(key: string): Promise<void> {
    return new Promise((resolve) => {
      const callers = this.#waiting.get(key);
      if (callers) callers.push(resolve);
      else this.#waiting.set(key, [resolve]);
      if (this.#goesOn) return;
      this.#goesOn = true;
      setImmediate(this.#next);
    });
  }

  readonly #next = (): void => {
    const [first] = this.#waiting;
    this.#goesOn = first !== undefined;
    if (!first) return;
    const [key, callers] = first;
    callers.shift()?.();
    // A key goes to the end of the line after its turn.
    this.#waiting.delete(key);
    if (callers.length > 0) this.#waiting.set(key, callers);
    setImmediate(this.#next);
  };
}

interface Held {
  places: number;
  readonly waiting: Set<() => void>;
}

/** Gives each key a number of places. A caller without one waits until a place of its key is free. */
export class Shares {
  readonly #most: number;
  readonly #patienceMs: number;
  readonly #held = new Map<string, Held>();

  /** A caller waits `patienceMs` at most. */
  constructor(most: number, patienceMs: number) {
    this.#most = most;
    this.#patienceMs = patienceMs;
  }

  /** Takes a place, until the returned function is called. `undefined`: no place was free in time. */
  async take(key: string): Promise<(() => void) | undefined> {
    const held = this.#held.get(key) ?? { places: 0, waiting: new Set() };
    this.#held.set(key, held);
    if (held.places < this.#most) held.places += 1;
    else if (!(await this.#turnOf(held))) return undefined;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = held.waiting;
      if (next) return next(); // The place goes to the next caller.
      held.places -= 1;
      if (held.places === 0) this.#held.delete(key);
    };
  }

  #turnOf({ waiting }: Held): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isOurs: boolean) => {
        clearTimeout(timer);
        waiting.delete(go);
        resolve(isOurs);
      };
      const go = () => settle(true);
      const timer = setTimeout(() => settle(false), this.#patienceMs);
      waiting.add(go);
    });
  }
}
