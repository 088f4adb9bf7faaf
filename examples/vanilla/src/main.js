import { WebSocketAgent } from "langgraph-sluice/client";

// The thread is part of the address: a reload shows it again.
location.hash ||= crypto.randomUUID();

const agent = new WebSocketAgent({
  url: `${location.origin.replace("http", "ws")}/ws`,
  threadId: location.hash.slice(1),
  onState: ({ status }) => {
    // After a lost connection the agent reconnects by itself, and the answer continues.
    one("[role=status]").textContent = status === "waiting" ? "Connecting …" : "";
  },
});
agent.subscribe({ onMessagesChanged: show, onRunFinalized: show, onRunErrorEvent: ({ event }) => fail(event) });
one("form").addEventListener("submit", send);
one("#stop").addEventListener("click", () => agent.abortRun()); // cancels the run on the server

// Loads the thread: its messages, an open question, and an answer in progress.
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

/** Shows a run while it is active, and its result. */
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

/** Returns the elements of a message and of its tool calls. */
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
