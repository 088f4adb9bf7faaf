import { useState } from "preact/hooks";
import type { Interrupt, ResumeEntry } from "../../protocol/events.ts";
import { answerOf, confirming, decisionsOf, type Field, fieldsFor, formOf } from "../interrupts/schema.ts";
import { answer, busy, conversation } from "../state/chat.ts";
import { count } from "./figures.ts";
import { SchemaFields } from "./schema-fields.tsx";

/** What the graph asks. A run goes on only when all of it is answered, so the answers are sent together. */
export function Interrupts() {
  const asked = conversation.value.interrupts.value;
  return <Questions key={asked.map(({ id }) => id).join()} asked={asked} />;
}

function Questions({ asked }: { asked: readonly Interrupt[] }) {
  const [answers, setAnswers] = useState<ReadonlyMap<string, ResumeEntry>>(new Map());
  const give = (entry: ResumeEntry) => {
    const all = new Map(answers).set(entry.interruptId, entry);
    setAnswers(all);
    if (asked.every(({ id }) => all.has(id))) void answer([...all.values()]);
  };
  const left = asked.length - answers.size;
  return (
    <section class="questions" aria-label="Waiting for your answer">
      {asked.map((interrupt) => (
        <Question
          key={interrupt.id}
          interrupt={interrupt}
          given={answers.get(interrupt.id)}
          onAnswer={give}
          onTakeBack={() => setAnswers(new Map([...answers].filter(([id]) => id !== interrupt.id)))}
        />
      ))}
      {asked.length > 1 && left > 0 && <p class="quiet small">{count(left, "question")} to answer.</p>}
    </section>
  );
}

const AT_BREAKPOINT = "The graph has stopped at a breakpoint.";

/** The question, and below it what it is about. */
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
  readonly given: ResumeEntry | undefined;
  readonly onAnswer: (entry: ResumeEntry) => void;
  readonly onTakeBack: () => void;
}

function Question({ interrupt, given, onAnswer, onTakeBack }: QuestionProps) {
  const form = formOf(interrupt.responseSchema);
  const [decided, decide] = useState<unknown>();
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [problem, setProblem] = useState("");
  const fields = form.decision ? (decided === undefined ? [] : fieldsFor(form.fields, decided)) : form.fields;
  const isBreakpoint = interrupt.reason === "breakpoint";

  const submit = (decision: unknown, asked: readonly Field[]) => {
    try {
      const told = asked.map((field) => [field.name, answerOf(field, values[field.name] ?? field.initial)] as const);
      const filled = told.filter(([, value]) => value !== undefined);
      const payload = form.bare
        ? filled[0]?.[1]
        : { ...(form.decision && { [form.decision.name]: decision }), ...Object.fromEntries(filled) };
      onAnswer({ interruptId: interrupt.id, status: "resolved", payload });
    } catch (thrown) {
      setProblem(thrown instanceof Error ? thrown.message : String(thrown));
    }
  };
  const choose = (decision: unknown) => {
    const wanted = fieldsFor(form.fields, decision);
    if (wanted.length === 0 || decided === decision) submit(decision, wanted);
    else decide(decision);
  };

  if (given)
    return (
      <div class="question given">
        <Asked text={interrupt.message ?? "The graph asks for an answer."} />
        <button type="button" class="link" onClick={onTakeBack}>
          Answered. Change it
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
      <Asked text={interrupt.message ?? (isBreakpoint ? AT_BREAKPOINT : "The graph asks for an answer.")} />
      {!isBreakpoint && (
        <SchemaFields
          id={`question-${interrupt.id}`}
          fields={fields}
          values={values}
          onChange={(name, value) => setValues({ ...values, [name]: value })}
        />
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="row">
        {form.decision &&
          (decided === undefined ? (
            decisionsOf(form.decision).map(({ label, value }, index) => (
              <button
                key={label}
                type="button"
                class={index === 0 ? "button primary" : "button"}
                disabled={busy.value}
                onClick={() => choose(value)}
              >
                {label}
              </button>
            ))
          ) : (
            <>
              <button type="submit" class="button primary" disabled={busy.value}>
                {confirming(decisionsOf(form.decision).find(({ value }) => value === decided)?.label ?? "")}
              </button>
              <button type="button" class="button" onClick={() => decide(undefined)}>
                Back
              </button>
            </>
          ))}
        {!form.decision && (
          <button type="submit" class="button primary" disabled={busy.value}>
            {isBreakpoint ? "Go on" : "Answer"}
          </button>
        )}
        <button
          type="button"
          class="link"
          disabled={busy.value}
          onClick={() => onAnswer({ interruptId: interrupt.id, status: "cancelled" })}
        >
          Do not answer
        </button>
      </div>
    </form>
  );
}
