import { useState } from "preact/hooks";
import { announcer } from "../state/announcer.ts";
import { Banners } from "./banners.tsx";
import { Composer } from "./composer.tsx";
import { ConversationView } from "./conversation-view.tsx";
import { RunStatus } from "./run-status.tsx";
import { Sidebar } from "./sidebar.tsx";
import { Topbar } from "./topbar.tsx";
import { UnderTheHood } from "./under-the-hood.tsx";
import { DemoNote } from "./welcome.tsx";

export function App() {
  /** On a phone the conversations are behind a button. */
  const [menu, setMenu] = useState(false);
  return (
    <div class={menu ? "app menu-open" : "app"}>
      <Sidebar onLeave={() => setMenu(false)} />
      {/* For a pointer; the keyboard has Escape, and the button that opened it. */}
      <div class="veil" onClick={() => setMenu(false)} aria-hidden="true" />
      <main>
        <Topbar onMenu={() => setMenu(!menu)} menuOpen={menu} />
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
      <LiveRegion />
    </div>
  );
}

/** What a screen reader says, a sentence at a time. */
function LiveRegion() {
  return (
    <div class="hidden" role="log" aria-live="polite" aria-label="Announcements">
      {announcer.sentences.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
