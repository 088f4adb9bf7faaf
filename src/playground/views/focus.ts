/** Moves the keyboard's focus. */

/** Goes to the message box. A phone would show its keyboard for that, so there nothing happens. */
export function focusMessage(): void {
  if (matchMedia("(pointer: fine)").matches) document.getElementById("message")?.focus();
}

/** A `ref`: gives an element the focus when it comes into the page. */
export function focusOnce(element: HTMLElement | null): void {
  element?.focus();
}
