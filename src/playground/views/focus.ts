/** Moves the keyboard focus. */

/** Focuses the message box. Does nothing on a phone, which would show its keyboard. */
export function focusMessage(): void {
  if (matchMedia("(pointer: fine)").matches) document.getElementById("message")?.focus();
}

/** A `ref` that focuses an element when it is added to the page. */
export function focusOnce(element: HTMLElement | null): void {
  element?.focus();
}
