/**
 * Sees model calls at the class: every call of a chat or completion model in this process goes through `invoke`,
 * `stream` or `generate` of LangChain's base class, with any callbacks. So a call that LangGraph does not see is
 * certain, and its line is known, even without a request. Each copy of LangChain that the graph may use is watched.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { isRecord } from "../protocol/input.ts";
import type { Activity } from "./activity.ts";
import { caller } from "./caller.ts";
import type { SeenCall } from "./evidence.ts";
import { type Method, type Prototype, prototypesFor, replaceMethod } from "./langchain-classes.ts";
import { saidIn } from "./said.ts";

export const MODELS = {
  "@langchain/core/language_models/chat_models": "BaseChatModel",
  "@langchain/core/language_models/llms": "BaseLLM",
} as const;

/** A call that is under way, with its text so far. */
interface Open {
  readonly call: SeenCall;
  readonly model: object;
  text: string;
}

export class ModelCalls {
  readonly calls: SeenCall[] = [];
  readonly #texts = new Map<SeenCall, () => string>();
  readonly #current = new AsyncLocalStorage<Open>();
  readonly #activity: Activity;
  readonly #undo: (() => void)[] = [];

  constructor(activity: Activity) {
    this.#activity = activity;
  }

  /**
   * Watches the copies of LangChain that code in `file` may use. Call it after the file was loaded, because some copies
   * are known only then.
   */
  async watch(file: string): Promise<void> {
    for (const prototype of await prototypesFor(file, MODELS)) this.#wrap(prototype);
  }

  stop(): void {
    for (const undo of this.#undo) undo();
  }

  /** Notes that LangGraph's callbacks have reached the current call. */
  reached(runId: string): void {
    const open = this.#current.getStore();
    if (open) open.call.runId ??= runId;
  }

  /** The calls, each with its text. */
  said(): [SeenCall, string][] {
    return this.calls.map((call) => [call, this.#texts.get(call)?.() ?? ""]);
  }

  #wrap(prototype: Prototype): void {
    const generate = prototype.generate as Method;
    this.#replace(prototype, "generate", (model, args) => {
      const [, options, callbacks] = args;
      const given = callbacks ?? (isRecord(options) ? options.callbacks : undefined);
      return this.#answering("generate", model, given, () => generate.apply(model, args) as Promise<unknown>);
    });
    const invoke = prototype.invoke as Method;
    this.#replace(prototype, "invoke", (model, args) =>
      this.#answering("invoke", model, callbacksOf(args[1]), () => invoke.apply(model, args) as Promise<unknown>),
    );
    const stream = prototype.stream as Method;
    this.#replace(prototype, "stream", (model, args) => {
      const open = this.#open("stream", model, callbacksOf(args[1]));
      return this.#current.run(open, () => stream.apply(model, args));
    });
    if (Object.hasOwn(prototype, "streamEvents")) this.#wrapEvents(prototype);
    const iterate = prototype._streamIterator as Method;
    this.#replace(prototype, "_streamIterator", (model, args) => {
      const within = this.#current.getStore();
      const open = within?.model === model ? within : this.#open("stream", model, callbacksOf(args[1]));
      const chunks = this.#current.run(open, () => iterate.apply(model, args)) as AsyncGenerator<unknown>;
      return this.#reading(open, chunks);
    });
  }

  /** `streamEvents` without a version is a model's own stream, which calls no callbacks. */
  #wrapEvents(prototype: Prototype): void {
    const streamEvents = prototype.streamEvents as Method;
    this.#replace(prototype, "streamEvents", (model, args) => {
      const ask = () => streamEvents.apply(model, args);
      if (isRecord(args[1]) && args[1].version !== undefined) return ask();
      return this.#current.run(this.#open("streamEvents", model, callbacksOf(args[1])), ask);
    });
  }

  #replace(prototype: Prototype, name: string, by: (model: object, args: unknown[]) => unknown): void {
    this.#undo.push(replaceMethod(prototype, name, by));
  }

  #open(method: SeenCall["method"], model: object, callbacks: unknown): Open {
    const place = caller();
    const { at, inContext, node } = this.#activity.here;
    const call: SeenCall = {
      method,
      className: model.constructor.name,
      place,
      node,
      inContext,
      inside: this.#current.getStore() !== undefined,
      callbacks: namesOf(callbacks),
      startedAt: at,
      characters: 0,
    };
    const open = { call, model, text: "" };
    if (this.#activity.running) {
      this.calls.push(call);
      this.#texts.set(call, () => open.text);
    }
    return open;
  }

  /**
   * A call inside a call of the same model counts as one call: `invoke` calls `generate`, and `stream` may do so too.
   */
  #answering(
    method: SeenCall["method"],
    model: object,
    callbacks: unknown,
    ask: () => Promise<unknown>,
  ): Promise<unknown> {
    const within = this.#current.getStore();
    if (within?.model === model) return ask();
    const open = this.#open(method, model, callbacks);
    const answer = this.#current.run(open, ask);
    answer.then(
      (value) => this.#ended(open, textOf(value)),
      (error: unknown) => this.#failed(open, error),
    );
    return answer;
  }

  /** A generator's body runs in the async context of its reader. Here it runs in the context of the call. */
  #reading(open: Open, chunks: AsyncGenerator<unknown>): AsyncGenerator<unknown> {
    const within = <T>(step: () => T) => this.#current.run(open, step);
    let text = "";
    const seen = (result: IteratorResult<unknown>) => {
      if (result.done) this.#ended(open, text);
      else text += textOf(result.value);
      return result;
    };
    const step = async (take: () => Promise<IteratorResult<unknown>>) => {
      try {
        return seen(await within(take));
      } catch (error) {
        this.#failed(open, error);
        throw error;
      }
    };
    const watched = {
      next: () => step(() => chunks.next()),
      return: (value: unknown) => within(() => chunks.return(value)),
      throw: (error: unknown) => within(() => chunks.throw(error)),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
    return watched as AsyncGenerator<unknown>;
  }

  #ended(open: Open, text: string): void {
    open.text = text;
    open.call.endedAt = this.#activity.here.at;
    open.call.characters = text.length;
  }

  #failed({ call }: Open, error: unknown): void {
    call.endedAt = this.#activity.here.at;
    call.failed = error instanceof Error ? error.message : String(error);
  }
}

function callbacksOf(options: unknown): unknown {
  return isRecord(options) ? options.callbacks : undefined;
}

/** The names of the handlers, of a list or of a manager; `undefined` where no callbacks were given. */
function namesOf(callbacks: unknown): string[] | undefined {
  if (callbacks === undefined || callbacks === null) return undefined;
  const handlers: unknown = Array.isArray(callbacks) ? callbacks : isRecord(callbacks) ? callbacks.handlers : [];
  return (Array.isArray(handlers) ? handlers : []).map((handler: unknown) => {
    if (!isRecord(handler)) return "a handler";
    return typeof handler.name === "string" ? handler.name : handler.constructor.name;
  });
}

/** The text of a model, from a message, a chunk, or the result of `generate`. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  const generation: unknown = isRecord(value) && Array.isArray(value.generations) ? value.generations.flat()[0] : value;
  return saidIn(isRecord(generation) && isRecord(generation.message) ? generation.message : generation);
}
