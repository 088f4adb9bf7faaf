/** One run, from the question to its end, over a connection of its own. */
import { WebSocket } from "ws";
import { type ConnectionError, SluiceConnection } from "../../client/connection.ts";
import { type AguiEvent, EventType, type Interrupt, type RunAgentInput } from "../../protocol/events.ts";
import { isRecord } from "../../protocol/input.ts";

/** The end of a run. The listener has been given the reason of `failed`. */
export type Ending =
  | { readonly kind: "answered" | "cancelled" | "failed" }
  /** There is no agent of this name. */
  | { readonly kind: "misnamed" }
  /** The graph asks. `refused`: it asked before, and this run did not begin. */
  | { readonly kind: "asked"; readonly interrupts: readonly Interrupt[]; readonly refused: boolean };

export interface RunListener {
  event(event: AguiEvent): void;
  /** Is called when events are lost. The next events repeat the thread from its beginning. */
  gap(): void;
  /** Shows a notice about the connection, as a sentence. */
  notice(text: string): void;
  /** Is called when the run could not begin, or its end is not known. */
  failed(code: string, message: string): void;
}

export interface RunRequest {
  /** The server's WebSocket. */
  readonly url: string;
  /** Sent with each request for a connection. */
  readonly headers: Readonly<Record<string, string>>;
  /** Default: the server's first agent. */
  readonly agent?: string;
  readonly input: RunAgentInput;
}

/** The attempts to reach a server for the first time, within a second. */
const FIRST_ATTEMPTS = 3;
/** The attempts to reconnect to a server, within half a minute. */
const LATER_ATTEMPTS = 8;

const SIGN_IN = 'The server wants a sign-in, or refuses this one. Give it: --header "Authorization: Bearer ...".';

/** Resolves when the run has ended, in whatever way. Aborting `stop` cancels it on the server. */
export function run(
  { url, headers, agent, input }: RunRequest,
  listener: RunListener,
  stop: AbortSignal,
): Promise<Ending> {
  const { threadId, runId } = input;
  return new Promise((resolve) => {
    let opened = false;
    let missed = false;
    const end = (ending: Ending) => {
      stop.removeEventListener("abort", cancel);
      following.unsubscribe();
      connection.close();
      resolve(ending);
    };
    const fail = ({ code, message }: { readonly code: string; readonly message: string }) => {
      listener.failed(code, code === "unauthorized" ? SIGN_IN : message);
      end({ kind: code === "not_found" ? "misnamed" : "failed" });
    };
    const cancel = () => {
      if (!opened) return end({ kind: "cancelled" });
      // Until the run is confirmed, another run may be active on the thread.
      following.confirmed
        .then(() => connection.cancel(threadId))
        .catch(({ code, message }: ConnectionError) => {
          if (code !== "not_found" && code !== "closed") listener.notice(message);
        });
    };

    const connection = new SluiceConnection({
      url,
      WebSocket: class extends WebSocket {
        constructor(address: string, protocol: string) {
          super(address, protocol, { headers });
        }
      },
      onState(state) {
        if (state.status === "open") {
          if (opened) listener.notice("The connection is back.");
          opened = true;
        } else if (state.status === "waiting") {
          const { attempt, error } = state;
          if (attempt >= (opened ? LATER_ATTEMPTS : FIRST_ATTEMPTS)) fail(unreachable(url, error.message));
          else if (opened && attempt === 1) listener.notice("The connection is lost. Trying again.");
        }
      },
    });
    const following = connection.run(input, {
      ...(agent === undefined ? {} : { agent }),
      onEvent(event) {
        if (missed && event.type === EventType.RUN_STARTED && event.runId !== runId) {
          return fail({ code: "lost", message: "The server does not know how this run went on." });
        }
        listener.event(event);
        const ending = endingOf(event);
        if (ending) end(ending);
      },
      onGap() {
        missed = true;
        listener.gap();
      },
      onError(error) {
        const interrupts = error.code === "interrupt_pending" && isRecord(error.details) && error.details.interrupts;
        if (interrupts) end({ kind: "asked", interrupts: interrupts as Interrupt[], refused: true });
        else fail(error);
      },
    });
    stop.addEventListener("abort", cancel);
    if (stop.aborted) cancel();
  });
}

function endingOf(event: AguiEvent): Ending | undefined {
  if (event.type === EventType.RUN_ERROR) return { kind: "failed" };
  if (event.type !== EventType.RUN_FINISHED) return undefined;
  const { outcome } = event;
  if (outcome?.type === "interrupt") return { kind: "asked", interrupts: outcome.interrupts, refused: false };
  return { kind: outcome?.type === "cancelled" ? "cancelled" : "answered" };
}

function unreachable(url: string, why: string): { code: string; message: string } {
  const { protocol, host, pathname } = new URL(url);
  return { code: "unreachable", message: `No Sluice server answers at ${protocol}//${host}${pathname}: ${why}` };
}
