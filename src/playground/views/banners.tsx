import { useEffect, useState } from "preact/hooks";
import { conversation } from "../state/chat.ts";
import { transport } from "../state/session.ts";
import { asked, doorError, loadAgents, noWebSocket, refused } from "../state/start.ts";
import { lazy } from "./lazy.tsx";

const NoWebSocket = lazy(async () => (await import("./later.tsx")).NoWebSocket);
const Refused = lazy(async () => (await import("./later.tsx")).Refused);
const Missed = lazy(async () => (await import("./later.tsx")).Missed);

/** A loss shorter than this shows no notice. */
const PATIENCE_MS = 400;

/** Shows why the page cannot work: one notice at a time, the most important first. */
export function Banners() {
  const line = transport.value;
  const state = line?.state.value;
  if (asked.value === "in" || asked.value === "again") return null;
  if (refused.value) return <Refused />;
  if (noWebSocket.value) return <NoWebSocket />;
  if (doorError.value) return <Gone retryAt={undefined} onTry={() => void loadAgents()} />;
  if (line && (state?.status === "waiting" || (state?.status === "connecting" && state.error)))
    return <Gone retryAt={state.retryAt} onTry={() => line.retryNow()} />;
  return conversation.value.missed.value ? <Missed /> : null;
}

function Gone({ retryAt, onTry }: { retryAt: number | undefined; onTry: () => void }) {
  const [late, setLate] = useState(false);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const patience = setTimeout(() => setLate(true), PATIENCE_MS);
    const clock = setInterval(() => setNow(Date.now()), 250);
    return () => {
      clearTimeout(patience);
      clearInterval(clock);
    };
  }, []);
  if (!late) return null;
  const seconds = retryAt === undefined ? undefined : Math.max(0, Math.ceil((retryAt - now) / 1_000));
  return (
    <div class="banner warn">
      <p>
        <strong role="status">The server cannot be reached.</strong> Nothing is lost: the page catches up on what it
        missed. {seconds === undefined ? "Trying again." : `Trying again in ${seconds} s.`}
      </p>
      <button type="button" class="button" onClick={onTry}>
        Try now
      </button>
    </div>
  );
}
