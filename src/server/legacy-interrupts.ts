/**
 * Interrupts as pages for LangGraph's earlier adapter know them: the graph's raw value in a custom event `on_interrupt`,
 * and the answer in `forwardedProps.command.resume`. Agents have it with `"interrupts": "legacy"`.
 */
import { type AguiEvent, EventType, type RunAgentInput } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import type { Visitor } from "../runs/visitor.ts";
import type { Format } from "./formats/format.ts";
import { answersOf } from "./langgraph/request.ts";
import { toInterrupts } from "./langgraph/values.ts";

/** Changes a format: a run that stopped to ask sends an event for each question, and then ends like a finished run. */
export function withLegacyInterrupts(format: Format): Format {
  return {
    ...format,
    encode(out) {
      if (out.type !== EventType.RUN_FINISHED) return format.encode(out);
      const { outcome, ...finished } = JSON.parse(out.json) as AguiEvent & { type: EventType.RUN_FINISHED };
      if (outcome?.type !== "interrupt") return format.encode(out);
      const { timestamp } = finished;
      const asked = toInterrupts(outcome.interrupts).map(({ value = null }) =>
        JSON.stringify({ type: EventType.CUSTOM, name: "on_interrupt", value, timestamp }),
      );
      return [
        ...asked.flatMap((json) => format.encode({ ...out, json, type: EventType.CUSTOM, cursor: undefined })),
        ...format.encode({ ...out, json: JSON.stringify(finished) }),
      ];
    },
  };
}

/**
 * Returns the input with the answer from its command.
 * @throws SluiceError `bad_request` when the thread waits for no answer, `interrupt_pending` when it waits for several.
 */
export async function withLegacyAnswer(visitor: Visitor, input: RunAgentInput): Promise<RunAgentInput> {
  const forwarded: unknown = input.forwardedProps;
  const command = isRecord(forwarded) ? forwarded.command : undefined;
  if (input.resume?.length || !isRecord(command) || command.resume === undefined) return input;
  const { interrupts } = await (await visitor.thread(input.threadId)).waiting();
  return { ...input, resume: answersOf(command.resume, interrupts) };
}
