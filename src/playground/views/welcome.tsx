import { busy, send } from "../state/chat.ts";
import { agent, agents } from "../state/session.ts";

/** Shows the agent's name and suggestions in an empty conversation. */
export function Welcome() {
  const current = agents.value.find(({ name }) => name === agent.value);
  if (!current) return null;
  const prompts = current.prompts ?? [];
  return (
    <div class="welcome">
      <h2>{current.name}</h2>
      {current.description && <p class="quiet">{current.description}</p>}
      {!current.description && prompts.length === 0 && (
        <p class="quiet small">
          To introduce the agent here, set <code>description</code> and <code>prompts</code> in its configuration.
        </p>
      )}
      {prompts.length > 0 && (
        <ul class="prompts" aria-label="Suggestions">
          {prompts.map((prompt) => (
            <li key={prompt}>
              <button type="button" disabled={busy.value} onClick={() => void send(prompt)}>
                {prompt}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Notes that a demo model answers, because there is no API key. */
export function DemoNote() {
  const current = agents.value.find(({ name }) => name === agent.value);
  if (!current?.demo) return null;
  return (
    <p class="demo">
      A built-in demo model answers. For a real one set <code>OPENAI_API_KEY</code> or <code>OPENAI_BASE_URL</code> in{" "}
      <code>.env</code> and start the server again.
    </p>
  );
}
