import { signal } from "@preact/signals";

/** The last action, for people who do not see it happen. */
export const done = signal("");

/** Puts text on the clipboard, and says so with `sentence`. */
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

/** Says it, again if need be: a live region is silent about what it says already. */
function say(sentence: string): void {
  done.value = "";
  setTimeout(() => {
    done.value = sentence;
  }, 50);
}

/** For pages that are not from this machine and not over TLS: they have no clipboard. */
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
