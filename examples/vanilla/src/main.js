import { WebSocketAgent } from "langgraph-sluice/client";

// The thread is part of the address: a reload shows it again.
location.hash ||= crypto.randomUUID();

const agent = new WebSocketAgent({
  url: `${location.origin.replace("http", "ws")}/ws`,
  threadId: location.hash.slice(1),
  onState: ({ status }) => {
    // After a cut the agent connects again by itself, and the answer goes on where it was.
    one("[role=status]").textContent = status === "waiting" ? "Connecting …" : "";
  },
});
agent.subscribe({ onMessagesChanged: show, onRunFinalized: show, onRunErrorEvent: ({ event }) => fail(event) });
one("form").addEventListener("submit", send);
one("#stop").addEventListener("click", () => agent.abortRun()); // cancels the run on the server

// The thread as it stands: its messages, the question that is open, and the answer that is under way.
await follow(agent.connectAgent());

function send(event) {
  event.preventDefault();
  const { message } = event.target.elements;
  agent.addMessage({ id: crypto.randomUUID(), role: "user", content: message.value });
  message.value = "";
  void follow(agent.runAgent());
}

function answer(approved) {
  const payload = { approved };
  const resume = agent.pendingInterrupts.map(({ id }) => ({ interruptId: id, status: "resolved", payload }));
  void follow(agent.runAgent({ resume }));
}

/** Shows a run while it is active, and what became of it. */
async function follow(run) {
  one("[role=alert]").textContent = "";
  show();
  await run.catch(fail);
  show();
}

function fail({ message }) {
  one("[role=alert]").textContent = message;
}

function show() {
  const results = new Map(agent.messages.map((message) => [message.toolCallId, message.content]));
  const questions = agent.isRunning ? [] : agent.pendingInterrupts;
  one("[role=log]").replaceChildren(
    ...agent.messages.flatMap((message) => said(message, results)),
    ...questions.map(question),
  );
  one("#send").hidden = agent.isRunning;
  one("#send").disabled = agent.isRunning || questions.length > 0; // also keeps the Enter key from sending
  one("#stop").hidden = !agent.isRunning;
}

/** What a person or the agent said, and the tools that the agent called with it. */
function said({ role, content, toolCalls = [] }, results) {
  return [
    ...(["user", "assistant"].includes(role) && content ? [element("p", role, content)] : []),
    ...toolCalls.map(({ id, function: { name } }) => element("p", "tool", `Tool ${name}: ${results.get(id) ?? "…"}`)),
  ];
}

function question({ message }) {
  const approve = element("button", "", "Approve");
  const reject = element("button", "", "Reject");
  approve.addEventListener("click", () => answer(true));
  reject.addEventListener("click", () => answer(false));
  return element("p", "question", message, " ", approve, " ", reject);
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function one(selector) {
  return document.querySelector(selector);
}
