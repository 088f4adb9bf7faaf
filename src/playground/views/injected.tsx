import type { InjectedMessage } from "../../client/injected.ts";
import { conversation } from "../state/chat.ts";
import { watching } from "../state/session.ts";
import { discard, sendNow } from "../state/steering.ts";

const STATES = {
  sending: "Sending",
  waiting: "Waits until the agent takes it",
  returned: "Returned: the run ended without it",
};

/** The messages that were sent into a run and are not in the conversation. */
export function Injected() {
  return (
    <>
      {conversation.value.injected.value.map((message) => (
        <Message key={message.id} message={message} />
      ))}
    </>
  );
}

function Message({ message }: { message: InjectedMessage }) {
  const { id, content, state, problem } = message;
  return (
    <article class="user injected" aria-label="Sent into the run">
      <div class="bubble" dir="auto">
        {content}
      </div>
      <div class="row small quiet">
        <span role="status">{problem ?? STATES[state]}</span>
        {state === "returned" && !watching.value && (
          <>
            <button type="button" class="link" onClick={() => void sendNow(message)}>
              Send now
            </button>
            <button type="button" class="link" onClick={() => discard(id)}>
              Discard
            </button>
          </>
        )}
      </div>
    </article>
  );
}
