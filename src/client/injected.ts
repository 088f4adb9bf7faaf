/** Builds, from a thread's events, the list of messages that were sent into runs and are not in the thread. Pure. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { InjectedReport } from "../protocol/injected.ts";

/** A message that was sent into a run, and that the thread does not have. */
export interface InjectedMessage {
  readonly id: string;
  readonly content: string;
  /**
   * `sending`: the server has not confirmed it. `waiting`: the server keeps it until the graph takes it, which makes it
   * a message of the thread. `returned`: the run ended without it or did not get it, and the server no longer keeps it.
   */
  readonly state: "sending" | "waiting" | "returned";
  /** The reason, if the server refused the message. */
  readonly problem?: string;
}

type List = readonly InjectedMessage[];

/** The list after an event of the thread. */
export function injectedAfter(list: List, event: AguiEvent): List {
  switch (event.type) {
    case EventType.CUSTOM: {
      if (event.name !== "sluice.injected") return list;
      const { messageId: id, state, content = "" } = event.value as InjectedReport;
      return state === "taken" ? withoutInjected(list, [id]) : withInjected(list, { id, content, state });
    }
    case EventType.TEXT_MESSAGE_START:
      return event.role === "user" ? withoutInjected(list, [event.messageId]) : list;
    case EventType.RUN_STARTED:
      return withoutInjected(list, idsOf(event.input?.messages));
    case EventType.MESSAGES_SNAPSHOT:
      return withoutInjected(list, idsOf(event.messages));
    case EventType.RUN_FINISHED:
    case EventType.RUN_ERROR:
      // A run returns its messages before its end. After a gap that report is missing.
      return list.map((message) => (message.state === "waiting" ? { ...message, state: "returned" } : message));
    default:
      return list;
  }
}

/** Puts a message in the place of the one with its id, or at the end. */
export function withInjected(list: List, message: InjectedMessage): List {
  const index = list.findIndex(({ id }) => id === message.id);
  return index < 0 ? [...list, message] : list.with(index, message);
}

/** The same list, if none of them is in it. */
export function withoutInjected(list: List, ids: readonly string[]): List {
  const left = list.filter(({ id }) => !ids.includes(id));
  return left.length === list.length ? list : left;
}

function idsOf(messages: readonly { readonly id: string }[] = []): string[] {
  return messages.map(({ id }) => id);
}
