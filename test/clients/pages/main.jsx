/** One page for each client: the same few elements, filled by the client's library. */

import * as client from "client";
import { useState } from "react";
import { createRoot } from "react-dom/client";

const parameters = new URLSearchParams(location.search);
const place = Object.fromEntries(["base", "agent", "thread"].map((name) => [name, parameters.get(name)]));

/** Shows the messages and calls as lines, and the controls. */
function Page({ lines, question, running, send, stop, answer }) {
  const [draft, setDraft] = useState("");
  return (
    <main>
      <ol role="log" aria-label="Conversation">
        {lines.map((line, index) => (
          <li key={index}>{line}</li>
        ))}
      </ol>
      {question === undefined ? null : (
        <p>
          {question}{" "}
          <button type="button" onClick={() => answer("yes")}>
            Yes
          </button>
        </p>
      )}
      {send && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            send(draft);
            setDraft("");
          }}
        >
          <input aria-label="Message" value={draft} onChange={(event) => setDraft(event.target.value)} />
          <button type="submit">Send</button>
        </form>
      )}
      {running && stop ? (
        <button type="button" onClick={stop}>
          Stop
        </button>
      ) : null}
      <p role="status">{running ? "running" : "quiet"}</p>
    </main>
  );
}

function App() {
  return <Page {...client.useClient(place)} />;
}

const root = createRoot(document.getElementById("root"));
const Surrounding = client.Surrounding ?? (({ children }) => children);
root.render(
  <Surrounding {...place}>
    <App />
  </Surrounding>,
);
