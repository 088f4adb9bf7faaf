/** Text that was typed and not sent yet. A draft survives its form, a lost connection and a reload of the page. */
import { effect, signal } from "@preact/signals";

const KEY = "sluice.drafts";

type Drafts = Readonly<Record<string, unknown>>;

const drafts = signal<Drafts>(stored());
effect(() => store(JSON.stringify(drafts.value)));

/** The draft of the message. It belongs to the page and stays when the thread or the agent changes. */
export const MESSAGE = "message";

/** Returns a draft by its name. A component that reads it is drawn again when it changes. */
export function draftOf<T>(name: string, initial: T): T {
  return (drafts.value[name] as T | undefined) ?? initial;
}

export function keepDraft(name: string, value: unknown): void {
  drafts.value = { ...drafts.value, [name]: value };
}

/** Forgets the drafts with these names. Returns a function that brings them back. */
export function takeDrafts(names: readonly string[]): () => void {
  const taken = names.map((name) => [name, drafts.value[name]] as const);
  drafts.value = Object.fromEntries(Object.entries(drafts.value).filter(([name]) => !names.includes(name)));
  return () => {
    drafts.value = { ...Object.fromEntries(taken), ...drafts.value };
  };
}

export function forgetDrafts(): void {
  drafts.value = {};
}

function stored(): Drafts {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Drafts;
  } catch {
    return {}; // Some browsers refuse storage; a draft then lasts as long as the page.
  }
}

function store(text: string): void {
  try {
    sessionStorage.setItem(KEY, text);
  } catch {
    // Without storage, the draft lasts as long as the page.
  }
}
