/** The spans that graph events end: messages that still stream although their node is over, and the steps of nodes. */
import type { AguiEvent } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import type { CallBook } from "./call-book.ts";
import { Executions, placeOf } from "./executions.ts";
import type { MessageSpans } from "./message-spans.ts";
import type { OpenMessages } from "./open-messages.ts";
import type { SentMessages } from "./sent-messages.ts";
import type { Steps } from "./steps.ts";

export class Ends {
  readonly #messages: OpenMessages;
  readonly #steps: Steps;
  readonly #sent: SentMessages;
  readonly #book: CallBook;
  readonly #executions = new Executions();

  constructor(messages: OpenMessages, steps: Steps, sent: SentMessages, book: CallBook) {
    this.#messages = messages;
    this.#steps = steps;
    this.#sent = sent;
    this.#book = book;
  }

  /** Closes messages whose model has not come to its end. Nobody waits for the rest of them. */
  cutOff(wanted: (spans: MessageSpans) => boolean): AguiEvent[] {
    const { closers, calls } = this.#messages.abandonAll(wanted);
    for (const { id } of calls) this.#book.cutOff(id);
    return closers;
  }

  /** Closes what an event ends, innermost first. A model call of a node that has ended itself may still go on. */
  of(event: GraphEvent): AguiEvent[] {
    const over = this.#executions.push(event).map(({ place }) => place);
    const left = new Set<string | undefined>(over.filter((place) => place !== placeOf(event)));
    const unheld = this.#messages.abandonAll(({ messageId }) => this.#sent.placeOf(messageId) === undefined);
    for (const { id } of unheld.calls) this.#book.withdraw(id);
    const closers = this.cutOff(({ messageId }) => left.has(this.#sent.placeOf(messageId)));
    return [...unheld.closers, ...closers, ...over.flatMap((place) => this.#steps.finish(place))];
  }
}
