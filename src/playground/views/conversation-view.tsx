import { useEffect, useRef, useState } from "preact/hooks";
import { keyOf } from "../conversation/item-list.ts";
import type { AnsweredItem, Item } from "../conversation/items.ts";
import { busy, conversation, sending } from "../state/chat.ts";
import { watching } from "../state/session.ts";
import { Answer, Reasoning } from "./answer.tsx";
import { Icon } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { RunEnd } from "./run-end.tsx";
import { ToolCard } from "./tool-card.tsx";
import { UserMessage } from "./user-message.tsx";
import { Welcome } from "./welcome.tsx";

const Injected = lazy(async () => (await import("../seldom.ts")).Injected);
const StatePanel = lazy(async () => (await import("./later.tsx")).StatePanel);
const Interrupts = lazy(async () => (await import("./later.tsx")).Interrupts);

/** The view stays at the end if it is at most this many pixels away from it. */
const NEAR = 80;

export function ConversationView() {
  const { items, known, run, interrupts, injected, state } = conversation.value;
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const stays = useRef(true);
  const [away, setAway] = useState(false);

  useEffect(() => {
    const [box, inside] = [scroller.current, content.current];
    if (!box || !inside) return undefined;
    // The content's height when the page last scrolled by itself. The scroll event may arrive after the height has
    // changed.
    let height = 0;
    const toEnd = () => {
      height = box.scrollHeight;
      if (stays.current) box.scrollTop = height;
      else scrolled();
    };
    const scrolled = () => {
      stays.current = Math.min(height, box.scrollHeight) - box.scrollTop - box.clientHeight < NEAR;
      setAway(!stays.current);
    };
    const sizes = new ResizeObserver(toEnd);
    sizes.observe(inside);
    sizes.observe(box);
    box.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      sizes.disconnect();
      box.removeEventListener("scroll", scrolled);
    };
  }, []);

  // Scrolls to the end when a thread is opened or a message is sent.
  const asked = items.value.findLast(({ kind }) => kind === "user")?.id;
  useEffect(() => {
    stays.current = true;
    if (asked !== undefined && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [asked]);

  const empty = items.value.length === 0 && !run.value && !sending.value;
  return (
    <div class="scroll-frame">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach an element that scrolls */}
      <section class="conversation" aria-label="Conversation" tabIndex={0} ref={scroller}>
        <div class="column" ref={content}>
          {items.value.map((item) => (
            <ItemView key={keyOf(item)} item={item} />
          ))}
          {state.value && <StatePanel />}
          {interrupts.value.length > 0 && !watching.value && <Interrupts />}
          {injected.value.length > 0 && <Injected />}
          {busyWith(items.value.at(-1)) && <Pending />}
          {empty && known.value && <Welcome />}
        </div>
      </section>
      {away && (
        <button
          type="button"
          class="button latest"
          onClick={() => scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior: "smooth" })}
        >
          <Icon name="down" /> Latest
        </button>
      )}
    </div>
  );
}

/** Returns whether a request has no answer yet. */
function busyWith(last: Item | undefined): boolean {
  return busy.value && (last === undefined || last.kind === "user" || last.kind === "end" || last.kind === "answered");
}

function Pending() {
  return (
    <p class="pending">
      <span class="hidden">Waiting for the answer</span>
    </p>
  );
}

function Answered({ item }: { item: AnsweredItem }) {
  return (
    <>
      {item.answers.map(({ question, answer }, index) => (
        <section class="question given" key={index} aria-label="Your answer">
          <p class="quiet small asked" dir="auto">
            {question.replaceAll("\n\n", "\n")}
          </p>
          <p class="given-answer" dir="auto">
            {answer}
          </p>
        </section>
      ))}
    </>
  );
}

function ItemView({ item }: { item: Item }) {
  switch (item.kind) {
    case "user":
      return <UserMessage item={item} />;
    case "text":
      return <Answer item={item} />;
    case "reasoning":
      return <Reasoning item={item} />;
    case "tool":
      return <ToolCard item={item} />;
    case "end":
      return <RunEnd item={item} />;
    case "answered":
      return <Answered item={item} />;
  }
}
