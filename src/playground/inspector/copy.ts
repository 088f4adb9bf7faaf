import { signal } from "@preact/signals";

/** The last action, for a screen reader. */
export const done = signal("");

/** Copies text to the clipboard, then announces `sentence`. */
export function copy(text: string, sentence: string): void {
  const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("There is no clipboard."));
  copied
    .catch(() => copyBySelection(text))
    .then(
      () => say(sentence),
      () => say("This browser did not let the page copy."),
    );
}

/** Saves text as a file. */
export function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  say(`${name} was saved.`);
}

/**
 * Announces a sentence. The text is cleared first, because a live region does not repeat a text that it already
 * contains.
 */
function say(sentence: string): void {
  done.value = "";
  setTimeout(() => {
    done.value = sentence;
  }, 50);
}

/** Copies through a selection. A page without TLS from another machine has no clipboard API. */
function copyBySelection(text: string): void {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!copied) throw new Error("This browser does not copy.");
}
