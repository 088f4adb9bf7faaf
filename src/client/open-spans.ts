/** The spans that a run has opened and not closed. */
import { type BaseEvent, EventType } from "@ag-ui/client";
import type { AguiEvent } from "../protocol/events.ts";

export class OpenSpans {
  /** The closing event of each open span, in the order in which the spans were opened. */
  readonly #closers = new Map<string, AguiEvent>();
  /** The text of the open reasoning so far, by message id. */
  readonly reasoning = new Map<string, string>();

  push(event: AguiEvent): void {
    this.#follow(event);
    switch (event.type) {
      case EventType.REASONING_START:
        this.reasoning.set(event.messageId, "");
        break;
      case EventType.REASONING_MESSAGE_CONTENT:
        this.reasoning.set(event.messageId, (this.reasoning.get(event.messageId) ?? "") + event.delta);
        break;
      case EventType.REASONING_END:
        this.reasoning.delete(event.messageId);
        break;
      default: // No reasoning.
    }
  }

  /** Closes all spans, the last opened first. */
  close(): BaseEvent[] {
    const closers = [...this.#closers.values()].reverse();
    this.#closers.clear();
    this.reasoning.clear();
    return closers as BaseEvent[];
  }

  #follow(event: AguiEvent): void {
    const closers = this.#closers;
    switch (event.type) {
      case EventType.TEXT_MESSAGE_START:
        closers.set(`text:${event.messageId}`, { type: EventType.TEXT_MESSAGE_END, messageId: event.messageId });
        break;
      case EventType.TEXT_MESSAGE_END:
        closers.delete(`text:${event.messageId}`);
        break;
      case EventType.TOOL_CALL_START:
        closers.set(`call:${event.toolCallId}`, { type: EventType.TOOL_CALL_END, toolCallId: event.toolCallId });
        break;
      case EventType.TOOL_CALL_END:
        closers.delete(`call:${event.toolCallId}`);
        break;
      case EventType.REASONING_START:
        closers.set(`reasoning:${event.messageId}`, { type: EventType.REASONING_END, messageId: event.messageId });
        break;
      case EventType.REASONING_END:
        closers.delete(`reasoning:${event.messageId}`);
        break;
      case EventType.REASONING_MESSAGE_START:
        closers.set(`thought:${event.messageId}`, {
          type: EventType.REASONING_MESSAGE_END,
          messageId: event.messageId,
        });
        break;
      case EventType.REASONING_MESSAGE_END:
        closers.delete(`thought:${event.messageId}`);
        break;
      case EventType.STEP_STARTED: {
        const { stepName, subagentRunId } = event;
        const owner = subagentRunId === undefined ? {} : { subagentRunId };
        closers.set(`step:${stepName}`, { type: EventType.STEP_FINISHED, stepName, ...owner });
        break;
      }
      case EventType.SUBAGENT_STARTED: {
        const { subagentRunId } = event;
        closers.set(`subagent:${subagentRunId}`, { type: EventType.SUBAGENT_FINISHED, subagentRunId });
        break;
      }
      case EventType.SUBAGENT_FINISHED:
      case EventType.SUBAGENT_ERROR:
        closers.delete(`subagent:${event.subagentRunId}`);
        break;
      case EventType.STEP_FINISHED:
        closers.delete(`step:${event.stepName}`);
        break;
      default: // Opens and closes nothing.
    }
  }
}
