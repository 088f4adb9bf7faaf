/** Shows preformatted text that scrolls, also by keyboard. */
export function ScrollText({ name, text, growing = false }: { name: string; text: string; growing?: boolean }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: sections would add too many landmarks
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach an element that scrolls
    <div class={growing ? "scroll-text growing" : "scroll-text"} role="group" aria-label={name} tabIndex={0}>
      <pre dir="auto">{text}</pre>
    </div>
  );
}
