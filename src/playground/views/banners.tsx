import { useEffect, useState } from "preact/hooks";
import { conversation } from "../state/chat.ts";
import { transport } from "../state/session.ts";
import { doorError, loadAgents, noWebSocket, threadError } from "../state/start.ts";
import type { LineError } from "../transport/transport.ts";
import { Icon } from "./icons.tsx";
import { lazy } from "./lazy.tsx";

const NoWebSocket = lazy(async () => (await import("./later.tsx")).NoWebSocket);

/** A line that comes back sooner is not worth a word. */
const PATIENCE_MS = 400;

/** Notices of what keeps the page from working, one at a time, the worst first. */
export function Banners() {
  const line = transport.value;
  const state = line?.state.value;
  const refused = [doorError.value, state?.status === "closed" ? state.error : undefined, threadError.value].find(
    (error) => error && error.code !== "unreachable",
  );
  if (refused) return <Refused error={refused} />;
  if (noWebSocket.value) return <NoWebSocket />;
  if (doorError.value) return <Gone retryAt={undefined} onTry={() => void loadAgents()} />;
  if (line && (state?.status === "waiting" || (state?.status === "connecting" && state.error)))
    return <Gone retryAt={state.retryAt} onTry={() => line.retryNow()} />;
  return <Missed />;
}

function Refused({ error: { code, message } }: { error: LineError }) {
  const signedOut = code === "unauthorized";
  return (
    <div class="banner bad" role="alert">
      <p>
        <strong>{signedOut ? "You are not signed in, or no longer." : "The server refuses this."}</strong>{" "}
        {signedOut ? "Sign in to the app that serves this page, in another tab. Then reload this one." : message}{" "}
        <code>{code}</code>
      </p>
      <button type="button" class="button" onClick={() => location.reload()}>
        <Icon name="again" /> Reload the page
      </button>
    </div>
  );
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

/** The thread came once more. The page shows all there is, but it did not see how it came about. */
function Missed() {
  const { missed } = conversation.value;
  if (!missed.value) return null;
  return (
    <div class="banner">
      <p>Events that came while this page was away are no longer kept. The conversation below is complete.</p>
      <button
        type="button"
        class="button"
        onClick={() => {
          missed.value = false;
        }}
      >
        Good
      </button>
    </div>
  );
}
