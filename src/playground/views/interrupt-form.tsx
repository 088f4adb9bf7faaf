import { useEffect, useRef } from "preact/hooks";
import type { Interrupt, ResumeEntry } from "../../protocol/events.ts";
import {
  answerOf,
  confirming,
  type Decision,
  decisionsOf,
  type Field,
  fieldsFor,
  formOf,
  inWords,
} from "../interrupts/schema.ts";
import { answer, answerDraft, busy, conversation, type Given } from "../state/chat.ts";
import { draftOf, keepDraft } from "../state/drafts.ts";
import { focusMessage } from "./focus.ts";
import { count } from "./readable.ts";
import { SchemaFields } from "./schema-fields.tsx";

/** An answer that is not sent yet. */
interface Draft {
  readonly decided?: unknown;
  readonly values?: Readonly<Record<string, string>>;
  readonly problem?: string;
  readonly entry?: ResumeEntry | undefined;
}

const EMPTY: Draft = {};

/** The questions of the graph. The run continues only when all are answered, so the answers are sent together. */
export function Interrupts() {
  const asked = conversation.value.interrupts.value;
  const box = useRef<HTMLElement>(null);
  const entryOf = ({ id }: Interrupt) => draftOf(answerDraft(id), EMPTY).entry;
  const left = asked.filter((interrupt) => !entryOf(interrupt)).length;
  const answered = asked.length - left;
  // The answered form had the focus and is removed, so the next question gets the focus.
  useEffect(() => {
    if (answered > 0) box.current?.querySelector<HTMLElement>("form button, form .field")?.focus();
  }, [answered]);

  const give = (interrupt: Interrupt, draft: Draft) => {
    const given = asked.map((one) => givenOf(one, one === interrupt ? draft.entry : entryOf(one)));
    const complete = given.every((one) => one !== undefined);
    // If the server refuses the answers, the last one can be given again.
    keepDraft(answerDraft(interrupt.id), complete ? { ...draft, entry: undefined } : draft);
    if (!complete) return;
    void answer(given);
    focusMessage();
  };
  return (
    <section class="questions" aria-label="Waiting for your answer" ref={box}>
      {asked.map((interrupt) => (
        <Question key={interrupt.id} interrupt={interrupt} give={(draft) => give(interrupt, draft)} />
      ))}
      {asked.length > 1 && left > 0 && <p class="quiet small">{count(left, "question")} to answer.</p>}
    </section>
  );
}

function givenOf(interrupt: Interrupt, entry: ResumeEntry | undefined): Given | undefined {
  return entry && { entry, question: questionOf(interrupt), answer: inWords(formOf(interrupt.responseSchema), entry) };
}

function questionOf({ message, reason }: Interrupt): string {
  return message ?? (reason === "breakpoint" ? AT_BREAKPOINT : "The graph asks for an answer.");
}

const AT_BREAKPOINT = "The graph has stopped at a breakpoint.";

/** Shows the question, and its details below. */
function Asked({ text }: { text: string }) {
  const [question = "", ...rest] = text.split("\n\n");
  return (
    <div class="asked" dir="auto">
      <p>
        <strong>{question}</strong>
      </p>
      {rest.length > 0 && <p>{rest.join("\n")}</p>}
    </div>
  );
}

interface QuestionProps {
  readonly interrupt: Interrupt;
  readonly give: (draft: Draft) => void;
}

function Question({ interrupt, give }: QuestionProps) {
  const form = formOf(interrupt.responseSchema);
  const name = answerDraft(interrupt.id);
  const draft = draftOf(name, EMPTY);
  const { decided, values = {}, problem, entry } = draft;
  const keep = (changes: Draft) => keepDraft(name, { ...draft, problem: undefined, ...changes });
  const fields = form.decision ? (decided === undefined ? [] : fieldsFor(form.fields, decided)) : form.fields;
  const isBreakpoint = interrupt.reason === "breakpoint";

  const submit = (decision: unknown, asked: readonly Field[]) => {
    try {
      const typed = asked.map((field) => [field.name, answerOf(field, values[field.name] ?? field.initial)] as const);
      const filled = typed.filter(([, value]) => value !== undefined);
      const payload = form.bare
        ? filled[0]?.[1]
        : { ...(form.decision && { [form.decision.name]: decision }), ...Object.fromEntries(filled) };
      give({ ...draft, entry: { interruptId: interrupt.id, status: "resolved", payload } });
    } catch (thrown) {
      keep({ problem: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  };
  const choose = ({ value }: Decision) => {
    const wanted = fieldsFor(form.fields, value);
    if (wanted.length === 0) submit(value, wanted);
    else keep({ decided: value });
  };
  const decisions = form.decision ? decisionsOf(form.decision) : [];
  const main = decisions.find(({ refuses }) => !refuses);
  const chosen = decisions.find(({ value }) => value === decided);

  if (entry)
    return (
      <div class="question given">
        <Asked text={questionOf(interrupt)} />
        <p class="given-answer" dir="auto">
          {inWords(form, entry)}
        </p>
        <button type="button" class="link" onClick={() => keep({ entry: undefined })}>
          Change the answer
        </button>
      </div>
    );
  return (
    <form
      class="question"
      aria-label={interrupt.message ?? "Question"}
      onSubmit={(event) => {
        event.preventDefault();
        submit(decided, fields);
      }}
    >
      <Asked text={questionOf(interrupt)} />
      {!isBreakpoint && (
        <SchemaFields
          id={`question-${interrupt.id}`}
          fields={fields}
          values={values}
          onChange={(field, value) => keep({ values: { ...values, [field]: value } })}
        />
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="row">
        {!chosen &&
          decisions.map((one) => (
            <button
              key={one.label}
              type="button"
              class={looksOf(one, one === main)}
              disabled={busy.value}
              onClick={() => choose(one)}
            >
              {one.label}
            </button>
          ))}
        {chosen && (
          <>
            <button type="submit" class={looksOf(chosen, true)} disabled={busy.value}>
              {confirming(chosen.label)}
            </button>
            <button type="button" class="button" onClick={() => keep({ decided: undefined })}>
              Back
            </button>
          </>
        )}
        {!form.decision && (
          <button type="submit" class="button primary" disabled={busy.value}>
            {isBreakpoint ? "Go on" : "Answer"}
          </button>
        )}
        <button
          type="button"
          class="link"
          disabled={busy.value}
          onClick={() => give({ ...draft, entry: { interruptId: interrupt.id, status: "cancelled" } })}
        >
          Skip
        </button>
      </div>
    </form>
  );
}

/** A button that refuses never has the colour of approval. */
function looksOf({ refuses }: Decision, main: boolean): string {
  if (refuses) return "button danger";
  return main ? "button primary" : "button";
}
