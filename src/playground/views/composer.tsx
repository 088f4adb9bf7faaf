import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ContentPart } from "../../protocol/events.ts";
import { busy, conversation, send, stop } from "../state/chat.ts";
import { draftOf, keepDraft, MESSAGE } from "../state/drafts.ts";
import { agent, agents, threadId } from "../state/session.ts";
import type { Attachment } from "./attachments.ts";
import { focusMessage } from "./focus.ts";
import { Icon } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { size } from "./readable.ts";

const Attached = lazy(async () => (await import("../seldom.ts")).Attached);

/** The most bytes of a message. Sluice accepts 1 MiB by default; the rest is left for the JSON around it. */
const MOST_BYTES = 1_000_000;
/** The largest height of the message box, in pixels. More lines scroll. */
const TALLEST = 240;

export function Composer() {
  const text = draftOf(MESSAGE, "");
  const setText = (typed: string) => keepDraft(MESSAGE, typed);
  const [attached, setAttached] = useState<readonly Attachment[]>([]);
  const [problem, setProblem] = useState("");
  const [dropping, setDropping] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const waiting = conversation.value.interrupts.value.length > 0;
  const active = conversation.value.run.value !== undefined;
  const empty = text.trim() === "" && attached.length === 0;

  // Fits the height of the message box to its text.
  useLayoutEffect(() => {
    if (!area.current) return;
    area.current.style.height = "auto";
    area.current.style.height = `${Math.min(TALLEST, area.current.scrollHeight)}px`;
  }, [text]);

  const known = agents.value.length > 0;
  useEffect(() => {
    if (known) focusMessage();
  }, [known, threadId.value]);

  const add = async (files: Iterable<File>) => {
    setProblem("");
    const { attach } = await import("../seldom.ts");
    for (const file of files) {
      try {
        const one = await attach(file);
        setAttached((before) => [...before, one]);
      } catch (thrown) {
        setProblem(thrown instanceof Error ? thrown.message : String(thrown));
      }
    }
  };
  // Files may be dropped anywhere on the page. Outside a drop target, the browser would open the file in place of the
  // page.
  useEffect(() => {
    const dragged = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setDropping(event.type === "dragover");
      if (event.type === "drop") void add(event.dataTransfer.files);
    };
    const kinds = ["dragover", "dragleave", "drop"] as const;
    for (const kind of kinds) addEventListener(kind, dragged);
    return () => {
      for (const kind of kinds) removeEventListener(kind, dragged);
    };
  }, []);
  const submit = () => {
    if (empty || waiting || (busy.value && !active)) return;
    if (active && attached.length > 0)
      return setProblem("An active run takes text only. Send files when it has ended.");
    const bytes = attached.reduce((sum, one) => sum + one.bytes, new TextEncoder().encode(text).length);
    if (bytes > MOST_BYTES) {
      setProblem(`This is ${size(bytes)}; a message may have 1 MiB in all.`);
      return;
    }
    const parts: ContentPart[] = [
      ...(text.trim() === "" ? [] : [{ type: "text" as const, text }]),
      ...attached.map(({ part }) => part),
    ];
    setText("");
    setAttached([]);
    setProblem("");
    if (active) void steer(text);
    else void send(attached.length > 0 ? parts : text);
  };

  return (
    <form
      class={dropping ? "composer dropping" : "composer"}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {attached.length > 0 && <Attached attached={attached} onChange={setAttached} />}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="box">
        <textarea
          id="message"
          ref={area}
          rows={1}
          aria-label="Message"
          placeholder={waiting ? "Answer the question first" : `Message ${agent.value || "the agent"}`}
          dir="auto"
          value={text}
          disabled={!known}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            submit();
          }}
          onPaste={(event) => {
            const files = event.clipboardData?.files;
            if (files && files.length > 0) {
              event.preventDefault();
              void add([...files]);
            }
          }}
        />
        <input
          ref={picker}
          type="file"
          multiple
          class="hidden"
          tabIndex={-1}
          aria-label="Files to attach"
          onChange={({ currentTarget }) => {
            void add([...(currentTarget.files ?? [])]);
            currentTarget.value = "";
          }}
        />
        <button
          type="button"
          class="button icon bare"
          aria-label="Attach files"
          title="Attach files or images"
          onClick={() => picker.current?.click()}
        >
          <Icon name="clip" />
        </button>
        {active && !empty && (
          <button type="submit" class="button icon" aria-label="Send into the run" title="Send into the run (Enter)">
            <Icon name="send" />
          </button>
        )}
        {busy.value ? (
          <button type="button" class="button icon primary" aria-label="Stop" title="Stop" onClick={() => void stop()}>
            <Icon name="stop" />
          </button>
        ) : (
          <button
            type="submit"
            class="button icon primary"
            aria-label="Send"
            title="Send (Enter)"
            disabled={empty || waiting}
          >
            <Icon name="send" />
          </button>
        )}
      </div>
    </form>
  );
}

async function steer(text: string): Promise<void> {
  await (await import("../seldom.ts")).steer(text);
}
