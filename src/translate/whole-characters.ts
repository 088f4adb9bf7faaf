/** Keeps characters whole in text that comes in pieces. */

/**
 * A character outside the basic plane is two UTF-16 halves, and a chunk may end between them. The first half waits for
 * the next chunk; a half without its other half becomes U+FFFD. All other text passes untouched.
 */
export class WholeCharacters {
  #half = "";

  push(text: string): string {
    let joined = this.#half + text;
    this.#half = "";
    if (isHighSurrogate(joined.charCodeAt(joined.length - 1))) {
      this.#half = joined.slice(-1);
      joined = joined.slice(0, -1);
    }
    return joined.isWellFormed() ? joined : joined.toWellFormed();
  }

  end(): string {
    const rest = this.#half.toWellFormed();
    this.#half = "";
    return rest;
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
