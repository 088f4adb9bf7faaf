import { useEffect, useRef, useState } from "preact/hooks";
import { announcer } from "../state/announcer.ts";
import { busy, stop } from "../state/chat.ts";
import { asked } from "../state/start.ts";
import { Banners } from "./banners.tsx";
import { Composer } from "./composer.tsx";
import { ConversationView } from "./conversation-view.tsx";
import { lazy } from "./lazy.tsx";
import { RunStatus } from "./run-status.tsx";
import { Sidebar } from "./sidebar.tsx";
import { Topbar } from "./topbar.tsx";
import { UnderTheHood } from "./under-the-hood.tsx";
import { DemoNote } from "./welcome.tsx";

const SignIn = lazy(async () => (await import("../seldom.ts")).SignIn);

export function App() {
  /** On a phone the conversations are a drawer that a button opens. */
  const [menu, setMenu] = useState(false);
  const menuButton = useRef<HTMLButtonElement>(null);
  const leave = () => {
    if (!menu) return;
    setMenu(false);
    // The page is inert until the next drawing, so the focus is set after it.
    setTimeout(() => menuButton.current?.focus());
  };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing && busy.peek()) void stop();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return (
    <div class={menu ? "app menu-open" : "app"}>
      <button type="button" class="skip button" onClick={() => document.getElementById("message")?.focus()}>
        Skip to the message box
      </button>
      <Sidebar onLeave={leave} drawer={menu} />
      {/* For a pointer; the keyboard has Escape. */}
      <div class="veil" onClick={leave} aria-hidden="true" />
      <main inert={menu}>
        <Topbar onMenu={() => setMenu(true)} menuOpen={menu} menuButton={menuButton} />
        <Banners />
        <ConversationView />
        <div class="foot">
          <div class="column">
            <RunStatus />
            <Composer />
            <DemoNote />
          </div>
        </div>
      </main>
      <UnderTheHood />
      {asked.value && <SignIn />}
      <LiveRegion />
    </div>
  );
}

/** The sentences for a screen reader, one at a time. */
function LiveRegion() {
  return (
    <div class="hidden" role="log" aria-live="polite" aria-label="Announcements">
      {announcer.sentences.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
