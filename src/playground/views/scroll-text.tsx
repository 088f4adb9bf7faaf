/** Preformatted text that scrolls inside, also by keyboard. */
export function ScrollText({ name, text, growing = false }: { name: string; text: string; growing?: boolean }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section for each piece of text would be a landmark too many
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <div class={growing ? "scroll-text growing" : "scroll-text"} role="group" aria-label={name} tabIndex={0}>
      <pre dir="auto">{text}</pre>
    </div>
  );
}
