/** Parts of the graphs in the way that the examples of AG-UI's dojo are written, and runs of them. */
import type { BindToolsInput } from "@langchain/core/language_models/chat_models";
import { Annotation, type LangGraphRunnableConfig, MessagesAnnotation } from "@langchain/langgraph";
import type { AgentEntry } from "../../../src/config/agents.ts";
import { type AguiEvent, EventType, mergeDeltas, type RunAgentInput } from "../../../src/protocol/events.ts";
import { type TestRuns, testRuns } from "../../runs/scripted.ts";
import { SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";

/** Knows the tools that it was bound to last. */
export class DojoModel extends SteppedModel {
  bound: string[] = [];

  override bindTools(tools: BindToolsInput[] = []): this {
    this.bound = tools.map((bound) => {
      const { name, function: called } = bound as { name?: string; function?: { name: string } };
      return called?.name ?? String(name);
    });
    return this;
  }

  /** A call whose arguments come in pieces. */
  calling(name: string, id: string, ...pieces: string[]): this {
    const chunk = (args: string, first: boolean) =>
      this.chunk({
        content: "",
        tool_call_chunks: [{ type: "tool_call_chunk", index: 0, args, ...(first ? { id, name } : {}) }],
      });
    for (const [index, piece] of pieces.entries()) chunk(piece, index === 0);
    return this.end();
  }
}

export const HI = { id: "u1", role: "user" as const, content: "hi" };
const paint = { name: "paint", description: "Paints", parameters: { type: "object", properties: {} } };
export const theme = [{ description: "theme", value: "dark" }];

type Entry = Partial<AgentEntry>;

/** A page for a graph. Each call is a run of it, whose events both generations of clients take. */
export interface DojoPage {
  (input?: Partial<RunAgentInput>): Promise<AguiEvent[]>;
  readonly runs: TestRuns;
}

export function dojoPage(graph: object, entry: Entry = {}): DojoPage {
  const runs = testRuns({ agent: graph }, { entry });
  const run = async (input: Partial<RunAgentInput> = {}) => {
    const handle = await runs.start({ messages: [HI], tools: [paint], ...input });
    const events = await runs.eventsOf(handle);
    await runs.idle();
    await verifyRun(events);
    return events;
  };
  return Object.assign(run, { runs });
}

/** The events that a page reacts to, a line each. Neighbouring deltas may come as one. */
export function lines(events: readonly AguiEvent[]): string[] {
  const merged: AguiEvent[] = [];
  for (const event of events) {
    const last = merged.at(-1);
    const both = last && mergeDeltas(last, event);
    if (both) merged.pop();
    merged.push(both ?? event);
  }
  return merged.flatMap((event): string | string[] => {
    switch (event.type) {
      case EventType.TEXT_MESSAGE_CONTENT:
        return `text ${event.delta}`;
      case EventType.TOOL_CALL_START:
        return `call ${event.toolCallName}`;
      case EventType.TOOL_CALL_ARGS:
        return `args ${event.delta}`;
      case EventType.TOOL_CALL_RESULT:
        return `result ${String(event.content)}`;
      case EventType.STATE_SNAPSHOT:
        return `state ${JSON.stringify(event.snapshot)}`;
      case EventType.STATE_DELTA:
        return `delta ${JSON.stringify(event.delta)}`;
      case EventType.CUSTOM:
        return event.name.startsWith("sluice.") ? [] : `${event.name} ${JSON.stringify(event.value)}`;
      case EventType.RUN_FINISHED:
        return `finished ${JSON.stringify(event.outcome ?? {})}`;
      case EventType.STEP_STARTED:
        return `+${event.stepName}`;
      case EventType.STEP_FINISHED:
        return `-${event.stepName}`;
      default:
        return [];
    }
  });
}

export const withTools = { ...MessagesAnnotation.spec, tools: Annotation<{ name: string }[]>() };

/** Sets the wish as the dojo's graphs do: in the metadata of their node's config. */
export function wishing(config: LangGraphRunnableConfig, wish: object): LangGraphRunnableConfig {
  config.metadata = { ...config.metadata, ...wish };
  return config;
}
