/** Turns Markdown into safe DOM: without scripts, without styles, and without anything that the browser fetches. */
import DOMPurify from "dompurify";
import { Marked } from "marked";

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    // HTML is shown as text. Removing it later would be too late: the browser checks the page's policy while it parses.
    html({ text }) {
      return /^<br\s*\/?>$/i.test(text.trim()) ? "<br>" : attribute(text);
    },
    // An image becomes a link, so its target is fetched only when a person follows it.
    checkbox({ checked }) {
      return checked ? "☑ " : "☐ ";
    },
    image({ href, text }) {
      return `<a href="${attribute(href)}">${attribute(text || href)}</a>`;
    },
  },
});

DOMPurify.addHook("afterSanitizeAttributes", (element) => {
  if (element.tagName !== "A") return;
  element.setAttribute("target", "_blank");
  element.setAttribute("rel", "noopener noreferrer");
});

export function renderMarkdown(source: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parse(source, { async: false }), {
    RETURN_DOM_FRAGMENT: true,
    ALLOW_DATA_ATTR: false,
    FORBID_ATTR: ["style", "id", "name"],
    FORBID_TAGS: [
      "style",
      "form",
      "input",
      "button",
      "textarea",
      "select",
      "img",
      "video",
      "audio",
      "picture",
      "svg",
      "math",
    ],
  });
  for (const code of fragment.querySelectorAll("pre"))
    frame(code, /\blanguage-(\S+)/.exec(code.firstElementChild?.className ?? "")?.[1]);
  for (const table of fragment.querySelectorAll("table")) scroller(table);
  for (const element of fragment.querySelectorAll("p, li, blockquote, h1, h2, h3, h4, h5, h6, td, th"))
    element.setAttribute("dir", "auto");
  return fragment;
}

/** A block of code with a button that copies it. `language` is shown beside it. */
export function codeFrame(language: string): { frame: HTMLElement; code: HTMLElement } {
  const pre = document.createElement("pre");
  const code = document.createElement("code");
  pre.append(code);
  return { frame: frame(pre, language), code };
}

function frame(pre: HTMLElement, language = ""): HTMLElement {
  const figure = document.createElement("figure");
  figure.className = "code";
  const head = document.createElement("figcaption");
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "link";
  copy.textContent = "Copy";
  copy.setAttribute("aria-label", "Copy code");
  copy.addEventListener("click", () => {
    navigator.clipboard.writeText(pre.textContent ?? "").then(
      () => show(copy, "Copied"),
      () => show(copy, "Not allowed"),
    );
  });
  head.append(document.createTextNode(language), copy);
  pre.replaceWith(figure);
  pre.tabIndex = 0;
  pre.setAttribute("dir", "ltr");
  figure.append(head, pre);
  return figure;
}

function show(button: HTMLButtonElement, text: string): void {
  button.textContent = text;
  setTimeout(() => {
    button.textContent = "Copy";
  }, 1_500);
}

function scroller(table: Element): void {
  const box = document.createElement("div");
  box.className = "scroller";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Table");
  table.replaceWith(box);
  box.append(table);
}

function attribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
