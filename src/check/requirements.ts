/** The requirements of docs/binding.md that can be checked from outside, by number. A test compares both. */

export const CHAPTERS = {
  1: "Request and response",
  2: "Sequence",
  3: "Ends",
  4: "Text",
  5: "Pace",
  6: "Positions",
  7: "Resuming",
  8: "WebSocket with frames",
  9: "Cancelling",
  10: "Watching",
  11: "Keep-alive",
  12: "Slow readers",
  13: "WebSocket with bare events",
} as const;

export const REQUIREMENTS = {
  "1.1": "The response to a run MUST have the status 200 and the type `text/event-stream`.",
  "1.2": "Each event MUST be one JSON object in a `data:` field, without an `event:` field.",
  "1.3": "A body that is no `RunAgentInput` MUST be refused with a status from 400 to 499, before any event.",
  "1.4": "The response MUST end by itself after the terminal event.",
  "1.5": "The response MUST have `Cache-Control: no-cache, no-transform`, or `no-store` in place of `no-cache`.",
  "2.1": "Each event MUST have the shape that AG-UI's schema gives its type.",
  "2.2": "The first event of a run that could start MUST be `RUN_STARTED`, with the input's `threadId` and `runId`.",
  "2.3": "A span MUST be opened before it is continued or closed, and MUST NOT be opened while it is open.",
  "2.4": "No span may be open at `RUN_FINISHED`.",
  "2.5": "Nothing of a run may follow its terminal event.",
  "2.6": "`RUN_FINISHED` MUST name the run that `RUN_STARTED` named.",
  "2.7": "A `TOOL_CALL_RESULT` MUST belong to a call that was announced.",
  "3.1": "A response MUST NOT end cleanly before the run's terminal event: `RUN_FINISHED` or `RUN_ERROR`.",
  "4.1": "Each delta MUST be well-formed Unicode by itself: no half of a surrogate pair, and no replacement character.",
  "4.2": "The deltas of a message MUST add up to the message that the thread holds afterwards.",
  "4.3": "The thread MUST hold a user's text as it was sent, in any script.",
  "5.1": "The pieces of an answer SHOULD NOT arrive in one burst.",
  "5.2": "The pieces of an answer SHOULD arrive when they are made.",
  "5.3": "One pause SHOULD NOT take most of a message's time.",
  "6.1": "A position MUST be an epoch and an offset, such as `f05170fd8823:17`.",
  "6.2": "Positions MUST grow within an epoch, and the epoch MUST NOT change within a run.",
  "6.3": "The last event MUST have a position.",
  "7.1": "A request that is sent a second time MUST attach to the run of the first one and send the same events.",
  "7.2": "With `Last-Event-ID` the response MUST go on after that position, with no event lost or sent twice.",
  "7.3": "The same `runId` with another body MUST be refused before any event.",
  "7.4":
    "If the server cannot continue after a position, it MUST send a gap, and then the current state of the thread.",
  "7.5": "A reader that loses its line MUST NOT end the run, as long as it comes back in time.",
  "8.1": "The server MUST agree to the subprotocol, and refuse the handshake for one that it does not know.",
  "8.2": "The first frame MUST be `hello`, and no later frame may be `hello`.",
  "8.3": "Each frame from the server MUST be a JSON object of a known shape, with `v` and `type`.",
  "8.4":
    "An `ack` to a `run` MUST come before the run's events, with the topic, the run, and the position before the run's first event.",
  "8.5": "Positions MUST be dense: each event's offset is the last one's plus `n`.",
  "8.6": "A frame that cannot be understood MUST be answered by `error`, and MUST NOT close the socket.",
  "8.7": "A socket that subscribes after a position MUST be sent what follows it, with no event lost or sent twice.",
  "8.8": "After the `ack` to `unsubscribe` no event of the topic may follow.",
  "8.9": "A binary message MUST close the socket with 1003.",
  "9.1": "`cancel` MUST end the run with `RUN_FINISHED` and the outcome `cancelled`, for every client that follows it.",
  "9.2": "`cancel` where nothing runs MUST be answered by `error` with the code `not_found`.",
  "10.1": "Two readers of a thread MUST be sent the same events.",
  "10.2": "A reader that comes later without a position MUST be sent the thread as one legal sequence.",
  "11.1": "`ping` MUST be answered by `pong`.",
  "11.2": "A `heartbeat` MUST come as often as `hello` says.",
  "12.1": "A reader that stops for a while MUST find every event afterwards, or be cut.",
  "12.2": "A reader that stops MUST NOT hold up another.",
  "13.1": "Each message MUST be one event, without an envelope, in the sequence of chapter 2.",
  "13.2": '`{"type":"cancel"}` MUST end the run with the outcome `cancelled`.',
} as const;

export type RequirementId = keyof typeof REQUIREMENTS;

export function chapterOf(id: RequirementId): string {
  return id.slice(0, id.indexOf("."));
}
